"""What is queued by site, remembered for a while: with a long queue it takes the store seconds to count.

What is quickly counted is counted whenever somebody asks. Else who asks gets what is remembered, and when that has
grown old by many times what it took, it is counted anew meanwhile; nobody gets what is older than some minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.sites import SiteBook, SiteSummary

_MOST = 100
_QUICK = 0.05  # seconds of counting that anybody may wait for
_SHARE = 20  # times as long as it took, it is good
_TOO_OLD = 300.0  # seconds


@dataclass(frozen=True, slots=True)
class Counted:
    """The sites with most; `at` in Unix seconds."""

    sites: Sequence[SiteSummary]
    at: float


class Counting:
    """Counts; `monotonic` gives seconds that never jump."""

    def __init__(self, book: SiteBook, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._book = book
        self._clock = clock
        self._monotonic = monotonic
        self._known: Counted | None = None
        self._counted_at = self._took = 0.0
        self._under_way = False
        self._changes = 0

    async def __call__(self) -> Counted:
        """Raises SpoolUnavailable."""
        age = self._monotonic() - self._counted_at
        if self._known is None or age > _TOO_OLD:
            return await self._count()
        if age >= _SHARE * self._took:
            if self._took < _QUICK:
                return await self._count()
            if not self._under_way:
                Deferred.fromCoroutine(self._count()).addErrback(_let_be)
        return self._known

    def forget(self) -> None:
        """An operator has changed something, and looks."""
        self._known = None
        self._changes += 1

    async def _count(self) -> Counted:
        self._under_way = True
        changes = self._changes
        began = self._monotonic()
        try:
            known = Counted(await self._book.sites(_MOST), self._clock())
        finally:
            self._under_way = False
        if changes == self._changes:  # else it was counted before, in part at least
            self._counted_at = self._monotonic()
            self._known, self._took = known, self._counted_at - began
        return known


def _let_be(failure: Failure) -> None:
    """The next who asks tries again."""
    failure.trap(SpoolUnavailable)
