"""Nothing waits for a time that only a wrong clock could have set.

A clock that runs a day ahead defers mail until tomorrow; when it is set right, that mail must not wait for tomorrow.
So, at start and each minute, what is due later than any retry could be is made due within the longest interval.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from smtpeter.spool.interface import Spool, SpoolUnavailable
from smtpeter.spool.schedule import JITTER

_EVERY = 60.0  # seconds
_PUT_ASIDE = 2 * 3600.0  # the relay waits no longer than this for other reasons than the schedule's
_BATCH = 10_000


def longest_wait(retry: Sequence[float]) -> float:
    """Seconds that a delivery may have to wait, by these intervals."""
    return max(*retry, _PUT_ASIDE) * (1 + JITTER)


class Nearness:
    """The look at the queue's far end. `now` gives Unix seconds, `longest` is seconds."""

    _log = Logger()

    def __init__(self, spool: Spool, longest: float, now: Callable[[], float], clock: IReactorTime) -> None:
        self._spool = spool
        self._longest = longest
        self._now = now
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def start(self) -> None:
        self._loop.start(_EVERY)

    def stop(self) -> None:
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._draw()).addErrback(self._failed)

    async def _draw(self) -> None:
        while drawn := await self._spool.draw_near(self._now(), self._longest, _BATCH):
            self._log.warn(
                "{drawn} deliveries were due later than they can be, and are due sooner: a clock was ahead",
                drawn=drawn,
            )

    def _failed(self, failure: Failure) -> None:
        if not failure.check(SpoolUnavailable):  # which the relay tells, and the next look comes
            self._log.failure("the far end of the queue could not be looked at", failure=failure)
