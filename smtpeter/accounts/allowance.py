"""What may be done only so often in a time: recipients of a login in an hour, tries to sign in. All processes count together.

Counts are kept by stretches of time, so that in no period more is done than is allowed, to whatever second it begins;
up to a twelfth of a period longer is what that costs.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

HOUR = 3600
DAY = 86_400
_STRETCHES = 12  # of the shortest period


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most so many in any period of so many seconds."""

    most: int
    seconds: int


class Stretch(NamedTuple):
    """How many were done in the stretch of time that begins at `at`, Unix seconds."""

    at: int
    number: int


class Allowances(Protocol):
    """Where the counts are kept; raises AccountsUnavailable. `now` is Unix seconds."""

    def take(
        self, name: str, number: int, allowances: Sequence[Allowance], now: float, /
    ) -> Awaitable[float]:
        """0.0 when so many more may be done by this name, which then counts; else the seconds until then."""

    def give_back(
        self, name: str, number: int, allowances: Sequence[Allowance], now: float, /
    ) -> Awaitable[None]:
        """What was taken at `now` was not done."""


def width(allowances: Sequence[Allowance]) -> int:
    """Seconds of a stretch."""
    return max(1, min(one.seconds for one in allowances) // _STRETCHES)


def beginning(allowances: Sequence[Allowance], now: float) -> int:
    """Of the stretch that is now."""
    return int(now) // width(allowances) * width(allowances)


def longest(allowances: Sequence[Allowance]) -> int:
    """Seconds for which a stretch counts, from its beginning."""
    return max(one.seconds for one in allowances) + width(allowances)


def wait(done: Sequence[Stretch], number: int, allowances: Sequence[Allowance], now: float) -> float:
    """Seconds until `number` more may be done, when so many were; infinity when they never may at once."""
    return max(_wait(done, number, one, width(allowances), now) for one in allowances)


def _wait(done: Sequence[Stretch], number: int, allowance: Allowance, long: int, now: float) -> float:
    counting = sorted(one for one in done if one.at + long + allowance.seconds > now)
    left = allowance.most - number - sum(one.number for one in counting)
    if left >= 0:
        return 0.0
    for one in counting:
        left += one.number
        if left >= 0:
            return one.at + long + allowance.seconds - now
    return math.inf
