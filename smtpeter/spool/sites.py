"""What is written down of sites, for operators and by them: where each domain's mail goes, and what holds it up.

The relay of each process tells it every second or so, when it has changed. Every verb returns an awaitable and raises
SpoolUnavailable when the store cannot do it now.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from smtpeter.spool.waiting import SiteState


@dataclass(frozen=True, slots=True)
class Standing:
    """The site of a domain, and what holds it up; None when nothing does."""

    site: str
    state: SiteState | None = None


@dataclass(frozen=True, slots=True)
class SiteSummary:
    """What is queued for one site. Times are Unix seconds: the oldest acceptance, the next time that one is due."""

    site: str
    domains: int
    due: int
    claimed: int
    held: int
    oldest: float
    next_due: float
    state: SiteState | None = None


class SiteBook(Protocol):
    """The book of sites. Domains are in lower case."""

    def tell(self, states: Sequence[SiteState], domains: Mapping[str, str], now: float, /) -> Awaitable[None]:
        """Write what holds up which site, in place of all that this worker told before, and the sites of `domains`."""

    def standings(self, domains: Collection[str], /) -> Awaitable[Mapping[str, Standing]]:
        """Where each of these domains stands; a domain whose site is not known stands for itself."""

    def sites(self, limit: int, /) -> Awaitable[tuple[SiteSummary, ...]]:
        """Up to `limit` sites that something is queued for, those with most first."""

    def lift(self, sites: Collection[str], now: float, /) -> Awaitable[None]:
        """Have these sites tried now, whatever trouble they are in."""

    def lifted(self, cursor: int, /) -> Awaitable[tuple[int, tuple[str, ...]]]:
        """The sites lifted after `cursor` (0 is the beginning), and the cursor to go on from."""
