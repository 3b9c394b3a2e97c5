"""What the relay works with; the composition root fills it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from smtpeter.relay.interface import Courier, Outgoing, Preparation
from smtpeter.relay.settlement import Reports, Settling
from smtpeter.relay.sites import Sites
from smtpeter.spool.interface import Spool
from smtpeter.spool.quota import Quota
from smtpeter.spool.sites import SiteBook


@dataclass(frozen=True, slots=True)
class Neighbours:
    """`now` gives Unix seconds; `quota` is what the operator's limits are leased from."""

    spool: Spool
    courier: Courier
    outgoing: Outgoing
    reports: Reports
    settling: Settling
    clock: IReactorTime  # for intervals
    now: Callable[[], float]
    sites: Sites
    quota: Quota
    book: SiteBook
    preparation: Preparation
