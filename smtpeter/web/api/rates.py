"""How often somebody may come: a bucket each, that fills again with time. Bounded memory, no clock of its own."""

from __future__ import annotations

from collections import OrderedDict

_MOST_KNOWN = 10_000


class Rates:
    """`rate` a second in the long run, `burst` at once. Times are seconds of one clock."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = (
            OrderedDict()
        )  # what is left, and when that was so

    def wait(self, who: str, now: float) -> float:
        """0.0 when `who` may come now, and that is counted; else the seconds until then."""
        wait = self.waits(who, now)
        if not wait:
            self.count(who, now)
        return wait

    def waits(self, who: str, now: float) -> float:
        """As `wait`, without counting."""
        left = self._left(who, now)
        return 0.0 if left >= 1.0 else (1.0 - left) / self._rate

    def count(self, who: str, now: float) -> None:
        left = self._left(who, now)
        self._buckets[who] = (max(0.0, left - 1.0), now)
        self._buckets.move_to_end(who)
        if len(self._buckets) > _MOST_KNOWN:
            self._buckets.popitem(last=False)

    def _left(self, who: str, now: float) -> float:
        left, since = self._buckets.get(who, (self._burst, now))
        return min(self._burst, left + (now - since) * self._rate)
