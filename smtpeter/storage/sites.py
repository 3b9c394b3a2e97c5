"""The book of sites: statements inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, case, delete, distinct, func, insert, select

from smtpeter.spool.sites import SiteSummary, Standing
from smtpeter.spool.states import State
from smtpeter.spool.waiting import Reason, SiteState
from smtpeter.storage.schema.mail import deliveries, queued
from smtpeter.storage.schema.work import site_domains, site_lifts, site_states

_REMEMBERED = 2 * 86400.0  # seconds since a relay last told of a domain
_LIFTS = 600.0  # seconds that a relay has to hear of a lift
_AT_ONCE = 500  # values in one statement


@dataclass(frozen=True, slots=True)
class Told:
    """What one worker tells."""

    states: tuple[SiteState, ...]
    domains: Mapping[str, str]
    now: float


def tell(connection: Connection, worker: int, batch: Sequence[Told]) -> list[None]:
    for told in batch:
        connection.execute(delete(site_states).where(site_states.c.worker == worker))
        if told.states:
            connection.execute(insert(site_states), [_row(state, worker) for state in told.states])
        if told.domains:
            for some in _portions(told.domains):
                connection.execute(delete(site_domains).where(site_domains.c.domain.in_(some)))
            rows = [
                {"domain": domain, "site": site, "seen_at": told.now} for domain, site in told.domains.items()
            ]
            connection.execute(insert(site_domains), rows)
            connection.execute(delete(site_domains).where(site_domains.c.seen_at < told.now - _REMEMBERED))
    return [None] * len(batch)


def _row(state: SiteState, worker: int) -> dict[str, object]:
    return {
        "site": state.site,
        "worker": worker,
        "reason": state.reason.value,
        "until": state.until,
        "said": state.said,
        "running": state.running,
        "at_once": state.limit,
        "waiting": state.waiting,
    }


def standings(connection: Connection, domains: Collection[str]) -> dict[str, Standing]:
    sites = {domain: domain for domain in domains}
    for some in _portions(domains):
        found = select(site_domains.c.domain, site_domains.c.site).where(site_domains.c.domain.in_(some))
        sites.update((row.domain, row.site) for row in connection.execute(found))
    states = _states(connection, set(sites.values()))
    return {domain: Standing(site, states.get(site)) for domain, site in sites.items()}


def _states(connection: Connection, sites: Collection[str]) -> dict[str, SiteState]:
    """What all workers tell of these sites, as one."""
    states: dict[str, SiteState] = {}
    for some in _portions(sites):
        found = select(site_states).where(site_states.c.site.in_(some)).order_by(site_states.c.worker)
        for row in connection.execute(found):
            state = SiteState(
                row.site,
                Reason(row.reason),
                row.until,
                row.said,
                row.running,
                row.at_once,
                row.waiting,
            )
            states[row.site] = _both(states.get(row.site), state)
    return states


def _both(one: SiteState | None, other: SiteState) -> SiteState:
    """Trouble outweighs what passes by itself; numbers add up."""
    if one is None:
        return other
    first = other if other.reason is Reason.SITE_TROUBLE else one
    return replace(
        first,
        running=one.running + other.running,
        limit=one.limit + other.limit,
        waiting=one.waiting + other.waiting,
    )


def _portions(names: Iterable[str]) -> list[list[str]]:
    every = list(names)
    return [every[start : start + _AT_ONCE] for start in range(0, len(every), _AT_ONCE)]


_site = func.coalesce(site_domains.c.site, deliveries.c.domain)
_number = func.count()
_SUMMARY = (
    select(
        _site.label("site"),
        func.count(distinct(deliveries.c.domain)).label("domains"),
        func.sum(case((deliveries.c.state == State.DUE.value, 1), else_=0)).label("due"),
        func.sum(case((deliveries.c.state == State.CLAIMED.value, 1), else_=0)).label("claimed"),
        func.sum(case((deliveries.c.state == State.HELD.value, 1), else_=0)).label("held"),
        func.min(deliveries.c.accepted_at).label("oldest"),
        func.min(deliveries.c.due_at).label("next_due"),
    )
    .select_from(deliveries)
    .outerjoin(site_domains, site_domains.c.domain == deliveries.c.domain)
    .where(queued)
    .group_by(_site)
    .order_by(_number.desc(), _site)
    .limit(bindparam("most"))
)


def summary(connection: Connection, limit: int) -> tuple[SiteSummary, ...]:
    rows = connection.execute(_SUMMARY, {"most": limit}).all()
    states = _states(connection, [row.site for row in rows])
    return tuple(
        SiteSummary(
            row.site,
            row.domains,
            row.due,
            row.claimed,
            row.held,
            row.oldest,
            row.next_due,
            states.get(row.site),
        )
        for row in rows
    )


def lift(connection: Connection, batch: Sequence[tuple[Collection[str], float]]) -> list[None]:
    for sites, now in batch:
        connection.execute(delete(site_lifts).where(site_lifts.c.lifted_at < now - _LIFTS))
        if sites:
            rows = [{"site": site, "lifted_at": now} for site in sorted(set(sites))]
            connection.execute(insert(site_lifts), rows)
    return [None] * len(batch)


def lifted(connection: Connection, cursor: int) -> tuple[int, tuple[str, ...]]:
    found = select(site_lifts.c.seq, site_lifts.c.site).where(site_lifts.c.seq > cursor)
    rows = connection.execute(found.order_by(site_lifts.c.seq)).all()
    return (rows[-1].seq if rows else cursor), tuple(row.site for row in rows)
