"""twisted.mail's delivery objects for what comes back: judged at RCPT, kept with all that follows before the 250.

Nobody logs in here, and nothing is relayed. Whatever goes wrong before the store has it is a refusal, 4xx when it is
our trouble; nothing is ever answered but by the replies of the session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.logger import Logger
from twisted.mail.interfaces import IMessageDelivery, IMessageDeliveryFactory
from zope.interface import implementer

from smtpeter.message.address import Address
from smtpeter.message.envelope import Recipient
from smtpeter.message.header import fields
from smtpeter.message.identifier import show
from smtpeter.message.status import Refusal, Reply, refusal
from smtpeter.returns.findings import Arrival
from smtpeter.returns.handling import Consequences, Handling
from smtpeter.returns.interface import Neighbours
from smtpeter.returns.judgement import Mailbox, Reach, ReturnPath, Role, judge
from smtpeter.returns.recognition import Confidence, Kind, Recognition
from smtpeter.session.interface import Origin
from smtpeter.session.reply import LOCAL_TROUBLE
from smtpeter.session.whole import WholeMessage
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.returned import Returned

_FULL = Reply(452, "4.3.1", "No room for mail now, try again later")
_FOR_PEOPLE = Recognition(Kind.UNKNOWN, "mail for people", Confidence.HIGH)
_UNREAD = Recognition(Kind.UNKNOWN, "the recogniser failed", Confidence.LOW)


@dataclass(frozen=True, slots=True)
class Taken:
    """A recipient that was taken."""

    at: Address
    mailbox: Mailbox


@implementer(IMessageDeliveryFactory)
class Receiver:
    """What everybody who connects may send by. `reach()`: what mail is taken for, as it stands now."""

    def __init__(
        self, neighbours: Neighbours, handling: Handling, reach: Callable[[], Reach], maximum_hops: int
    ) -> None:
        self.neighbours = neighbours
        self.handling = handling
        self.reach = reach
        self.maximum_hops = maximum_hops

    def admit(self, _address: str, /) -> Receiver:
        """The session's Admission: nobody has to log in."""
        return self

    def getMessageDelivery(self) -> ReturnsDelivery:  # noqa: N802
        return ReturnsDelivery(self)


@implementer(IMessageDelivery)
class ReturnsDelivery:
    """One transaction."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._origin: Origin
        self._taken: dict[Mailbox, Taken] = {}

    def validateFrom(self, helo: object, origin: Origin) -> Origin:  # noqa: ARG002, N802
        self._origin = origin
        return origin

    def validateTo(self, user: Recipient) -> Callable[[], WholeMessage]:  # noqa: N802
        receiver = self._receiver
        mailbox = judge(user.address, receiver.reach(), receiver.neighbours.ring())
        key = ReturnPath(mailbox.delivery, Address("", "")) if isinstance(mailbox, ReturnPath) else mailbox
        self._taken.setdefault(key, Taken(user.address, mailbox))
        return self._open

    def _open(self) -> WholeMessage:
        returned = ReturnedMessage(self._receiver, self._origin, tuple(self._taken.values()))
        return WholeMessage(returned.take)

    def receivedHeader(self, helo: object, origin: object, recipients: object) -> bytes:  # noqa: ARG002, N802
        """None from here: only what is passed on gets a trace."""
        return b""


class ReturnedMessage:
    """The message of one transaction, for all its mailboxes."""

    _log = Logger()

    def __init__(self, receiver: Receiver, origin: Origin, taken: tuple[Taken, ...]) -> None:
        self._receiver = receiver
        self._origin = origin
        self._taken = taken

    async def take(self, content: bytes) -> Reply:
        """Keep what follows from it. Raises Refusal."""
        receiver = self._receiver
        _judge_hops(content, receiver.maximum_hops)
        arrival = await self._arrival(content)
        parts = [
            await receiver.handling.consequences(arrival, self._origin, one.at, one.mailbox)
            for one in self._taken
        ]
        try:
            await receiver.neighbours.returns.keep(_together(arrival, parts))
        except SpoolUnavailable as unavailable:
            raise Refusal(
                _FULL if unavailable.full else LOCAL_TROUBLE, f"spool: {unavailable}"
            ) from unavailable
        self._log_arrival(arrival)
        return Reply(250, "2.0.0", f"Ok, taken as {show(arrival.number)}")

    async def _arrival(self, content: bytes) -> Arrival:
        neighbours, origin = self._receiver.neighbours, self._origin
        for_people = all(one.mailbox is Role.POSTMASTER for one in self._taken)
        return Arrival(
            number=neighbours.identifiers.message(),
            when=neighbours.now(),
            content=content,
            recognition=_FOR_PEOPLE if for_people else await self._recognised(content),
            source=origin.client.address,
            sender="" if origin.return_path is None else str(origin.return_path),
        )

    async def _recognised(self, content: bytes) -> Recognition:
        try:
            return await self._receiver.neighbours.recognise(content)
        except Exception:  # noqa: BLE001 - whatever ails the recogniser, it would again: the mail is passed on as it came
            self._log.failure("what came back could not be recognised")
            return _UNREAD

    def _log_arrival(self, arrival: Arrival) -> None:
        said = arrival.recognition
        self._log.info(
            "{address}: {kind} ({rule}) for {mailboxes}",
            address=arrival.source,
            kind=said.kind.value,
            rule=said.rule,
            mailboxes=", ".join(_named(one) for one in self._taken),
        )


def _named(taken: Taken) -> str:
    mailbox = taken.mailbox
    return show(mailbox.delivery) if isinstance(mailbox, ReturnPath) else mailbox.value


def _judge_hops(content: bytes, maximum: int) -> None:
    """RFC 5321 6.3: a message that has come this far goes round in circles."""
    found, _ = fields(content)
    if sum(field.name.lower() == "received" for field in found) >= maximum:
        raise refusal(554, "5.4.6", "Too many hops: this message goes round in circles")


def _together(arrival: Arrival, parts: list[Consequences]) -> Returned:
    """All consequences as one; the text is kept where an event refers to it."""
    events = tuple(event for part in parts for event in part.events)
    return Returned(
        number=arrival.number,
        time=arrival.when,
        original=arrival.beginning if events else b"",
        events=events,
        failures=tuple(late for part in parts for late in part.failures),
        forwards=tuple(forward for part in parts for forward in part.forwards),
        suppressions=tuple(entry for part in parts for entry in part.suppressions),
        portions=tuple(portion for part in parts for portion in part.portions),
    )
