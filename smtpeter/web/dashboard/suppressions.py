"""Suppressions: recipients that get no more mail, found, put on a list with the reason, and taken off it again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from smtpeter.web.api import suppressions as api
from smtpeter.web.api.reading import convert
from smtpeter.web.api.route import Given
from smtpeter.web.dashboard.acting import act
from smtpeter.web.dashboard.interface import Neighbours
from smtpeter.web.dashboard.pages import Pages, elsewhere
from smtpeter.web.dashboard.route import Asked, Form, number

_PORTION = 100


class Suppressions:
    """The page about the lists."""

    def __init__(self, neighbours: Neighbours, pages: Pages) -> None:
        self._api = neighbours.api
        self._calls = api.Listed(neighbours.api)
        self._pages = pages

    async def listed(self, asked: Asked) -> Given:
        sought = {name: asked.query.one(name) for name in ("recipient", "login", "domain")}
        sought = {name: value for name, value in sought.items() if value}
        wanted = convert(sought | {"cursor": asked.query.one("cursor"), "limit": _PORTION}, api.Listing)
        found = await act(asked, self._calls.listed, query=wanted)
        further = urlencode({**sought, "cursor": found["cursor"]}) if found["cursor"] else ""
        logins = [login.username for login in await self._api.accounts.logins()]
        return self._pages.page(
            "suppressions.html", asked, listed=found["suppressions"], sought=sought, further=further, logins=logins
        )  # fmt: skip

    async def add(self, asked: Asked) -> Given:
        form = asked.form
        days = form.one("days")
        wanted: dict[str, Any] = {
            "recipients": form.one("recipients").replace(",", " ").split(),
            "reason": form.one("reason") or "added by an operator",
            "days": number(days) if number(days) is not None else days or None,
            **_whose(form),
        }
        await act(asked, self._calls.add, convert(wanted, api.Added))
        return elsewhere("/suppressions")

    async def remove(self, asked: Asked) -> Given:
        form = asked.form
        meant = replace(asked, path={"recipient": form.one("recipient")})
        await act(meant, self._calls.remove, query=convert(_whose(form), api.Whose))
        return elsewhere("/suppressions")


def _whose(form: Form) -> dict[str, str]:
    """Whose list: a login's, a sender domain's, or, where neither is named, that of all logins."""
    return {name: form.one(name) for name in ("login", "domain") if form.one(name)}
