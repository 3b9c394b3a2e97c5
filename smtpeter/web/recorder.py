"""Brings hits to the journal behind the response, in groups; a store that is down is waited for, never felt.

Hits wait in memory for a fifth of a second, then go to the journal together. When the store cannot take them they go to
the spill file, and so does what comes after, until the store is back (tried after 1 s, then ever less often up to a
minute) or the next start. While that file is full or cannot be written some thousands are held in memory; what is
beyond them is lost, and counted in the log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from smtpeter.journal.events import Event
from smtpeter.journal.interface import JournalUnavailable
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.web.hits import UNKNOWN, Deliveries, Hit, event
from smtpeter.web.spill import Spill

Append = Callable[[Sequence[Event]], Awaitable[None]]

_GATHER = 0.2  # seconds that hits wait for company
_GROUP = 200
_MAXIMUM_WAITING = 5_000
_LONGEST_WAIT = 60.0


class Recorder:
    """`append` is the journal's; `deliveries` looks up what events say beyond the request."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, deliveries: Deliveries, append: Append, spill: Spill) -> None:
        self._clock = clock
        self._deliveries = deliveries
        self._append = append
        self._spill = spill
        self._waiting: list[Hit] = []
        self._gathering: IDelayedCall | None = None
        self._retry: IDelayedCall | None = None  # set while the store is down
        self._failures = 0
        self._lost = 0
        self._working: Deferred[None] | None = None

    def start(self) -> None:
        """Follow up what an earlier process had to leave in the spill file."""
        if self._spill.waiting():
            self._work()

    def record(self, hit: Hit) -> None:
        """Takes the hit; never raises, never waits."""
        self._waiting.append(hit)
        if len(self._waiting) >= _MAXIMUM_WAITING:
            self._set_aside(self._take(_MAXIMUM_WAITING))
        else:
            self._gather()

    def stop(self) -> Deferred[None]:
        """Fires when every hit is in the journal or in the spill file; call it after the last `record`."""
        self._cancel()
        working = self._working or succeed(None)
        return working.addCallback(lambda _: self._work()).addCallback(lambda _: self._at_rest())

    def _at_rest(self) -> None:
        self._cancel()
        self._set_aside(self._take(_MAXIMUM_WAITING))
        self._lost += len(self._waiting)
        self._waiting = []
        self._tell_lost()

    def _cancel(self) -> None:
        for call in (self._gathering, self._retry):
            if call is not None:
                call.cancel()
        self._gathering = self._retry = None

    def _gather(self) -> None:
        if self._gathering is None:
            self._gathering = self._clock.callLater(_GATHER, self._gathered)

    def _gathered(self) -> None:
        self._gathering = None
        if self._retry is not None:
            self._set_aside(self._take(_MAXIMUM_WAITING))
        elif self._working is None:
            self._work()

    def _try_again(self) -> None:
        self._retry = None
        self._work()

    def _work(self) -> Deferred[None]:
        self._working = working = Deferred.fromCoroutine(self._empty())
        working.addErrback(self._failed).addCallback(self._worked)
        return working

    def _worked(self, _: None) -> None:
        self._working = None
        if self._waiting and self._retry is None:  # what a fault of ours left behind
            self._gather()

    def _failed(self, failure: Failure) -> None:
        self._log.failure("clicks and opens could not be brought to the journal", failure=failure)

    async def _empty(self) -> None:
        """Bring all that waits to the journal: what was spilled first, since it is older."""
        try:
            while self._spill.waiting():
                hits, position = self._spill.read(_GROUP)
                await self._bring(hits)
                self._spill.done(position)
            while self._waiting:
                group = self._take(_GROUP)
                await self._bring_or_set_aside(group)
        except (JournalUnavailable, SpoolUnavailable, OSError) as error:
            self._set_aside(self._take(_MAXIMUM_WAITING))
            self._wait(error)
        else:
            self._failures = 0
            self._tell_lost()

    async def _bring_or_set_aside(self, group: list[Hit]) -> None:
        try:
            await self._bring(group)
        except (JournalUnavailable, SpoolUnavailable):
            self._set_aside(group)
            raise

    async def _bring(self, hits: Sequence[Hit]) -> None:
        if hits:
            known = await self._deliveries.visited(tuple({hit.delivery for hit in hits}))
            await self._append([event(hit, known.get(hit.delivery, UNKNOWN)) for hit in hits])

    def _wait(self, error: Exception) -> None:
        if not self._failures:
            self._log.warn("clicks and opens wait in the spill file: {error}", error=str(error))
        delay = min(_LONGEST_WAIT, 2.0 ** min(self._failures, 10))
        self._failures += 1
        self._retry = self._clock.callLater(delay, self._try_again)

    def _take(self, limit: int) -> list[Hit]:
        taken, self._waiting = self._waiting[:limit], self._waiting[limit:]
        return taken

    def _set_aside(self, hits: list[Hit]) -> None:
        """To the spill file, or back to where they waited."""
        if not hits:
            return
        try:
            kept = self._spill.write(hits)
        except OSError:
            kept = 0
        self._waiting[:0] = hits[kept:]
        self._lost += len(self._waiting[_MAXIMUM_WAITING:])
        del self._waiting[_MAXIMUM_WAITING:]

    def _tell_lost(self) -> None:
        if self._lost:
            self._log.error("{lost} clicks and opens were lost: the spill file took no more", lost=self._lost)
            self._lost = 0
