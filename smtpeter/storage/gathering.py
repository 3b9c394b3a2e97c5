"""What is to be written, gathered in the reactor's thread until it is worth a commit of its own.

A commit costs much more than what is in it. What somebody waits for is handed to the writer as soon as the reactor has
nothing else to do, for then nobody else is about to come; after some milliseconds however busy it is. What
nobody waits for goes with that, or by itself a little later. So who comes alone waits for nobody, and pays for
one commit; many who come together share theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from twisted.internet.interfaces import IDelayedCall

_T = TypeVar("_T")
_LONGEST = 0.008  # seconds that what somebody waits for waits for others
_UNHURRIED = 0.01  # seconds that what nobody waits for does
_MOST = 256  # of what is handed over together
_NOTHING_DONE = 0.0002  # seconds; a turn of the reactor that took no longer had next to nothing to do


class Clock(Protocol):
    """The part of Twisted's reactor that tells time."""

    def seconds(self) -> float: ...

    def callLater(self, delay: float, callable: Callable[[], object], /) -> IDelayedCall: ...  # noqa: A002, N802 - Twisted's names


class Gathering(Generic[_T]):
    """`hand_over` gets what was added, in its order."""

    def __init__(self, clock: Clock, hand_over: Callable[[list[_T]], None]) -> None:
        self._clock = clock
        self._hand_over = hand_over
        self._gathered: list[_T] = []
        self._call: IDelayedCall | None = None
        self._is_urgent = False
        self._latest = 0.0
        self._turned = 0.0

    def add(self, one: _T, *, urgent: bool) -> None:
        """`urgent`: somebody waits for it."""
        self._gathered.append(one)
        if urgent and not self._is_urgent:
            self._cancel()
            self._is_urgent = True
            self._turned = float("-inf")
            self._latest = self._clock.seconds() + _LONGEST
            self._call = self._clock.callLater(0, self._turn)
        elif self._call is None:
            self._call = self._clock.callLater(_UNHURRIED, self._finish)

    def _turn(self) -> None:
        """The reactor has looked once more for what there is to do."""
        now = self._clock.seconds()
        if now - self._turned <= _NOTHING_DONE or now >= self._latest or len(self._gathered) >= _MOST:
            self._finish()
        else:
            self._turned = now
            self._call = self._clock.callLater(0, self._turn)

    def _finish(self) -> None:
        gathered, self._gathered = self._gathered, []
        self._call, self._is_urgent = None, False
        self._hand_over(gathered)

    def flush(self) -> None:
        """Hand over what there is, now."""
        self._cancel()
        if self._gathered:
            self._finish()

    def _cancel(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None
