"""An operator's verb done to all that is meant, and sites in trouble set going for it: for the command, the API, the screen.

Sites are lifted before the verb is done: what is claimed after that has its site open.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from smtpeter.spool.interface import Spool
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.sites import SiteBook
from smtpeter.spool.states import Step
from smtpeter.spool.verbs import troubled

PORTION = 500  # deliveries altered in one transaction, so that nobody is kept from writing for long
_FEW = 1000  # deliveries that are looked at one by one
_MOST = 10_000  # sites


async def alter(
    spool: Spool, wanted: QueueFilter, step: Step, now: float, by: str = ""
) -> AsyncIterator[int]:
    """Portion by portion; how many each has altered. Who takes no more leaves the rest. Raises SpoolUnavailable."""
    # A portion may be a short one and not the last: some of it was claimed since it was found.
    while altered := await spool.alter(wanted, step, now, PORTION, by):
        yield altered


async def lift(spool: Spool, sites: SiteBook, wanted: QueueFilter, now: float) -> frozenset[str]:
    """Lift the sites of all that is meant; which were in trouble. `now` in Unix seconds. Raises SpoolUnavailable."""
    lifted = await _meant(spool, sites, wanted)
    if lifted:
        await sites.lift(lifted, now)
    return lifted


async def _meant(spool: Spool, sites: SiteBook, wanted: QueueFilter) -> frozenset[str]:
    if wanted == QueueFilter(states=wanted.states):
        return troubled(await sites.sites(_MOST))
    found = await spool.deliveries(wanted, _FEW)
    if len(found) < _FEW:
        domains = {one.domain for one in found}
        return troubled((await sites.standings(domains)).values())
    # Of so many, each site in trouble is asked whether it has any.
    known = troubled(await sites.sites(_MOST))
    meant = [site for site in sorted(known) if wanted.site in {None, site}]
    return frozenset([site for site in meant if await spool.deliveries(replace(wanted, site=site), 1)])
