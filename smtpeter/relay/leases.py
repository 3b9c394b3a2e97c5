"""Renews this process's part of what the operator allows all processes together, a few times a minute and in bulk.

A worker that cannot renew uses nothing, once another may take it for dead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from smtpeter.relay.limits import Throttle
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.quota import Quota, Want

RENEW = 1.0  # seconds


class Leases:
    """`throttles()` are all there are; `kept` says how many connections stand open without an attempt."""

    def __init__(
        self, quota: Quota, throttles: Callable[[], Iterable[Throttle]], kept: Callable[[Throttle], int]
    ) -> None:
        self._quota = quota
        self._throttles = throttles
        self._kept = kept
        self._is_asking = False

    def is_urgent(self, now: float) -> bool:
        """Whether something is wanted of which nothing was leased so far."""
        return not self._is_asking and any(
            each.is_wanted(now) and each.was_never_leased for each in self._throttles()
        )

    async def renew(self, clock: Callable[[], float]) -> bool:
        """Lease what is wanted, give back what is not; whether there is more than before."""
        now = clock()
        active = [each for each in self._throttles() if each.is_wanted(now) or each.is_held]
        if self._is_asking or not active:
            return False
        self._is_asking = True
        try:
            wants = [want for each in active for want in self._wants(each, now)]
            held = dict(zip((want.name for want in wants), await self._quota.lease(wants), strict=True))
        except SpoolUnavailable:
            for each in active:
                each.check(clock())
            return False
        finally:
            self._is_asking = False
        grown = [each.lease(held.get(_connections(each)), held.get(_rate(each)), clock()) for each in active]
        return any(grown)

    def _wants(self, throttle: Throttle, now: float) -> list[Want]:
        limit, is_wanted = throttle.limit, throttle.is_wanted(now)
        wants = []
        if limit.connections is not None:
            using = throttle.running + self._kept(throttle)
            wants.append(
                Want(_connections(throttle), limit.connections, using, is_wanted * limit.connections)
            )
        if limit.rate is not None:
            wants.append(Want(_rate(throttle), limit.rate.count, 0, is_wanted * limit.rate.count))
        return wants


def _connections(throttle: Throttle) -> str:
    return f"{throttle.name} connections"


def _rate(throttle: Throttle) -> str:
    return f"{throttle.name} rate"
