"""Access tokens of the REST API: listed, made and revoked. A token is shown once, in the answer to the form that made it."""

from __future__ import annotations

from typing import Any

from smtpeter.accounts.tokens import OF_A_LOGIN, Scope
from smtpeter.web.api import logins as api
from smtpeter.web.api.reading import convert
from smtpeter.web.api.route import Given
from smtpeter.web.dashboard.acting import act
from smtpeter.web.dashboard.interface import Neighbours
from smtpeter.web.dashboard.pages import Pages, elsewhere
from smtpeter.web.dashboard.route import Asked

# What each scope lets a program do, in a sentence.
SCOPES = {
    Scope.SEND: "Send messages, and send them again; of a login only.",
    Scope.READ: "Read messages, events and log files.",
    Scope.QUEUE: "Retry, hold and delete what waits; suppressions and webhooks.",
    Scope.ADMIN: "Logins, tokens and sender domains; of no login only.",
}


class Tokens:
    """The page about tokens."""

    def __init__(self, neighbours: Neighbours, pages: Pages) -> None:
        self._api = neighbours.api
        self._calls = api.Logins(neighbours.api)
        self._pages = pages

    async def listed(self, asked: Asked) -> Given:
        return await self._page(asked)

    async def create(self, asked: Asked) -> Given:
        form = asked.form
        wanted = {"login": form.one("login") or None, "scopes": form.all("scope"), "note": form.one("note")}
        made = await act(asked, self._calls.create_token, convert(wanted, api.NewToken))
        return await self._page(asked, made)

    async def revoke(self, asked: Asked) -> Given:
        await act(asked, self._calls.revoke_token)
        return elsewhere("/tokens")

    async def _page(self, asked: Asked, made: dict[str, Any] | None = None) -> Given:
        tokens = await act(asked, self._calls.tokens)
        logins = [login.username for login in await self._api.accounts.logins()]
        return self._pages.page(
            "tokens.html", asked, tokens=tokens, made=made, logins=logins, scopes=SCOPES, usual=OF_A_LOGIN
        )
