"""What may be had at once, and in a time: the one idea of a limit, for a site, a login and a source address.

The operator states limits for the whole installation. A `Throttle` is one limited thing as this process may use
it now: of a limit that several processes share it knows the part that is leased to this one. Time is an argument,
by a clock for intervals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from smtpeter.relay.tls import Security

_RATE = re.compile(r"(\d{1,9})/(\d{0,5})([smhd])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_IN_DEMAND = 5.0  # seconds that what was asked for stays leased
_STALE = 25.0  # a worker silent for longer may be taken for dead, and what it held is another's


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` messages in any `seconds`, spread evenly: no burst follows a pause."""

    count: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read "100/m", "5/s", "1000/h" or "10/5m"; raises ValueError."""
        match = _RATE.fullmatch(text)
        if match is None or int(match[1]) < 1 or match[2] in {"0", "00", "000", "0000", "00000"}:
            raise ValueError(f'expected a rate such as "100/m", "5/s", "1000/h" or "10/5m", got {text!r}')
        return cls(int(match[1]), int(match[2] or 1) * _UNITS[match[3]])


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many attempts at once, and messages in a time; None is no limit."""

    connections: int | None = None
    rate: Rate | None = None

    def __bool__(self) -> bool:
        return self.connections is not None or self.rate is not None


NO_LIMIT = Limit()


@dataclass(frozen=True, slots=True)
class Site:
    """What shares a pace. `hosts` are its MX hosts; empty where any host's answer speaks for it.

    What is None is as for all other sites.
    """

    name: str
    hosts: frozenset[str] = frozenset()
    limit: Limit = NO_LIMIT
    messages_per_connection: int | None = None
    tls: Security | None = None

    def owns(self, host: str) -> bool:
        return not self.hosts or host in self.hosts


class Throttle:
    """One limited thing. `is_shared`: it may be used as far as it is leased, which is nothing at first."""

    __slots__ = (
        "_connections",
        "_held_at",
        "_interval",
        "_next_at",
        "_rate",
        "asked_at",
        "limit",
        "name",
        "running",
        "site",
    )

    def __init__(self, name: str, limit: Limit, *, is_shared: bool, site: str = "") -> None:
        self.name = name
        self.site = site  # whose connections count, while they stand open
        self.limit = limit
        self.running = 0
        self.asked_at: float | None = None  # when it was last wanted
        self._connections = 0 if is_shared else limit.connections or 0
        self._rate = 0  # messages in the rate's time
        self._interval = 0.0
        self._next_at = 0.0
        self._held_at = float("inf")
        if not is_shared and limit.rate is not None:
            self._set_rate(limit.rate.count, float("-inf"))

    def opens_at(self, now: float) -> float:
        """When one more may start: at once (`now`), at a time, or (infinity) when something ends or is leased."""
        self.asked_at = now
        if self.limit.connections is not None and self.running >= self._connections:
            return float("inf")
        if self.limit.rate is None:
            return now
        return max(now, self._next_at) if self._rate else float("inf")

    def may(self, now: float) -> bool:
        return self.opens_at(now) <= now

    def take(self, now: float) -> None:
        self.running += 1
        self._next_at = max(self._next_at, now + self._interval)

    def give_back(self) -> None:
        self.running -= 1

    # -- what is leased ----------------------------------------------------------------------------------

    def is_wanted(self, now: float) -> bool:
        return self.running > 0 or (self.asked_at is not None and now - self.asked_at < _IN_DEMAND)

    @property
    def was_never_leased(self) -> bool:
        return self._held_at == float("inf")

    @property
    def is_held(self) -> bool:
        return bool(self._connections or self._rate)

    def lease(self, connections: int | None, rate: int | None, now: float) -> bool:
        """What it may use from now on; whether that is more than before."""
        more = (connections or 0) > self._connections or (rate or 0) > self._rate
        self._held_at = now
        self._connections = connections or 0
        if rate is not None and rate != self._rate:
            self._set_rate(rate, now)
        return more

    def _set_rate(self, count: int, now: float) -> None:
        """A part that has changed is used one interval later, so that no time has more than its count."""
        assert self.limit.rate is not None
        self._rate = count
        self._interval = self.limit.rate.seconds / count if count else 0.0
        self._next_at = max(self._next_at, now + self._interval)

    def check(self, now: float) -> None:
        """Let go what could not be renewed for so long that another may have it."""
        if now - self._held_at > _STALE:
            self.lease(0, 0, now)
