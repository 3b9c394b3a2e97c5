"""How a batch ends: settled with what became of it, or given back; then its places in the window are free.

An outcome is kept until it is recorded, however long the spool is away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from twisted.logger import Logger

from smtpeter.message.identifier import DeliveryId, show
from smtpeter.message.status import Outcome, Result
from smtpeter.relay.admission import Admission
from smtpeter.relay.dispatch import Window
from smtpeter.relay.lane import Batch
from smtpeter.relay.patience import Patience, together
from smtpeter.relay.settlement import Reports, Settling
from smtpeter.spool.interface import Spool
from smtpeter.spool.model import Claim, Message, Settlement


@dataclass(slots=True, eq=False)
class Work:
    """A batch on its way from its attempt, begun at `began` (Unix seconds), to its settlement."""

    batch: Batch
    began: float
    message: Message
    outcomes: Mapping[DeliveryId, Outcome] | None = None
    stumbled: bool = False


@dataclass(frozen=True, slots=True)
class WaysOut:
    """Out of the window. `now` gives Unix seconds; `owed` is told when a DSN was queued, `left` of free places."""

    spool: Spool
    window: Window
    settling: Settling
    admission: Admission
    patience: Patience
    now: Callable[[], float]
    owed: Callable[[], None]
    left: Callable[[], None]

    _log = Logger()

    async def settle(self, work: Work, reports: Reports) -> None:
        """Record what became of it, with the DSNs that are owed for it."""
        message, batch = work.message, work.batch
        settlements = self.settling.settlements(
            message, batch.claims, work.outcomes or {}, work.began, self.now()
        )
        while settlements:
            stale = await self.patience.insist(partial(self._record, message, settlements, reports))
            if not stale:
                break
            lost = {claim.delivery.id for claim in stale}
            settlements = tuple(s for s in settlements if s.claim.delivery.id not in lost)
            self._log.warn(
                "no longer ours to settle: {deliveries}",
                deliveries=" ".join(show(delivery) for delivery in sorted(lost)),
            )
        self.leave(batch)

    async def _record(
        self, message: Message, settlements: Sequence[Settlement], reports: Reports
    ) -> Sequence[Claim]:
        """Settle once; the claims that are stale. Reports are made anew each time: one may be what is refused."""
        owed = reports(message, settlements)
        stale = await self.spool.settle(settlements, owed)
        if owed and not stale:
            self.owed()
        return stale

    async def release(self, batch: Batch, due_at: float | None) -> None:
        """Give back its claims, due at this time (Unix seconds); None: as before."""
        release = self.spool.release
        try:
            await together(
                self.patience.insist(
                    partial(release, claim, claim.delivery.due_at if due_at is None else due_at)
                )
                for claim in batch.claims
            )
        finally:
            self.leave(batch)

    async def let_go(self, work: Work) -> None:
        """Release what could not be settled, but nothing that the next hop took: that would come to it each hour."""
        self.tell_unrecorded(work)
        try:
            taken = {i for i, outcome in (work.outcomes or {}).items() if outcome.result is Result.DELIVERED}
            await self.admission.put_aside(
                claim for claim in work.batch.claims if claim.delivery.id not in taken
            )
        finally:
            self.leave(work.batch)

    def tell_unrecorded(self, work: Work) -> None:
        for delivery, outcome in (work.outcomes or {}).items():
            self._log.error(
                "{delivery}: could not be recorded, and will be tried again: {result} ({reply})",
                delivery=show(delivery),
                result=outcome.result.value,
                reply=str(outcome.reply),
            )

    def leave(self, batch: Batch) -> None:
        self.window.leave(batch)
        self.left()
