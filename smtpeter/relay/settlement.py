"""From outcomes to settlements: what an attempt means for its deliveries, and what is told of it.

A deferral is due again by the schedule, or, when its attempt was made since the deadline, is the last one: the
delivery has expired, and the last reply is kept as its diagnostic. What the next hop took is never thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from smtpeter.journal.events import Deferred, Delivered, Event, Failed
from smtpeter.message.identifier import DeliveryId
from smtpeter.message.status import Outcome, Reply, Result, Stage
from smtpeter.spool.model import Accepted, Claim, Delivery, Message, Settlement
from smtpeter.spool.schedule import Schedule


class Reports(Protocol):
    """Who is owed a report about deliveries of one message that are settled together."""

    def __call__(self, message: Message, settlements: Sequence[Settlement], /) -> tuple[Accepted, ...]:
        """The reports, to be kept with the settlements. A deferred delivery is reported if `warned`."""


def no_reports(_message: Message, _settlements: Sequence[Settlement], /) -> tuple[Accepted, ...]:
    """For when composing a report failed: that must not cost what the next hop said."""
    return ()


UNKNOWN = Outcome(
    Result.DEFERRED,
    Stage.PROCESS,
    Reply(451, "4.3.0", "Local error in processing"),
    cause="the attempt ended without an outcome",
)


@dataclass(frozen=True, slots=True)
class Settling:
    """Makes settlements; `jitter` gives chance from [0, 1). Times are Unix seconds."""

    schedule: Schedule
    jitter: Callable[[], float]

    def settlements(
        self,
        message: Message,
        claims: Collection[Claim],
        outcomes: Mapping[DeliveryId, Outcome],
        began: float,
        now: float,
    ) -> tuple[Settlement, ...]:
        """One for each claim of an attempt that began at `began` and has ended; an outcome not told is UNKNOWN."""
        return tuple(
            self._settlement(message, claim, outcomes.get(claim.delivery.id, UNKNOWN), began, now)
            for claim in claims
        )

    def _settlement(
        self, message: Message, claim: Claim, outcome: Outcome, began: float, now: float
    ) -> Settlement:
        delivery = claim.delivery
        if outcome.result is not Result.DEFERRED:
            return Settlement(claim, outcome, (_final_event(message, delivery, outcome, now),))
        schedule = self.schedule
        if schedule.is_expired(began, message.accepted_at, message.give_up_at):
            expired = replace(outcome, result=Result.EXPIRED)
            return Settlement(claim, expired, (_final_event(message, delivery, expired, now),))
        due = schedule.next_due(
            delivery.attempts, now, message.accepted_at, self.jitter(), message.give_up_at
        )
        warned = schedule.warning_due(now, message.accepted_at, delivery.warned_at)
        event = Deferred(
            **_columns(message, delivery, outcome, now),
            stage=outcome.stage.value,
            code=outcome.reply.code,
            status=_status(outcome.reply),
            description=outcome.reply.text,
            cause=outcome.cause,
            next_attempt=due,
            duplicate_possible=outcome.duplicate_possible,
        )
        return Settlement(claim, outcome, (event,), due_at=due, warned=warned)

    def is_past(self, message: Message, now: float) -> bool:
        """Whether the message brought a deadline of its own, and that has passed: it is not even tried any more."""
        return message.give_up_at is not None and now >= message.give_up_at

    def is_overdue(self, message: Message, delivery: Delivery, troubled_at: float) -> bool:
        """Whether its sender is owed a word (of delay, or of giving up) that its site's trouble at `troubled_at` decides.

        Such a delivery is settled with the trouble that others met, so that a dead site with many deliveries
        keeps no sender waiting for his report; all others are released uncharged.
        """
        return self.schedule.is_expired(
            troubled_at, message.accepted_at, message.give_up_at
        ) or self.schedule.warning_due(troubled_at, message.accepted_at, delivery.warned_at)


def _columns(message: Message, delivery: Delivery, outcome: Outcome, now: float) -> dict[str, Any]:
    """What the events of all attempts have in common."""
    return_path = message.envelope.return_path
    return {
        "time": now,
        "delivery": delivery.id,
        "message": message.id,
        "login": message.login,
        "recipient": str(delivery.recipient.address),
        "tags": message.tags,
        "envelope": "" if return_path is None else str(return_path),
        "source": outcome.source,
        "to": outcome.address,
        "host": outcome.host,
        "attempt": delivery.attempts,
    }


def _final_event(message: Message, delivery: Delivery, outcome: Outcome, now: float) -> Event:
    columns = _columns(message, delivery, outcome, now)
    reply = outcome.reply
    if outcome.result is Result.DELIVERED:
        return Delivered(
            **columns,
            reply=str(reply),
            tls=outcome.tls,
            duplicate_possible=outcome.duplicate_possible,
        )
    expired = outcome.result is Result.EXPIRED
    return Failed(
        **columns,
        type="timeout" if expired else "invalid" if outcome.stage is Stage.PROCESS else "error",
        state=Stage.PROCESS.value if expired else outcome.stage.value,
        code=reply.code,
        status=_status(reply),
        description=reply.text,
        cause=outcome.cause,
    )


def _status(reply: Reply) -> str:
    """The enhanced status code, or its class alone where the host gave none (RFC 3463 2)."""
    return reply.enhanced or (f"{reply.code // 100}.0.0" if 200 <= reply.code < 600 else "")
