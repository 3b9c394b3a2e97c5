"""Lets the operator's limits pass: rings when time allows the next attempt, and keeps what is leased renewed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from smtpeter.relay.dispatch import Window
from smtpeter.relay.leases import RENEW, Leases

_AT_LEAST = 0.001  # seconds; less would be rounded away by clocks


class Pacer:
    """Open or closed. `leases` is None where one process has all; `run` owns a coroutine, `pump` begins what may begin."""

    def __init__(
        self,
        window: Window,
        leases: Leases | None,
        clock: IReactorTime,
        run: Callable[[Coroutine[Any, Any, None]], None],
        pump: Callable[[], None],
    ) -> None:
        self._window = window
        self._leases = leases
        self._clock = clock
        self._run = run
        self._pump = pump
        self._is_open = False
        self._ring: IDelayedCall | None = None
        self._renewal: IDelayedCall | None = None

    def open(self) -> None:
        self._is_open = True
        if self._leases is not None:
            self._renewal = self._clock.callLater(RENEW, self._renew)

    def close(self) -> None:
        self._is_open = False
        for call in (self._ring, self._renewal):
            if call is not None and call.active():
                call.cancel()

    def look(self) -> None:
        """Whatever could begin has begun: see what the rest waits for."""
        if not self._is_open:
            return
        now = self._clock.seconds()
        at = self._window.wake_at(now)
        if self._ring is not None and self._ring.active():
            self._ring.cancel()
        self._ring = None
        if at != float("inf"):
            self._ring = self._clock.callLater(max(at - now, _AT_LEAST), self._rang)
        if self._leases is not None and self._leases.is_urgent(now):
            self._run(self._lease(self._leases))

    def _rang(self) -> None:
        self._window.ring(self._clock.seconds())
        self._pump()

    def _renew(self) -> None:
        if self._is_open and self._leases is not None:
            self._renewal = self._clock.callLater(RENEW, self._renew)
            self._window.wake_at(self._clock.seconds())  # so that what waits is asked for
            self._run(self._lease(self._leases))

    async def _lease(self, leases: Leases) -> None:
        if await leases.renew(self._clock.seconds):
            self._rang()
