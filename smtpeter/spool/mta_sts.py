"""What domains ask of TLS by MTA-STS (RFC 8461): their policies as values, and where those are kept.

Every verb returns an awaitable and raises SpoolUnavailable when the store cannot do it now.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace
from typing import NamedTuple, Protocol

FETCHED_EVERY = 86400.0  # seconds


class PolicyMode(enum.StrEnum):
    """What a domain wants of those that send to it (RFC 8461 5)."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Policy:
    """A domain's policy. `domain` is in A-labels, `id` the one of its TXT record; times are Unix seconds.

    `mx` are host names in lower case, some with a first label of "*". `used_at`: when mail last went by it, to the day.
    """

    domain: str
    id: str
    mode: PolicyMode
    mx: tuple[str, ...]
    fetched_at: float
    expires_at: float
    used_at: float

    def is_aged(self, now: float) -> bool:
        """Whether it is time to fetch it anew: daily (RFC 8461 10.2), and well before it expires."""
        return now >= min(self.fetched_at + FETCHED_EVERY, (self.fetched_at + self.expires_at) / 2)

    def allows(self, host: str) -> bool:
        """Whether mail may go to this MX host (RFC 8461 4.1); "*" is one label."""
        return host in self.mx or "*." + host.partition(".")[2] in self.mx


class Policies(Protocol):
    """The policies that are kept, for all processes."""

    def policy(self, domain: str, /) -> Awaitable[Policy | None]:
        """The domain's, expired or not."""

    def keep(self, policy: Policy, now: float, /) -> Awaitable[None]:
        """In place of the domain's former one; what has expired by `now` goes, and of too many the `surplus`."""

    def used(self, domain: str, identifier: str, now: float, /) -> Awaitable[None]:
        """Mail goes by the domain's policy of this id; nothing is done where another has taken its place."""

    def aged(self, now: float, used_since: float, limit: int, /) -> Awaitable[tuple[Policy, ...]]:
        """Up to `limit` that are aged: first what mail went by on more than one day, then by `fetched_at`."""


class Worth(NamedTuple):
    """Of a domain whose policy is known: whether mail went by it on more than one day, and when it last did."""

    is_lasting: bool
    used_at: float
    domain: str


def surplus(known: Iterable[Worth], number: int) -> list[str]:
    """Which `number` of these domains are forgotten: what does not last, from the parents with most, used longest ago.

    A stranger may have mail sent to any number of domains, once; and names below one that he has cost him nothing:
    they push out one another. The parent is the last two labels.
    """
    lasting: list[Worth] = []
    passing: list[Worth] = []
    for each in known:
        (lasting if each.is_lasting else passing).append(each)
    found = _most_crowded(passing, number)
    return found + _most_crowded(lasting, number - len(found))


def _most_crowded(known: Iterable[Worth], number: int) -> list[str]:
    below: defaultdict[str, list[Worth]] = defaultdict(list)
    for one in known:
        below[".".join(one.domain.rsplit(".", 2)[-2:])].append(one)
    for each in below.values():
        each.sort(reverse=True)  # the last goes first
    heap = [(-len(each), each[-1].used_at, parent) for parent, each in below.items()]
    heapify(heap)
    found: list[str] = []
    while heap and len(found) < number:
        parent = heap[0][2]
        each = below[parent]
        found.append(each.pop().domain)
        if each:
            heapreplace(heap, (-len(each), each[-1].used_at, parent))
        else:
            heappop(heap)
    return found
