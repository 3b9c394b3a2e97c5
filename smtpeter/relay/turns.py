"""Lets a few questions to strangers begin together, and more of them be under way: the slow hold up few others.

What has not ended after two seconds goes on, but gives its turn to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import DeferredSemaphore
from twisted.internet.interfaces import IReactorTime

PATIENCE = 2.0  # seconds

_T = TypeVar("_T")


class Turns:
    """`at_once` have a turn, `in_all` are under way or next in line."""

    def __init__(self, at_once: int, in_all: int, clock: IReactorTime) -> None:
        self._turns = DeferredSemaphore(at_once)
        self._places = DeferredSemaphore(in_all)
        self._clock = clock

    async def run(self, begin: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """What it comes to, or raises, once it was its turn."""
        await self._places.acquire()
        try:
            await self._turns.acquire()
            turn = self._clock.callLater(PATIENCE, self._turns.release)
            try:
                return await begin()
            finally:
                if turn.active():
                    turn.cancel()
                    self._turns.release()
        finally:
            self._places.release()
