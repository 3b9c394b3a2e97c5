"""AUTH and STARTTLS: the two exchanges after which a client is another one than before."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import connectionDone
from twisted.mail import smtp
from twisted.mail.interfaces import IMessageDeliveryFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from smtpeter.message.status import Refusal, Reply, refusal
from smtpeter.session.certificates import facts
from smtpeter.session.reply import BAD_SEQUENCE
from smtpeter.session.transaction import Transactions

_INVALID = Reply(535, "5.7.8", "Authentication credentials invalid")
_UNAVAILABLE = Reply(454, "4.7.0", "Temporary authentication failure")
_TOO_MANY_FAILURES = Reply(421, "4.7.0", "Too many failed logins")


@implementer(IHandshakeListener)
class Session(Transactions):
    """The whole conversation: what a SessionFactory makes for each connection."""

    challenger: Any

    _shaking = False  # hands, for TLS
    _greeted = False
    _failures = 0

    # STARTTLS (RFC 3207), and TLS from the first octet (RFC 8314 3.3)

    def begin(self) -> None:
        if self.setup.implicit_tls:
            self._start_tls()
        else:
            self._greet()

    def _greet(self) -> None:
        self._greeted = True
        super().begin()

    def _start_tls(self) -> None:
        self._shaking = self._heard = True
        self.startedTLS = True
        self._deadline.set(self.setup.limits.handshake_timeout)
        self.flush()
        self.transport.startTLS(self.ctx)
        # The library gathers small writes by a timer, until the reactor's next turn. Replies were gathered already.
        vars(self.transport.protocol).pop("write", None)
        self._pump.resumeProducing()  # what paused us, since we wrote too much, is not known to TLS

    def handshakeCompleted(self) -> None:  # noqa: N802 - IHandshakeListener
        self._shaking = False
        self._tls = facts(self.transport.getHandle())
        if self._greeted:
            self._deadline.set(self.patience())
        else:
            self._greet()

    def ext_STARTTLS(self, argument: str) -> None:  # noqa: N802
        if argument:
            raise refusal(501, "5.5.4", "STARTTLS takes no argument")
        if self.startedTLS:
            raise Refusal(BAD_SEQUENCE)
        if not self.canStartTLS:
            raise refusal(454, "4.7.0", "TLS not available")
        if self._pump.forget():
            # Commands that came in clear behind STARTTLS must never be taken for ones inside it (CVE-2011-0411).
            self.leave(Reply(554, "5.5.1", "Nothing may follow STARTTLS"))
            return
        self._become_unknown()
        self._said.append(b"220 2.0.0 Ready to start TLS\r\n")
        self._start_tls()
        self._pump.answered()

    def _become_unknown(self) -> None:
        """RFC 3207 4.2: forget whatever the client said."""
        self.reset()
        self.log_out()
        self._helo = None
        self.delivery = None
        self.authenticated = False
        self.deliveryFactory = self.setup.admission.admit(self.address)

    def finish(self) -> None:
        if self._shaking:
            self.abort()
        else:
            super().finish()

    def _deadline_passed(self) -> None:
        if self._shaking:
            self.abort()
        else:
            super()._deadline_passed()

    # AUTH (RFC 4954)

    def ext_AUTH(self, argument: str) -> None:  # noqa: N802
        mechanism, _, initial = argument.partition(" ")
        if self.portal is None:
            raise refusal(502, "5.5.1", "AUTH not available")
        if not self.startedTLS:
            raise refusal(538, "5.7.11", "Encryption required for authentication")
        if self.authenticated or self._helo is None or self._from is not None:
            raise Refusal(BAD_SEQUENCE)
        if not mechanism:
            raise refusal(501, "5.5.4", "AUTH wants a mechanism")
        make = self.challengers.get(mechanism.upper().encode("utf-8"))
        if make is None:
            raise refusal(504, "5.5.4", "Unknown authentication mechanism")
        self.challenger = make()
        self.challenger.address = self.address
        if initial:
            # RFC 4954 4: "=" is the empty initial response.
            self._answer(b"" if initial == "=" else _decoded(initial.strip().encode()))
        else:
            self._ask()

    def _ask(self) -> None:
        self.mode = smtp.AUTH
        self.say(Reply(334, "", base64.b64encode(self.challenger.getChallenge()).decode()))

    def state_AUTH(self, line: bytes) -> None:  # noqa: N802
        self.mode = smtp.COMMAND
        try:
            if line == b"*":
                raise refusal(501, "5.7.0", "Authentication cancelled")
            self._answer(_decoded(line))
        except Refusal as refused:
            self.say(refused.reply)

    def _answer(self, response: bytes) -> None:
        credentials, self.challenger = self.challenger, None
        try:
            credentials.setResponse(response)
        except UnauthorizedLogin:
            self._fail(_INVALID)
            return
        if credentials.moreChallenges():
            self.challenger = credentials
            self._ask()
            return
        judged: Deferred[object] = self.portal.login(credentials, None, IMessageDeliveryFactory)
        judged.addCallback(self._cbAuthenticated)
        judged.addCallbacks(self._logged_in, self._ebAuthenticated)

    def _logged_in(self, _: object) -> None:
        self.reset()
        self.say(Reply(235, "2.7.0", "Authentication successful"))

    def _ebAuthenticated(self, reason: Failure) -> None:  # noqa: N802
        error = reason.value
        if isinstance(error, UnauthorizedLogin):
            self._fail(_INVALID)
        elif isinstance(error, Refusal):
            self._fail(error.reply)
        else:
            self._log.failure("{address}: login cannot be checked", reason, address=self.address)
            self.say(_UNAVAILABLE)

    def _fail(self, reply: Reply) -> None:
        """RFC 4954 9: failures are slow, and few."""
        limits = self.setup.limits
        self._failures += 1
        if self._failures >= limits.maximum_failures:
            self._farewell = _TOO_MANY_FAILURES
        self.say(reply, delay=limits.error_delay * 2 ** (self._failures - 1))

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        self.challenger = None
        super().connectionLost(reason)


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise refusal(501, "5.5.2", "That is no base64") from None
