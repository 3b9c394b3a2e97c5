"""Forgets what is no longer queued, and who changed what, when it has been kept for its time; what is queued is never touched."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.operators import Operators
from smtpeter.accounts.suppression import Suppressions
from smtpeter.config import Retention
from smtpeter.journal.events import KINDS
from smtpeter.journal.interface import Journal, JournalUnavailable
from smtpeter.spool.interface import Spool, SpoolUnavailable
from smtpeter.spool.returned import Returns

_EVERY = 600.0  # seconds between two rounds
_BREATH = 0.05  # seconds between two batches, so that mail comes first
_BATCH = 10_000  # the ledgers divide it into transactions that no mail has to wait for

Forget = Callable[[float, int], Awaitable[int]]


class Forgetting:
    """The round that forgets. `now` gives Unix seconds."""

    _log = Logger()

    def __init__(
        self,
        retention: Retention,
        spool: Spool,
        journal: Journal,
        returns: Returns,
        suppressions: Suppressions,
        operators: Operators,
        now: Callable[[], float],
        clock: IReactorTime,
    ) -> None:
        self._retention = retention
        self._spool = spool
        self._journal = journal
        self._returns = returns
        self._suppressions = suppressions
        self._operators = operators
        self._now = now
        self._clock = clock
        self._loop = LoopingCall(self._round)
        self._loop.clock = clock
        self._running: Deferred[None] | None = None

    def keep(self, retention: Retention) -> None:
        """Forget by these times from the next round on."""
        self._retention = retention

    def start(self) -> None:
        self._loop.start(_EVERY, now=False)

    def stop(self) -> None:
        if self._loop.running:
            self._loop.stop()
        if self._running is not None:
            self._running.cancel()

    def _round(self) -> Deferred[None]:
        self._running = Deferred.fromCoroutine(self.forget()).addErrback(self._failed)
        return self._running

    def _failed(self, failure: Failure) -> None:
        if failure.check(AccountsUnavailable, JournalUnavailable, SpoolUnavailable):
            self._log.warn("retention is behind: {why}", why=failure.getErrorMessage())
        elif not failure.check(CancelledError):
            self._log.failure("retention failed, and is tried again", failure=failure)

    async def forget(self) -> None:
        """One round, batch by batch until nothing is left to forget."""
        kept = self._retention
        steps: tuple[tuple[Forget, float], ...] = (
            (self._spool.forget_content, kept.content),
            (self._spool.forget_messages, max(kept.links, kept.content)),
            *((partial(self._forget_events, kinds), age) for age, kinds in self._ages().items()),
            (self._returns.forget, kept.returned),
            (self._suppressions.forget, 0.0),  # what has expired counts no longer
            (self._operators.forget_changes, kept.changes),
        )
        for forget, age in steps:
            while await forget(self._now() - age, _BATCH):
                await deferLater(self._clock, _BREATH)

    def _ages(self) -> dict[float, tuple[str, ...]]:
        """The kinds of events that are kept so long."""
        ages: dict[float, tuple[str, ...]] = {}
        for kind in KINDS:
            age = self._retention.of(kind)
            ages[age] = (*ages.get(age, ()), kind)
        return ages

    def _forget_events(self, kinds: tuple[str, ...], before: float, limit: int) -> Awaitable[int]:
        return self._journal.forget(before, kinds, limit)
