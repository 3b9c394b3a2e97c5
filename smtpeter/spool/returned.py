"""Mail that came back, as the spool keeps it: the text, the events that tell of it, and all that follows from it."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from smtpeter.accounts.suppression import Suppression
from smtpeter.journal.events import Event, Failed
from smtpeter.message.identifier import DeliveryId
from smtpeter.message.status import Outcome
from smtpeter.spool.model import Accepted


@dataclass(frozen=True, slots=True)
class LateFailure:
    """A delivery that had been delivered and failed further on; nothing happens unless it still counts as delivered."""

    delivery: DeliveryId
    outcome: Outcome
    event: Failed


# A recipient's forwarder, his program and he himself may all answer, and warnings of delay come before a failure; who
# sends more to one return path wants to fill our disk or the customer's mailbox.
MAXIMUM_OF_A_DELIVERY = 20  # messages


@dataclass(frozen=True, slots=True)
class Portion:
    """What came back to one delivery: `forwards` pass it on, unless too many have come; then `withheld` says so."""

    delivery: DeliveryId
    forwards: tuple[Accepted, ...]
    withheld: Event


@dataclass(frozen=True, slots=True)
class Returned:
    """One message that came back, to be kept in one transaction with what follows. `time` is Unix seconds.

    `number` names the original text (b"" is not kept); `forwards` are messages of ours that pass it on. So are those of
    `portions`, but for a delivery to which MAXIMUM_OF_A_DELIVERY came already; the text is not kept for such ones alone.
    """

    number: int
    time: float
    original: bytes
    events: tuple[Event, ...]
    failures: tuple[LateFailure, ...] = ()
    forwards: tuple[Accepted, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    portions: tuple[Portion, ...] = ()


class Returns(Protocol):
    """The ledger of what came back; every verb raises SpoolUnavailable when the store cannot do it now."""

    def keep(self, returned: Returned, /) -> Awaitable[None]:
        """Keep it, with all that follows from it, durably."""

    def original(self, number: int, /) -> Awaitable[bytes | None]:
        """The text of what came back; None when it is not (or no longer) kept."""

    def forget(self, before: float, limit: int, /) -> Awaitable[int]:
        """Forget up to `limit` texts that came before `before`, oldest first, and counts that began before it.

        How many of the one or the other, 0 when nothing is left of both. The events stay.
        """
