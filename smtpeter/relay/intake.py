"""When the spool is asked for work: while there is room for it and something may be due, by one query at a time.

Nobody need tell when a delivery falls due: the spool is asked when the next one does, and looked at every two
seconds for what another process accepted or an operator let go. A spool that is away is asked ever less often.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from smtpeter.relay.dispatch import Window
from smtpeter.relay.patience import Patience, pause
from smtpeter.spool.interface import Spool, SpoolUnavailable
from smtpeter.spool.model import Claim

_CLAIM = 100  # deliveries, at most, in one query
_IDLE = 2.0  # seconds between two looks for work that no one told of
_SOON = 0.1  # and never sooner than this
_STUMBLED = 15.0  # after a fault of ours


class Timer(Protocol):
    """A call to come."""

    def active(self) -> int | bool: ...

    def cancel(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the intake works with: `admit` takes claims over, `run` owns a coroutine until it ends."""

    spool: Spool
    window: Window
    patience: Patience
    now: Callable[[], float]  # Unix seconds
    later: Callable[[float, Callable[[], None]], Timer]
    clock: Callable[[], float]  # for intervals
    obey: Callable[[], Awaitable[None]]  # hears which sites are to be tried now
    run: Callable[[Coroutine[Any, Any, None]], None]
    admit: Callable[[Sequence[Claim]], Awaitable[None]]


class Intake:
    """Open or closed; when open, it keeps the window supplied."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._s = surroundings
        self._size = max(1, min(_CLAIM, surroundings.window.places() // 4))
        self._is_open = False
        self._is_asking = False
        self._work_expected = True
        self._failures = 0
        self._look_at = 0.0
        self._timer: Timer | None = None

    def open(self) -> None:
        self._is_open = True
        self.wake()

    def close(self) -> None:
        """No query follows; claims that one under way brings are still handed to `admit`."""
        self._is_open = False
        self._set_timer(None)

    def expect(self) -> None:
        """Something may have become due, which is looked for when there is room."""
        self._work_expected = True

    def wake(self) -> None:
        """Something may have become due: look now."""
        self._work_expected = True
        self.look()

    def look(self) -> None:
        """Ask if there is room, and reason to."""
        if not self._is_open or self._is_asking or not self._work_expected:
            return
        if self._s.window.places() < self._size or (self._s.patience.is_away and self._timer is not None):
            return
        self._is_asking = True
        self._set_timer(None)
        self._s.run(self._ask())

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None if seconds is None else self._s.later(seconds, self._rang)

    def _rang(self) -> None:
        self._timer = None
        self.wake()

    async def _ask(self) -> None:
        """Claim until nothing more is due, or the window is full; then see when to look again."""
        until: float | None = _STUMBLED
        try:
            while self._work_expected and self._s.window.places() >= self._size and self._is_open:
                self._work_expected = False
                until = await self._claim()
            self._failures = 0
        except SpoolUnavailable as trouble:
            self._s.patience.failed(trouble)
            until = pause(self._failures)
            self._failures += 1
        finally:
            self._is_asking = False
            if self._is_open and until is not None:
                self._set_timer(until)

    async def _claim(self) -> float | None:
        """Claim once; how many seconds until there may be more, None when it is the window that must have room."""
        window, clock = self._s.window, self._s.clock
        if window.is_troubled(clock()):
            await self._s.obey()
        avoid = window.avoid(clock())
        claims = await self._s.spool.claim(self._size, self._s.now(), avoid)
        self._s.patience.answered()
        if claims and window.is_troubled(clock()):
            await self._s.obey()  # what an operator released just now comes to a site that is open
        await self._s.admit(claims)
        if len(claims) >= self._size:
            self._work_expected = True
            return None
        if avoid and clock() >= self._look_at:
            # There is time for those that cannot be tried now: their senders may have to be told so.
            self._look_at = clock() + _IDLE
            await self._s.admit(await self._s.spool.claim(self._size, self._s.now()))
        due = await self._s.spool.next_due(avoid)
        if due is None:
            return _IDLE
        return min(_IDLE, max(due - self._s.now(), _SOON if claims else 10 * _SOON))
