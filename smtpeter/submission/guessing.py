"""Limits on guessing passwords. They expire by themselves, and nobody can turn them against a good client.

Failures are counted per client address and per login. A client that has logged in before is judged by its own
failures only: what others do to its login, or from behind its network, does not lock it out. Nor does what others do
to its login lock out a new client: it has only fewer tries. Counts drain steadily; what comes while something is
locked is not counted, so no lock can be kept up for ever.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from smtpeter.session.limits import source_of

_HOUR = 3600.0
_MONTH = 30 * 86_400.0
_REMEMBERED = 100_000  # clients, logins or pairs; the oldest are forgotten first


class DrainingCounts:
    """Counts per key; a full count (`limit`) drains to nothing in `seconds`."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._rate = limit / seconds
        self._counts: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def count(self, key: Hashable, now: float) -> float:
        level, at = self._counts.get(key, (0.0, now))
        return max(0.0, level - max(0.0, now - at) * self._rate)

    def is_full(self, key: Hashable, now: float) -> bool:
        return self.count(key, now) > self._limit - 1

    def add(self, key: Hashable, now: float) -> None:
        self._counts[key] = (self.count(key, now) + 1, now)
        self._counts.move_to_end(key)
        if len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)


class Guard:
    """Knows who may try a password now; `monotonic` gives seconds."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        *,
        per_address: int = 20,
        per_login: int = 100,
        per_familiar: int = 50,
        per_stranger: int = 3,
    ) -> None:
        """`per_stranger`: of one address at a login that is full, be it of failures from wherever they came."""
        self._monotonic = monotonic
        self._by_address = DrainingCounts(per_address, _HOUR)
        self._by_login = DrainingCounts(per_login, _HOUR)
        self._by_pair = DrainingCounts(per_familiar, _HOUR)
        self._by_stranger = DrainingCounts(per_stranger, _HOUR)
        self._familiar: OrderedDict[tuple[str, str], float] = OrderedDict()

    def is_locked(self, address: str, username: str) -> bool:
        """Whether this client has to wait before it may try a password for this login."""
        now = self._monotonic()
        pair = (source_of(address), username)
        if self._is_familiar(pair, now):
            return self._by_pair.is_full(pair, now)
        if self._by_address.is_full(pair[0], now):
            return True
        return self._by_login.is_full(username, now) and self._by_stranger.is_full(pair, now)

    def failed(self, address: str, username: str) -> None:
        """A wrong password, or no such login."""
        now = self._monotonic()
        pair = (source_of(address), username)
        if self._is_familiar(pair, now):
            self._by_pair.add(pair, now)
        else:
            self._by_address.add(pair[0], now)
            self._by_stranger.add(pair, now)
            self._by_login.add(username, now)

    def succeeded(self, address: str, username: str) -> None:
        pair = (source_of(address), username)
        self._familiar[pair] = self._monotonic()
        self._familiar.move_to_end(pair)
        if len(self._familiar) > _REMEMBERED:
            self._familiar.popitem(last=False)

    def _is_familiar(self, pair: tuple[str, str], now: float) -> bool:
        since = self._familiar.get(pair)
        return since is not None and now - since < _MONTH
