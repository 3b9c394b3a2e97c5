"""The server's side of a conversation: hearing, speaking, patience, and the commands that need no judgement.

A subclass of twisted.mail.smtp.ESMTP. What stock Twisted lacks is put right here and in the two classes that build
on this one: lines come through the Pump, one at a time; every reply has its enhanced status code; every wait has
its end. A client that makes nothing but errors is answered more and more slowly, then with 421.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twisted.cred.credentials import IUsernamePassword
from twisted.cred.portal import Portal
from twisted.internet.interfaces import (
    IDelayedCall,
    IOpenSSLServerConnectionCreator,
    IReactorTime,
    ITCPTransport,
    ITLSTransport,
)
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.mail import smtp
from twisted.python.failure import Failure

from smtpeter.message.status import Refusal, Reply
from smtpeter.session.deadline import Deadline
from smtpeter.session.interface import Admission
from smtpeter.session.limits import Limits, Quota
from smtpeter.session.pump import Pump
from smtpeter.session.reply import LOCAL_TROUBLE, SHUTTING_DOWN, TIMEOUT, encode
from smtpeter.smtp.limits import LIMITS
from smtpeter.smtp.syntax import split_command

_TLS_HANDSHAKE = b"\x16"  # first octet of a ClientHello (RFC 8446 5.1)
_OTHER_PROTOCOLS = frozenset(
    {"GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "CONNECT", "TRACE", "PRI"}
)
_TOO_MANY_ERRORS = Reply(421, "4.7.0", "Too many errors")
_NO_SMTP = Reply(421, "4.7.0", "This is an SMTP server")
_TOO_LONG = Reply(500, "5.5.6", "Line too long")
_LONGEST_DELAY = 5  # times Limits.error_delay


@dataclass(frozen=True, slots=True)
class Setup:
    """What all sessions of a listener share. Without a portal there is no AUTH, without `tls` no STARTTLS.

    `for_strangers`: nobody there has shown who he is, so that a refused recipient counts as an error.
    """

    hostname: str
    limits: Limits
    quota: Quota
    admission: Admission
    clock: IReactorTime
    tls: IOpenSSLServerConnectionCreator | None = None
    implicit_tls: bool = False
    portal: Portal | None = None
    mechanisms: Mapping[bytes, Callable[[], IUsernamePassword]] = field(default_factory=dict)
    for_strangers: bool = False


class Conversation(smtp.ESMTP):
    """One connection. `address` is the client's IP address, `over` is called once when the connection is gone."""

    # What the stock class leaves untyped.
    transport: Any
    portal: Any
    delivery: Any
    deliveryFactory: Any  # noqa: N815
    _helo: Any
    _from: Any

    _log = Logger()

    def __init__(self, setup: Setup, address: str, over: Callable[[Conversation], None]) -> None:
        super().__init__(dict(setup.mechanisms), setup.tls)  # type: ignore[no-untyped-call]
        self.host = setup.hostname
        self.portal = setup.portal
        self.deliveryFactory = setup.admission.admit(address)
        self.setup = setup
        self.address = address
        self._over = over
        self._pump = Pump(self, setup.limits.waiting_input, setup.clock)
        self._deadline = Deadline(setup.clock, self._deadline_passed)
        self._began = setup.clock.seconds()
        self._helo = None
        self._extended = False
        self._heard = False
        self._closing = False
        self._farewell: Reply | None = None
        self._delayed: IDelayedCall | None = None
        self._said: list[bytes] = []  # and not written yet
        self._errors = 0
        self._junk = 0

    # The connection

    def connectionMade(self) -> None:  # noqa: N802
        # Not the stock method, which greets before TLS and keeps a timer of its own.
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
        self.canStartTLS = self.ctx is not None and ITLSTransport.providedBy(self.transport)
        self._pump.connect(self.transport)
        self.begin()

    def begin(self) -> None:
        """The connection is there; the greeting tells no version (RFC 5321 7.5)."""
        self.say(Reply(220, "", f"{self.setup.hostname} ESMTP"))

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        if not self._heard:
            self._heard = True
            if data.startswith(_TLS_HANDSHAKE):
                self.leave(_NO_SMTP)
                return
        self._pump.feed(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002, N802
        self._closing = True
        self._pump.stop()
        self._deadline.cancel()
        if self._delayed is not None:
            self._delayed.cancel()
            self._delayed = None
        self.log_out()
        self._over(self)

    def log_out(self) -> None:
        """End what AUTH began (the avatar's logout, by cred's contract)."""
        if self._onLogout is not None:
            self._onLogout()
            self._onLogout = None

    def finish(self) -> None:
        """The server shuts down: end with 421, after what is being received or judged now (RFC 5321 3.8)."""
        self._farewell = SHUTTING_DOWN
        if self._pump.is_idle:
            self.leave(SHUTTING_DOWN)

    def leave(self, reply: Reply) -> None:
        """Say a last word and close."""
        if not self._closing:
            self._said.append(encode(reply))
            self.close()

    def close(self) -> None:
        self.flush()
        self._closing = True
        self._pump.stop()
        self.transport.unregisterProducer()  # TLS closes only without one
        self.transport.loseConnection()
        self._deadline.set(self.setup.limits.closing_timeout)

    def abort(self) -> None:
        self._closing = True
        self._pump.stop()
        self.transport.abortConnection()

    # Speaking

    def say(self, reply: Reply, delay: float = 0.0) -> None:
        """Answer what came last: every command comes to this exactly once. Errors are counted and slowed down."""
        if self._closing:
            return  # nobody is there to hear it
        if reply.code >= 500 and self._is_error(reply):
            self._errors += 1
            delay = max(delay, self._error_delay())
        if delay:
            self._delayed = self.setup.clock.callLater(delay, self._say_now, reply)
        else:
            self._say_now(reply)

    def sendCode(self, code: int, message: bytes = b"") -> None:  # noqa: N802
        # The stock class speaks by this; whatever of it still does goes the same way.
        self.say(Reply(code, "", message.decode("utf-8", "replace")))

    def _say_now(self, reply: Reply) -> None:
        self._delayed = None
        if self._closing:
            return
        self._said.append(encode(reply))
        if self._errors > self.setup.limits.maximum_errors or self._junk > self.setup.limits.maximum_junk:
            self.leave(_TOO_MANY_ERRORS)
        elif self._farewell is not None and not self._pump.expects_content:
            self.leave(self._farewell)
        else:
            self._deadline.set(self.patience())
            self._pump.answered()

    def _is_error(self, reply: Reply) -> bool:
        """A refused recipient is no error of a client that may send: a list may have many (bad syntax is one)."""
        nobody = self.deliveryFactory is None or self.setup.for_strangers
        return nobody or reply.enhanced.startswith("5.5.")

    def _error_delay(self) -> float:
        late = self._errors - self.setup.limits.maximum_errors // 2
        return max(0, min(late, _LONGEST_DELAY)) * self.setup.limits.error_delay

    def forgive(self) -> None:
        """A message came through: errors are counted anew."""
        self._errors = self._junk = 0

    # Hearing: what the pump calls

    def line_limit(self) -> int:
        return LIMITS.auth_line if self.mode == smtp.AUTH else LIMITS.command_line

    def line_came(self, line: bytes) -> None:
        if self.setup.clock.seconds() - self._began > self.setup.limits.session_timeout:
            self.leave(Reply(421, "4.4.2", "This session has lasted long enough"))
        else:
            self.lineReceived(line)

    def line_was_too_long(self) -> None:
        self.mode = smtp.COMMAND  # an AUTH exchange ends here
        self.say(_TOO_LONG)

    def line_does_not_end(self) -> None:
        self.leave(_TOO_LONG)

    def busy(self) -> None:
        if not self._closing:
            self._deadline.lift()

    def flush(self) -> None:
        if self._said:
            said, self._said = self._said, []
            self.transport.write(b"".join(said))

    def patience(self) -> float:
        """Seconds until the client must have said the next thing, whole."""
        return self.setup.limits.command_timeout

    def _deadline_passed(self) -> None:
        if self._closing:
            self.abort()
        else:
            self.leave(TIMEOUT)

    # Judging

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        # Not the stock method, which moves a timer for every line.
        getattr(self, "state_" + self.mode)(line)

    def state_COMMAND(self, line: bytes) -> None:  # noqa: N802
        try:
            command = split_command(line)
            if command.verb in _OTHER_PROTOCOLS:  # a browser made to speak to us: hear no more of it
                self.leave(_NO_SMTP)
                return
            handler = self.lookupMethod(command.verb) or self.do_UNKNOWN
            handler(command.argument)
        except Refusal as refused:
            self.say(refused.reply)
        except Exception:  # noqa: BLE001 - a fault of ours costs this command (451), not the session
            self.refused(Failure())

    def lookupMethod(self, command: str) -> Callable[[str], None] | None:  # noqa: N802
        # Not the stock method: it decodes the verb as ASCII.
        found: Any = getattr(self, "do_" + command, None) or getattr(self, "ext_" + command, None)
        return found if command.isalpha() else None

    def refused(self, failure: Failure) -> None:
        """The end of a judgement that is not a yes: a Refusal, or trouble of ours."""
        error = failure.value
        if isinstance(error, Refusal):
            if error.cause:
                self._log.info(
                    "{address}: {reply} ({cause})",
                    address=self.address,
                    reply=str(error.reply),
                    cause=error.cause,
                )
            self.say(error.reply)
        else:
            self._log.failure("{address}: trouble in a session", failure, address=self.address)
            self.say(LOCAL_TROUBLE)
