"""Who changed what: written down after it was done, and shown.

What is done by calls of the API (`acting`) is written down there.
"""

from __future__ import annotations

from urllib.parse import urlencode

from smtpeter.accounts.operators import Change
from smtpeter.web.api.route import Given
from smtpeter.web.dashboard.interface import Neighbours
from smtpeter.web.dashboard.pages import Pages
from smtpeter.web.dashboard.route import Asked

_PORTION = 100


class Recording:
    """Writes it down."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    async def __call__(self, asked: Asked, action: str, subject: str = "") -> None:
        now = self._neighbours.api.clock()
        change = Change(now, asked.operator.name, action, subject, asked.client)
        await self._neighbours.operators.record(change)


class Record:
    """The page about what operators did."""

    def __init__(self, neighbours: Neighbours, pages: Pages) -> None:
        self._operators = neighbours.operators
        self._pages = pages

    async def changes(self, asked: Asked) -> Given:
        sought = asked.query.one("sought")
        found = await self._operators.changes(asked.query.place(), _PORTION, sought)
        earlier = ""
        if len(found) == _PORTION:
            earlier = urlencode({"before": found[-1][0]} | ({"sought": sought} if sought else {}))
        changes = [change for _, change in found]
        return self._pages.page("changes.html", asked, changes=changes, sought=sought, earlier=earlier)
