"""One timer for a whole session, moved many times without touching the reactor's queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall


class Clock(Protocol):
    """The part of Twisted's reactor that tells time."""

    def seconds(self) -> float: ...

    def callLater(self, delay: float, callable: Callable[[], object], /) -> IDelayedCall: ...  # noqa: A002, N802 - Twisted's names


class Deadline:
    """Calls `passed` once the time set last has come. Setting a later time costs an assignment."""

    __slots__ = ("_at", "_call", "_clock", "_passed")

    def __init__(self, clock: Clock, passed: Callable[[], None]) -> None:
        self._clock = clock
        self._passed = passed
        self._at: float | None = None
        self._call: IDelayedCall | None = None

    def set(self, seconds: float) -> None:
        """From now on the deadline is `seconds` away."""
        self._at = self._clock.seconds() + seconds
        if self._call is None:
            self._call = self._clock.callLater(seconds, self._look)
        elif self._at < self._call.getTime():
            self._call.reset(seconds)

    def lift(self) -> None:
        """There is no deadline until the next `set`; the timer may fire once more, for nothing."""
        self._at = None

    def cancel(self) -> None:
        """The session is over: leave nothing behind in the reactor."""
        self._at = None
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        self._call = None
        if self._at is None:
            return
        left = self._at - self._clock.seconds()
        if left > 0:
            self._call = self._clock.callLater(left, self._look)
        else:
            self._at = None
            self._passed()
