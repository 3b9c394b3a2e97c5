"""What processes share, in memory: leases of limits, and what the relays say of sites."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from twisted.internet.defer import Deferred

from smtpeter.spool.model import Delivery
from smtpeter.spool.quota import Share, Want, grant
from smtpeter.spool.sites import SiteSummary, Standing
from smtpeter.spool.states import State
from smtpeter.spool.waiting import SiteState
from tests.kit.fakes.answering import Fake
from tests.kit.fakes.spool import FakeSpool


class FakeQuota(Fake):
    """Leases in memory, for one worker; `another_worker()` shares them, `die()` ends this one's."""

    def __init__(self, rows: dict[str, dict[int, Share]] | None = None, worker: int = 1) -> None:
        super().__init__()
        self.rows = {} if rows is None else rows
        self.worker = worker

    def another_worker(self) -> FakeQuota:
        return FakeQuota(self.rows, self.worker + 1)

    def lease(self, wants: Sequence[Want], /) -> Deferred[tuple[int, ...]]:
        return self._answer(self._lease, tuple(wants))

    def _lease(self, wants: Sequence[Want]) -> tuple[int, ...]:
        return tuple(map(self._lease_one, wants))

    def _lease_one(self, want: Want) -> int:
        others = dict(self.rows.get(want.name, {}))
        mine = others.pop(self.worker, Share(0, 0))
        held = grant(want, mine.held, tuple(others.values()))
        if held or want.wanted:
            others[self.worker] = Share(held, want.wanted)
        self.rows[want.name] = others
        return held

    def die(self) -> None:
        for shares in self.rows.values():
            shares.pop(self.worker, None)


class FakeSites(Fake):
    """The book of sites in memory, over the deliveries of a FakeSpool, for one worker."""

    def __init__(self, spool: FakeSpool) -> None:
        super().__init__()
        self._spool = spool
        self.states: dict[str, SiteState] = {}
        self.domains: dict[str, str] = {}
        self.lifts: list[str] = []

    def tell(self, states: Sequence[SiteState], domains: Mapping[str, str], now: float, /) -> Deferred[None]:
        return self._answer(self._tell, states, domains, now)

    def _tell(self, states: Sequence[SiteState], domains: Mapping[str, str], now: float) -> None:
        del now
        self.states = {state.site: state for state in states}
        self.domains.update(domains)

    def standings(self, domains: Collection[str], /) -> Deferred[Mapping[str, Standing]]:
        return self._answer(self._standings, domains)

    def _standings(self, domains: Collection[str]) -> Mapping[str, Standing]:
        sites = {domain: self.domains.get(domain, domain) for domain in domains}
        return {domain: Standing(site, self.states.get(site)) for domain, site in sites.items()}

    def sites(self, limit: int, /) -> Deferred[tuple[SiteSummary, ...]]:
        return self._answer(self._sites, limit)

    def _sites(self, limit: int) -> tuple[SiteSummary, ...]:
        found: dict[str, list[Delivery]] = {}
        for row in self._spool.shelf.rows.values():
            if not row.delivery.state.is_final:
                domain = row.delivery.recipient.address.domain.lower()
                found.setdefault(self.domains.get(domain, domain), []).append(row.delivery)
        ordered = sorted(found.items(), key=lambda each: (-len(each[1]), each[0]))
        return tuple(self._summary(site, deliveries) for site, deliveries in ordered[:limit])

    def _summary(self, site: str, deliveries: Sequence[Delivery]) -> SiteSummary:
        number = {state: sum(d.state is state for d in deliveries) for state in State}
        return SiteSummary(
            site,
            len({d.recipient.address.domain.lower() for d in deliveries}),
            number[State.DUE],
            number[State.CLAIMED],
            number[State.HELD],
            min(d.accepted_at for d in deliveries),
            min(d.due_at for d in deliveries),
            self.states.get(site),
        )

    def lift(self, sites: Collection[str], now: float, /) -> Deferred[None]:
        return self._answer(lambda: self.lifts.extend(sorted(set(sites))))

    def lifted(self, cursor: int, /) -> Deferred[tuple[int, tuple[str, ...]]]:
        return self._answer(lambda: (len(self.lifts), tuple(self.lifts[cursor:])))
