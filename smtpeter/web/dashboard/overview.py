"""The first page: what needs attention, what happened over time, and what waits where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from smtpeter.accounts.webhooks import Health, NoSuchWebhook, Webhook
from smtpeter.journal.interface import Tally
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.states import State
from smtpeter.web.api.route import Given
from smtpeter.web.dashboard import attention, plot
from smtpeter.web.dashboard.interface import Neighbours
from smtpeter.web.dashboard.pages import Pages
from smtpeter.web.dashboard.plot import SPANS
from smtpeter.web.dashboard.route import Asked
from smtpeter.web.dashboard.sites import Counting

# By kind: its title, what it counts, its mood, and where more of it is.
KINDS = {
    "attempt": ("Accepted", "mail taken, by recipient", "", "/messages"),
    "delivery": ("Delivered", "taken by the next hop", "good", "/messages?state=delivered"),
    "deferral": ("Put off", "tries that are repeated later", "", "/queue"),
    "failure": ("Failed", "refused, or never taken", "bad", "/messages?state=failed"),
    "bounce": ("Bounces", "reports that came back", "bad", "/bounces?show=returned"),
    "abuse": ("Complaints", "recipients who object", "bad", "/bounces?show=complaints"),
    "open": ("Opens", "images that were asked for", "good", ""),
    "click": ("Clicks", "links that were followed", "good", ""),
}
_ENDED = frozenset(("delivery", "failure"))
_BACK = frozenset(("bounce", "abuse"))
_SEEN = frozenset(("open", "click"))  # of which there may be several to each delivery
_SITES = 8
_OLDEST = 100  # deliveries: the very first may be asked for later, and not wait yet
_DAY = 86_400.0  # seconds


class Overview:
    """The page."""

    def __init__(self, neighbours: Neighbours, pages: Pages, counting: Counting) -> None:
        self._api = neighbours.api
        self._certificates = neighbours.certificates
        self._counting = counting
        self._pages = pages

    async def show(self, asked: Asked) -> Given:
        now = self._api.clock()
        span = SPANS.get(asked.query.one("range"), SPANS["day"])
        journal = self._api.journal
        start = span.starts(now)[0]
        tallies = await (journal.minutes if span.length < plot.HOUR else journal.tallies)(start, now + 1)
        counts = plot.counted(tallies, span, now)
        drawn = plot.plots(tuple(KINDS), counts, span, now)
        known = await self._known(now)
        return self._pages.page(
            "overview.html", asked, span=span, spans=SPANS.values(), kinds=KINDS, plots=drawn, counts=counts,
            shares=shares({one.kind: one.total for one in drawn}), starts=span.starts(now),
            is_empty=not tallies and not known.day,
            login=next((one.username for one in known.logins if one.enabled), ""),
            notes=attention.notes(known), sites=known.sites[:_SITES], more=max(0, len(known.sites) - _SITES),
            now=now, width=plot.WIDTH, height=plot.HEIGHT,
        )  # fmt: skip

    async def _known(self, now: float) -> attention.Known:
        day = await self._api.journal.tallies(now - _DAY, now + 1)
        return attention.Known(
            now=now,
            sites=(await self._counting()).sites,
            held=(await self._api.spool.counts()).get(State.HELD.value, 0),
            oldest=await self._api.spool.deliveries(QueueFilter(states=(State.DUE, State.CLAIMED)), _OLDEST),
            webhooks=await self._webhooks(),
            certificates=await self._api.aside(self._certificates),
            logins=await self._api.accounts.logins(),
            day=_totals(day),
        )

    async def _webhooks(self) -> list[tuple[Webhook, Health]]:
        found = []
        for webhook in await self._api.webhooks.webhooks():
            try:
                found.append((webhook, await self._api.webhooks.health(webhook.id)))
            except NoSuchWebhook:  # gone since
                continue
        return found


def _totals(tallies: Sequence[Tally]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for tally in tallies:
        totals[tally.kind] = totals.get(tally.kind, 0) + tally.count
    return totals


def shares(totals: Mapping[str, int]) -> dict[str, str]:
    """What part each is of what it is a part of, for people; nothing of what did not happen."""
    delivered = totals.get("delivery", 0)
    ended = delivered + totals.get("failure", 0)
    wholes = {
        **dict.fromkeys(_ENDED, (ended, "of what ended")),
        **dict.fromkeys(_BACK, (delivered, "of delivered")),
    }
    found = {
        kind: f"{totals[kind] / whole:.1%} {of}"
        for kind, (whole, of) in wholes.items()
        if whole and totals.get(kind)
    }
    seen = {
        kind: f"{totals[kind] / delivered:.2f} per delivery"
        for kind in _SEEN
        if delivered and totals.get(kind)
    }
    return found | seen
