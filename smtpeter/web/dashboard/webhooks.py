"""Webhooks: where events are posted to, how their receivers do, and what they refused. A secret is shown once."""

from __future__ import annotations

from typing import Any

from smtpeter.accounts.webhooks import KINDS, Encoding
from smtpeter.web.api import webhooks as api
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.reading import convert
from smtpeter.web.api.route import Given
from smtpeter.web.dashboard.acting import act
from smtpeter.web.dashboard.interface import Neighbours
from smtpeter.web.dashboard.pages import Pages, elsewhere
from smtpeter.web.dashboard.route import Asked, Form

# How far back events may be posted again, in seconds.
PERIODS = {"": "what waits apart or was given up", "3600": "all of the last hour", "86400": "all of the last day", "604800": "all of the last week"}  # fmt: skip


class Webhooks:
    """The pages about webhooks."""

    def __init__(self, neighbours: Neighbours, pages: Pages) -> None:
        self._api = neighbours.api
        self._calls = api.Hooks(neighbours.api)
        self._pages = pages

    async def listed(self, asked: Asked) -> Given:
        found = await act(asked, self._calls.listed)
        logins = [login.username for login in await self._api.accounts.logins()]
        return self._pages.page(
            "webhooks.html", asked, webhooks=found, logins=logins, kinds=KINDS, encodings=list(Encoding)
        )

    async def create(self, asked: Asked) -> Given:
        wanted = _wanted(asked.form) | {"login": asked.form.one("login") or None}
        made = await act(asked, self._calls.create, convert(wanted, api.NewWebhook))
        return self._page(asked, made | {"behind": 0, "aside": []})

    async def show(self, asked: Asked) -> Given:
        return self._page(asked, await act(asked, self._calls.show))

    async def change(self, asked: Asked) -> Given:
        await act(asked, self._calls.modify, convert(_wanted(asked.form), api.ChangedWebhook))
        return _back(asked)

    async def enable(self, asked: Asked) -> Given:
        enabled = asked.form.one("enabled") == "yes"
        await act(asked, self._calls.modify, api.ChangedWebhook(enabled=enabled))
        return _back(asked)

    async def test(self, asked: Asked) -> Given:
        """Post a request that tells of nothing, and say what was answered."""
        tried = await act(asked, self._calls.test)
        return self._page(asked, await act(asked, self._calls.show), tried=tried)

    async def replay(self, asked: Asked) -> Given:
        period = asked.form.one("seconds")
        if period not in PERIODS:
            raise Problem(422, "There is no such choice.", "seconds")
        again = api.Again(seconds=int(period)) if period else api.Again()
        await act(asked, self._calls.replay, again)
        return _back(asked)

    async def delete(self, asked: Asked) -> Given:
        await act(asked, self._calls.delete)
        return elsewhere("/webhooks")

    def _page(self, asked: Asked, webhook: dict[str, Any], tried: dict[str, Any] | None = None) -> Given:
        return self._pages.page(
            "webhook.html", asked, webhook=webhook, tried=tried, kinds=KINDS, encodings=list(Encoding),
            periods=PERIODS, path=f"/webhooks/{webhook['id']}",
        )  # fmt: skip


def _back(asked: Asked) -> Given:
    return elsewhere(f"/webhooks/{asked.path['number']}")


def _wanted(form: Form) -> dict[str, Any]:
    return {
        "url": form.one("url"),
        "kinds": form.all("kind"),
        "encoding": form.one("encoding"),
        "note": form.one("note"),
    }
