"""An operator's own account: his password, and the one-time codes that are asked of him. The present password is asked each time."""

from __future__ import annotations

import base64
from dataclasses import replace

from smtpeter.accounts import codes, passwords
from smtpeter.accounts.allowance import Allowance
from smtpeter.accounts.operators import Operator, OperatorChanged
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.route import Given
from smtpeter.web.dashboard import squares
from smtpeter.web.dashboard.interface import Neighbours
from smtpeter.web.dashboard.pages import Pages, elsewhere
from smtpeter.web.dashboard.record import Recording
from smtpeter.web.dashboard.route import Asked

SHORTEST = 12  # characters of a password
_TRIES = (Allowance(10, 60),)  # a session that was stolen must not be a way to the password


class Account:
    """The page about oneself."""

    def __init__(self, neighbours: Neighbours, pages: Pages, recording: Recording) -> None:
        self._api = neighbours.api
        self._operators = neighbours.operators
        self._host = neighbours.connecting.host
        self._pages = pages
        self._recording = recording

    async def show(self, asked: Asked) -> Given:
        return self._page(asked)

    async def change_password(self, asked: Asked) -> Given:
        """The sessions end, this one too."""
        operator = await self._proven(asked)
        new, again = ("".join(asked.form.all(name)[-1:]) for name in ("new", "again"))
        if new != again:
            raise Problem(422, "The two are not the same.", "new password")
        if len(new) < SHORTEST:
            raise Problem(422, f"A password has at least {SHORTEST} characters.", "new password")
        try:
            kept = await self._api.aside(passwords.keep_chosen, new, self._api.token_bytes)
        except passwords.UnusablePassword as error:
            raise Problem(422, str(error), "new password") from None
        changed = replace(operator, password_hash=kept, must_change=False)
        return await self._done(asked, changed, "changed his own password")

    async def make_key(self, asked: Asked) -> Given:
        """Show the key for one-time codes, once; none is asked before a code proves that it has arrived."""
        await self._proven(asked)
        key = self._api.token_bytes(codes.KEY_OCTETS)
        return self._page(asked, codes.text(key), codes.uri(key, asked.operator.name, self._host))

    async def ask_code(self, asked: Asked) -> Given:
        operator = await self._proven(asked)
        key = _key(asked.form.one("key"))
        step = codes.step(key, asked.form.one("code"), self._api.clock())
        if step is None:
            raise Problem(422, "This is not the code of now; go back, and try the next one.", "code")
        done = await self._done(asked, replace(operator, one_time=key), "has one-time codes asked of himself")
        await self._operators.spend(operator.name, step)
        return done

    async def ask_no_code(self, asked: Asked) -> Given:
        operator = await self._proven(asked)
        changed = replace(operator, one_time=b"")
        return await self._done(asked, changed, "has no one-time codes asked of himself any more")

    def _page(self, asked: Asked, key: str = "", uri: str = "") -> Given:
        return self._pages.page(
            "account.html", asked, key=key, uri=uri, picture=uri and squares.image(uri), shortest=SHORTEST
        )  # fmt: skip

    async def _done(self, asked: Asked, changed: Operator, what: str) -> Given:
        try:
            await self._operators.replace(changed, asked.operator)
        except OperatorChanged:
            raise Problem(
                409, "An administrator has changed this account meanwhile; sign in again."
            ) from None
        await self._recording(asked, what)
        return elsewhere("/sign-in")

    async def _proven(self, asked: Asked) -> Operator:
        """The operator, if the present password is right; raises Problem 403 and 429."""
        name = f"password of {asked.operator.name}"
        wait = await self._api.allowances.take(name, 1, _TRIES, self._api.clock())
        if wait:
            raise Problem(429, "Too many tries; wait a minute.", "password")
        presented = "".join(asked.form.all("password")[-1:]).encode("utf-8", "replace")
        if not await self._api.aside(passwords.verify, presented, asked.operator.password_hash):
            raise Problem(403, "The present password is not right.", "password")
        return asked.operator


def _key(text: str) -> bytes:
    """The key as the page with it has sent it along."""
    try:
        key = base64.b32decode(text)
    except ValueError:
        key = b""
    if len(key) != codes.KEY_OCTETS:
        raise Problem(400, "This form cannot be read.")
    return key
