"""How late the reactor comes to what it was asked to do: the one figure that says whether this process keeps up."""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall, IReactorTime

_EVERY = 0.25  # seconds


class Lateness:
    """Looks at the clock four times a second; `worst` since it was last asked."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._worst = 0.0
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        self._due = self._clock.seconds() + _EVERY
        self._call = self._clock.callLater(_EVERY, self._look)

    def stop(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        self._worst = max(self._worst, self._clock.seconds() - self._due)
        self.start()

    def worst(self) -> float:
        """Seconds."""
        worst, self._worst = self._worst, 0.0
        return worst
