"""Bounces: what was refused and what came back, by class, and to which message."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from urllib.parse import urlencode

from smtpeter.journal.events import Bounced, Complained, Event, Failed, Responded
from smtpeter.journal.interface import Query
from smtpeter.message import identifier
from smtpeter.message.status import Stage
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.route import Given
from smtpeter.web.dashboard.interface import Neighbours
from smtpeter.web.dashboard.pages import Pages
from smtpeter.web.dashboard.route import Asked

_PORTION = 50
_COUNTED = 250  # events whose classes are counted: more would take a page longer than it may
# What may be looked at, and the events that it means.
CHOICES = {
    "": ("Everything", (Bounced.kind, Failed.kind, Responded.kind, Complained.kind)),
    "refused": ("Refused or given up", (Failed.kind,)),
    "returned": ("Reports that came back", (Bounced.kind,)),
    "answers": ("Automatic answers", (Responded.kind,)),
    "complaints": ("Complaints", (Complained.kind,)),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One of them; `id` "" when it is not known which message it is about."""

    time: float
    id: str
    recipient: str
    login: str
    kind: str
    status: str
    said: str


class Bounces:
    """The page about what came back."""

    def __init__(self, neighbours: Neighbours, pages: Pages) -> None:
        self._journal = neighbours.api.journal
        self._pages = pages

    async def listed(self, asked: Asked) -> Given:
        chosen = asked.query.one("show")
        if chosen not in CHOICES:
            raise Problem(400, "There is no such list.")
        query = Query(kinds=CHOICES[chosen][1])
        found = await self._journal.before(asked.query.place(), query, _COUNTED)
        earlier = ""
        if len(found) > _PORTION:
            place = {"show": chosen} if chosen else {}
            earlier = urlencode({**place, "before": str(found[_PORTION - 1].cursor)})
        rows = [row(entry.event) for entry in found]
        return self._pages.page(
            "bounces.html", asked, rows=rows[:_PORTION], classes=Counter(one.kind for one in rows).most_common(),
            counted=len(rows), chosen=chosen, choices=CHOICES, earlier=earlier,
        )  # fmt: skip


def row(event: Event) -> Row:
    """The event, told."""
    kind, status, said = event.kind, "", ""
    match event:
        case Failed():
            kind = (
                "suppressed" if event.state == Stage.SUPPRESSION else "refused" if event.code else event.type
            )
            status, said = event.status, event.description
        case Bounced():
            kind = event.failure_class or event.action or event.type
            status, said = event.status, event.description
        case Responded() | Complained():
            kind = event.type or ("complaint" if isinstance(event, Complained) else "answer")
    shown = identifier.show(event.delivery) if event.delivery else ""
    return Row(event.time, shown, event.recipient, event.login, kind, status, said)
