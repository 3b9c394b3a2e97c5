"""Coroutines that nobody awaits, owned until they end: a service that stops knows what is still under way."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

T = TypeVar("T")


class Tasks:
    """What runs now. `clock` is for intervals."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._running: set[Deferred[None]] = set()
        self._idle: Deferred[None] | None = None  # fires when none is left

    def run(self, coroutine: Coroutine[Any, Any, None], stumbled: Callable[[Failure], None]) -> None:
        """Own a coroutine. `stumbled` hears of its failure, or cancellation, before it counts as ended."""
        task = Deferred.fromCoroutine(coroutine)
        self._running.add(task)
        task.addErrback(stumbled)
        task.addBoth(self._ended, task)

    def _ended(self, result: T, task: Deferred[None]) -> T:
        self._running.discard(task)
        if self._idle is not None and not self._running and not self._idle.called:
            self._idle.callback(None)
        return result

    async def wait(self, seconds: float) -> None:
        """Until all have ended, but no longer than this."""
        if not self._running:
            return
        self._idle = Deferred()
        limit = self._clock.callLater(seconds, self._idle.callback, None)
        await self._idle
        self._idle = None
        if limit.active():
            limit.cancel()

    def cancel(self) -> None:
        for task in tuple(self._running):
            task.cancel()
