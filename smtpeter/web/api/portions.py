"""How often a token may be used at all processes together, without asking the store each time.

A process takes requests from the common count in portions, of a quarter of a second's, and takes another when one is used
up; where there is none left, it asks again when there is. What the store cannot count now, each process counts for itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from twisted.internet.defer import DeferredLock

from smtpeter.accounts.allowance import Allowance, Allowances, width
from smtpeter.accounts.interface import AccountsUnavailable

_SECONDS = 12
_MOST_KNOWN = 10_000


@dataclass(slots=True)
class _Portion:
    """What a token has left here until `over_at`; there is no more before `none_until`."""

    left: int = 0
    over_at: float = 0.0
    none_until: float = 0.0
    turn: DeferredLock = field(default_factory=DeferredLock)  # so that who come at once take one portion


class Portions:
    """`rate` a second in the long run; `clock` gives Unix seconds, `monotonic` seconds that never jump."""

    def __init__(
        self, allowances: Allowances, rate: float, clock: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self._allowances = allowances
        self._clock = clock
        self._monotonic = monotonic
        self._size = max(1, int(rate / 4))
        self._allowed = (_allowed(rate),)
        self._portions: OrderedDict[str, _Portion] = OrderedDict()

    async def wait(self, who: str) -> float:
        """0.0 when `who` may come now, and that is counted; else the seconds until then."""
        portion = self._portions.setdefault(who, _Portion())
        self._portions.move_to_end(who)
        if len(self._portions) > _MOST_KNOWN:
            self._portions.popitem(last=False)
        await portion.turn.acquire()
        try:
            return await self._take(who, portion)
        finally:
            portion.turn.release()

    async def _take(self, who: str, portion: _Portion) -> float:
        now = self._monotonic()
        if now < portion.none_until:
            return portion.none_until - now
        if not portion.left or now >= portion.over_at:
            wait = await self._another(who)
            if wait:
                portion.none_until = now + wait
                return wait
            portion.left, portion.over_at = self._size, now + _SECONDS
        portion.left -= 1
        return 0.0

    async def _another(self, who: str) -> float:
        try:
            return await self._allowances.take(f"requests of {who}", self._size, self._allowed, self._clock())
        except AccountsUnavailable:
            return 0.0


def _allowed(rate: float) -> Allowance:
    """What is counted by stretches counts for one stretch longer: with that it is `rate` in the long run, not less."""
    seconds = _SECONDS + width((Allowance(0, _SECONDS),))
    return Allowance(max(1, int(rate * seconds)), _SECONDS)
