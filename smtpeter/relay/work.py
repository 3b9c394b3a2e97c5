"""A batch on its way from its attempt to its settlement, and the outcomes that need no host. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from smtpeter.message.identifier import DeliveryId
from smtpeter.message.status import Outcome, Reply, Result, Stage
from smtpeter.relay.lane import Batch
from smtpeter.relay.settlement import Settling
from smtpeter.spool.model import Claim, Message

LOST = Outcome(
    Result.FAILED,
    Stage.PROCESS,
    Reply(554, "5.3.0", "The content of the message has been lost here"),
    cause="the spool has no content of a message that it gave out",
)
TOO_LATE = Outcome(
    Result.DEFERRED,
    Stage.PROCESS,
    Reply(451, "4.4.7", "The time that the message had for its delivery is over"),
)


@dataclass(slots=True, eq=False)
class Work:
    """A batch, whose attempt began at `began` (Unix seconds); `outcomes` is None until there are any."""

    batch: Batch
    began: float
    message: Message
    outcomes: Mapping[DeliveryId, Outcome] | None = None
    stumbled: bool = False

    def has_lost_its_content(self) -> None:
        self.outcomes = {claim.delivery.id: LOST for claim in self.batch.claims}

    def is_too_late(self) -> None:
        """For this message: what was said last stands."""
        self.outcomes = {claim.delivery.id: claim.delivery.last or TOO_LATE for claim in self.batch.claims}

    def not_taken(self) -> Iterator[Claim]:
        """The claims of those that the next hop did not take."""
        outcomes = self.outcomes or {}
        for claim in self.batch.claims:
            outcome = outcomes.get(claim.delivery.id)
            if outcome is None or outcome.result is not Result.DELIVERED:
                yield claim


def decided(batch: Batch, now: float) -> Work:
    """What was decided when it was accepted."""
    outcomes = {c.delivery.id: c.delivery.last for c in batch.claims if c.delivery.last is not None}
    return Work(batch, now, batch.held.message, outcomes)


def unreached(batch: Batch, outcome: Outcome, since: float, settling: Settling) -> Work | None:
    """The trouble that others met at its site at `since`; None when it decides nothing that a sender is owed a word of."""
    message = batch.held.message
    if not any(settling.is_overdue(message, claim.delivery, since) for claim in batch.claims):
        return None
    return Work(batch, since, message, {claim.delivery.id: outcome for claim in batch.claims})


def parted(claims: Iterable[Claim]) -> tuple[list[Claim], list[Claim]]:
    """Those to try, and those whose end was decided when their message was accepted."""
    made: tuple[list[Claim], list[Claim]] = ([], [])
    for claim in claims:
        last = claim.delivery.last
        made[last is not None and last.is_final].append(claim)
    return made
