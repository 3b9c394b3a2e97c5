"""What the spool keeps: messages, their deliveries, claims on them, and how a claim is settled."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from smtpeter.journal.events import Event
from smtpeter.message.address import Address
from smtpeter.message.edit import Report, Template
from smtpeter.message.envelope import Envelope, Recipient
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.message.options import Priority, Switches
from smtpeter.message.returning import Returning
from smtpeter.message.status import Outcome, Result
from smtpeter.spool.states import State, Step, after

_STEPS = {
    Result.DELIVERED: Step.DELIVER,
    Result.DEFERRED: Step.DEFER,
    Result.FAILED: Step.FAIL,
    Result.EXPIRED: Step.EXPIRE,
}


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it was accepted. Times are Unix seconds, sizes octets.

    `content` is the original as it came; what leaves is `template` rendered over it.
    With `returning` the return path is replaced by our own at the attempt; without, its bounces are not tracked.
    `foreign`: strangers wrote it, and we pass it on: it is never signed as if it were ours.
    `pending`: what the switches ask has still to be done; until then the template has the edits of the header section.
    `facts` are what the operator is shown and searches by: subject, from, message-id, the client's address, TLS.
    """

    id: MessageId
    login: str
    accepted_at: float
    envelope: Envelope
    content: bytes
    template: Template
    report: Report
    switches: Switches
    tags: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    give_up_at: float | None = None  # the message's own deadline, if it brought one
    priority: Priority = Priority.NORMAL
    returning: Returning | None = None
    foreign: bool = False
    pending: bool = False

    @property
    def reports_to(self) -> Address | None:
        """Who is told what became of it; None is nobody."""
        return self.envelope.return_path if self.returning is None else self.returning.reports_to


@dataclass(frozen=True, slots=True)
class Delivery:
    """One recipient of one message on its way. `due_at` means nothing once the state is final."""

    id: DeliveryId
    message: MessageId
    recipient: Recipient
    state: State = State.DUE
    attempts: int = 0  # attempts made so far
    due_at: float = 0.0
    accepted_at: float = 0.0
    warned_at: float | None = None  # when the delay report was made
    last: Outcome | None = None  # what the last attempt ended in

    @property
    def domain(self) -> str:
        """The recipient's, in lower case."""
        return self.recipient.address.domain.lower()


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's right to work on a delivery; a settle is refused once `epoch` is no longer the row's."""

    delivery: Delivery
    epoch: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """A claim given back: the outcome, when it is due again (deferred only), and the events that tell of it.

    `warned`: the delay report is made now, at the time of the last event.
    """

    claim: Claim
    outcome: Outcome
    events: tuple[Event, ...]
    due_at: float | None = None
    warned: bool = False

    def delivery(self) -> Delivery:
        """The delivery as the settlement leaves it; ValueError when it is deferred to no time."""
        claimed = self.claim.delivery
        if self.due_at is None and not self.outcome.is_final:
            raise ValueError("a deferred delivery must be due again")
        return replace(
            claimed,
            state=after(State.CLAIMED, _STEPS[self.outcome.result]),
            attempts=claimed.attempts + 1,
            due_at=claimed.due_at if self.due_at is None else self.due_at,
            warned_at=self.events[-1].time if self.warned and self.events else claimed.warned_at,
            last=self.outcome,
        )


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message with its deliveries and events, to be kept in one transaction.

    `claimed`: born claimed by the worker that accepts it, while that worker has room.
    """

    message: Message
    deliveries: tuple[Delivery, ...]
    events: tuple[Event, ...]
    claimed: bool = False


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which deliveries an operator means; None means any. Domains are compared in lower case, all else exactly.

    `site` is the name of a site, or of a domain that is one by itself; `sender` the return path, "" the null one;
    `accepted_before` Unix seconds; `after` is the last delivery that has been seen already.
    """

    states: tuple[State, ...] | None = (State.DUE, State.CLAIMED, State.HELD)
    domain: str | None = None
    login: str | None = None
    recipient: str | None = None
    message: MessageId | None = None
    delivery: DeliveryId | None = None
    site: str | None = None
    sender: str | None = None
    accepted_before: float | None = None
    after: DeliveryId | None = None


@dataclass(frozen=True, slots=True)
class Visited:
    """What a click or an open has to know of its delivery; `delivered_at` in Unix seconds, when that is known."""

    message: MessageId
    login: str
    recipient: str
    tags: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()  # the URLs that are tracked, by their numbers
    delivered_at: float | None = None
