"""MAIL, RCPT, DATA and BDAT: one transaction after another, each judged by the room's delivery object.

The reply to the end of a content is the room's; whatever is not its clear word is 4xx, since a 5xx of ours would
lose mail by our own ignorance.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import connectionDone
from twisted.mail import smtp
from twisted.python.failure import Failure

from smtpeter.message.envelope import Recipient
from smtpeter.message.status import Refusal, Reply, refusal
from smtpeter.session.commands import Commands
from smtpeter.session.interface import Client, IContentMessage, Origin
from smtpeter.session.reception import NO_MEMORY, Reception
from smtpeter.session.reply import BAD_SEQUENCE
from smtpeter.smtp.extensions import mail_parameters, rcpt_parameters
from smtpeter.smtp.framing import BdatReader, DataReader
from smtpeter.smtp.syntax import parse_bdat, parse_mail, parse_rcpt

_SENDER_OK = Reply(250, "2.1.0", "Sender ok")
_RECIPIENT_OK = Reply(250, "2.1.5", "Recipient ok")
_GO_AHEAD = Reply(354, "", "End data with <CR><LF>.<CR><LF>")
_CHUNK_OK = Reply(250, "2.0.0", "Chunk received")
_HUGE_CHUNK = Reply(552, "5.3.4", "Message too big")
_TINY = 1024  # octets: a chunk below it that is not the last brings the message no nearer
_DRAINED = 4  # times the maximum size: a chunk above that is not waited for


class Transactions(Commands):
    """A conversation that takes messages."""

    _tls = ""  # facts of the TLS session
    _reception: Reception | None = None
    _tried = False  # there was a RCPT

    def client(self) -> Client:
        return Client(
            helo=self._helo[0].decode(),
            address=self.address,
            extended=self._extended,
            tls=self._tls,
            authenticated=self.authenticated,
        )

    def reset(self) -> None:
        super().reset()
        self._tried = False
        if self._reception is not None:
            self._reception.interrupt()
            self._reception = None

    def close(self) -> None:
        self.reset()
        super().close()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        self.reset()
        super().connectionLost(reason)

    # MAIL and RCPT

    def do_MAIL(self, argument: str) -> None:  # noqa: N802
        if self._helo is None or self._from is not None:
            raise Refusal(BAD_SEQUENCE)
        if self.deliveryFactory is None:
            raise self._not_admitted()
        self.reset()  # of chunks that belonged to no transaction
        path = parse_mail(argument, utf8=True)
        parameters = mail_parameters(path.parameters, maximum_size=self.setup.limits.maximum_size)
        origin = Origin(path.address, parameters, self.client())
        self.delivery = self.deliveryFactory.getMessageDelivery()
        judged = self.delivery.validateFrom(self._helo, origin)
        if isinstance(judged, Deferred):
            judged.addCallbacks(self._sender_accepted, self.refused)
        else:
            self._sender_accepted(judged)

    def _not_admitted(self) -> Refusal:
        if not self.startedTLS and self.canStartTLS:
            return refusal(530, "5.7.0", "Must issue a STARTTLS command first")  # RFC 3207 4
        return refusal(530, "5.7.0", "Authentication required")  # RFC 4954 6

    def _sender_accepted(self, origin: Origin) -> None:
        self._from = origin
        self.say(_SENDER_OK)

    def do_RCPT(self, argument: str) -> None:  # noqa: N802
        if self._from is None or self._reception is not None:
            raise Refusal(BAD_SEQUENCE)
        if len(self._to) >= self.setup.limits.maximum_recipients:
            raise refusal(452, "4.5.3", "Too many recipients")  # RFC 5321 4.5.3.1.10
        self._tried = True
        path = parse_rcpt(argument, utf8=self._from.parameters.smtputf8)
        parameters = rcpt_parameters(path.parameters)
        assert path.address is not None
        judged = self.delivery.validateTo(Recipient(path.address, parameters.notify, parameters.orcpt))
        if isinstance(judged, Deferred):
            judged.addCallbacks(self._recipient_accepted, self.refused)
        else:
            self._recipient_accepted(judged)

    def _recipient_accepted(self, opened: Callable[[], IContentMessage]) -> None:
        self._to.append(opened)
        self.say(_RECIPIENT_OK)

    # DATA

    def do_DATA(self, argument: str) -> None:  # noqa: N802
        if argument:
            raise refusal(501, "5.5.4", "DATA takes no argument")
        if self._reception is not None:
            raise Refusal(BAD_SEQUENCE)  # RFC 3030 2: DATA and BDAT do not mix
        self._expect_recipients()
        self._receive(DataReader(self.setup.limits.maximum_size))
        self.say(_GO_AHEAD)

    def _expect_recipients(self) -> None:
        if not self._to:
            if self._tried:
                raise refusal(554, "5.5.1", "No valid recipients")  # RFC 5321 3.3
            raise Refusal(BAD_SEQUENCE)
        if not self.setup.quota.has_room_for(self._from.parameters.size or 0):
            raise Refusal(NO_MEMORY)

    def _receive(self, reader: DataReader | BdatReader) -> None:
        """Open the message and let the next octets be its content."""
        message = self._to[0]()
        self._reception = Reception(reader, message, self.setup.quota, self.setup.clock.seconds())
        self._pump.expect(reader, self)
        self.mode = smtp.DATA

    def patience(self) -> float:
        if self.mode == smtp.DATA and self._reception is not None:
            return self._reception.patience(self.setup.clock.seconds(), self.setup.limits)
        return super().patience()

    def content_grew(self, octets: int) -> None:
        assert self._reception is not None
        self._reception.grew(octets)
        self._deadline.set(self.patience())

    def content_ended(self, octets: int) -> None:
        self.mode = smtp.COMMAND
        reception = self._reception
        assert reception is not None
        reception.grew(octets)
        if isinstance(reception.reader, BdatReader) and not reception.last:
            self.say(reception.reader.refusal.reply if reception.reader.refusal else _CHUNK_OK)
            return
        self._reception = None
        super().reset()
        self._tried = False
        try:
            content = reception.content()
        except Refusal as refused:
            reception.interrupt()
            self.say(refused.reply)
            return
        self._deliver(reception, content)

    def _deliver(self, reception: Reception, content: bytes) -> None:
        assert reception.message is not None
        try:
            reception.message.contentReceived(content)
            judged = reception.message.eomReceived()
        except Exception:  # noqa: BLE001 - a fault of ours, whatever it is, must come out as 451
            judged = fail()
        judged.addCallbacks(
            self._message_accepted, self._message_refused, callbackArgs=(reception,), errbackArgs=(reception,)
        )

    def _message_refused(self, failure: Failure, reception: Reception) -> None:
        reception.release()
        self.refused(failure)

    def _message_accepted(self, reply: Reply, reception: Reception) -> None:
        reception.release()
        self.forgive()
        self.say(reply)

    # BDAT (RFC 3030)

    def do_BDAT(self, argument: str) -> None:  # noqa: N802
        try:
            chunk = parse_bdat(argument)
        except Refusal as refused:
            self.leave(refused.reply)  # what follows may be content, and must not be heard as commands
            return
        if chunk.size > _DRAINED * self.setup.limits.maximum_size:
            self.leave(_HUGE_CHUNK)
            return
        if self._reception is None:
            self._begin_chunks()
        assert self._reception is not None
        reader = self._reception.reader
        assert isinstance(reader, BdatReader)
        self._reception.last = chunk.last
        self._junk += chunk.size < _TINY and not chunk.last
        reader.begin(chunk.size)
        self.mode = smtp.DATA
        self._pump.expect(reader, self)
        self._deadline.set(self.patience())
        self._pump.answered()  # the reply comes once the chunk is in

    def _begin_chunks(self) -> None:
        """The first chunk of a message; one that is not wanted must be read past all the same."""
        reader = BdatReader(self.setup.limits.maximum_size)
        try:
            self._expect_recipients()
            self._receive(reader)
        except Refusal as refused:
            reader.refuse(refused)
            self._reception = Reception(reader, None, self.setup.quota, self.setup.clock.seconds())
