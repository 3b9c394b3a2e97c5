"""What domains ask of TLS by MTA-STS (RFC 8461): their policies as values, and where those are kept.

Every verb returns an awaitable and raises SpoolUnavailable when the store cannot do it now.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

FETCHED_EVERY = 86400.0  # seconds


class Mode(enum.StrEnum):
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
    mode: Mode
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
        """In place of the domain's former one; what has expired by `now` goes, and of too many what expires first."""

    def aged(self, now: float, used_since: float, limit: int, /) -> Awaitable[tuple[Policy, ...]]:
        """Up to `limit` policies that are aged, those first that were fetched first."""
