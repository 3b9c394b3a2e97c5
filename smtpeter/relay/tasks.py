"""Coroutines under way, owned until they end: so that a service can wait for them, and none fails unheard."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from smtpeter.session.deadline import Clock

_T = TypeVar("_T")


class Tasks(Generic[_T]):
    """`failed` is told how one ended that did not end well, with what it was about; it may begin others."""

    def __init__(self, clock: Clock, failed: Callable[[Failure, _T | None], None]) -> None:
        self._clock = clock
        self._failed = failed
        self._running: set[Deferred[None]] = set()
        self._idle: Deferred[None] | None = None  # fires when none is left

    def run(self, coroutine: Coroutine[Any, Any, None], about: _T | None = None) -> None:
        """Own a coroutine until it ends."""
        task = Deferred.fromCoroutine(coroutine)
        self._running.add(task)
        task.addCallbacks(self._ended, self._stumbled, callbackArgs=(task,), errbackArgs=(task, about))

    def _ended(self, _result: None, task: Deferred[None]) -> None:
        self._running.discard(task)
        if self._idle is not None and not self._running and not self._idle.called:
            self._idle.callback(None)

    def _stumbled(self, failure: Failure, task: Deferred[None], about: _T | None) -> None:
        self._failed(failure, about)
        self._ended(None, task)

    def cancel(self) -> None:
        """Cancel all."""
        for task in tuple(self._running):
            task.cancel()

    async def wait(self, seconds: float) -> None:
        """Until all have ended, so long at most."""
        if not self._running:
            return
        idle = self._idle = Deferred()
        limit = self._clock.callLater(seconds, partial(idle.callback, None))
        await idle
        self._idle = None
        if limit.active():
            limit.cancel()
