"""Operators, for who administers: made, given another role or password, disabled and removed; never the last of them.

A password that somebody gets here is shown once, and opens nothing but the page where he gives himself another.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from smtpeter.accounts import passwords
from smtpeter.accounts.operators import (
    LastAdministrator,
    NoSuchOperator,
    Operator,
    OperatorChanged,
    OperatorExists,
    Role,
    may_be_called,
)
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.route import Given
from smtpeter.web.dashboard.interface import Neighbours
from smtpeter.web.dashboard.pages import Pages, elsewhere
from smtpeter.web.dashboard.record import Recording
from smtpeter.web.dashboard.route import Asked

# What each role may do, in a sentence.
ROLES = {
    Role.VIEW: "Looks at everything but tokens and operators, and changes nothing.",
    Role.OPERATE: "Also works on the queue, suppressions and webhooks, and sends test messages.",
    Role.ADMINISTER: "Also makes and takes away logins, domains, webhooks, tokens and operators.",
}


class Operators:
    """The pages about operators."""

    def __init__(self, neighbours: Neighbours, pages: Pages, recording: Recording) -> None:
        self._api = neighbours.api
        self._operators = neighbours.operators
        self._pages = pages
        self._recording = recording

    async def listed(self, asked: Asked) -> Given:
        operators = await self._operators.operators()
        return self._pages.page("operators.html", asked, operators=operators, roles=ROLES)

    async def create(self, asked: Asked) -> Given:
        name = asked.form.one("name")
        if not may_be_called(name):
            said = "A name has 1 to 255 printable characters, and is not like what a token or the command is called."
            raise Problem(422, said, "name")
        password, kept = await self._password()
        made = Operator(name, kept, _role(asked), self._api.clock(), must_change=True)
        try:
            await self._operators.create(made)
        except OperatorExists:
            raise Problem(409, f"The operator {name} exists already.", "name") from None
        await self._recording(asked, f"made the operator, to {made.role.value}", name)
        return self._page(asked, made, password)

    async def show(self, asked: Asked) -> Given:
        return self._page(asked, await self._found(asked))

    async def give_role(self, asked: Asked) -> Given:
        found = await self._found(asked)
        changed = replace(found, role=_role(asked))
        return await self._change(asked, found, changed, f"lets the operator {changed.role.value}")

    async def enable(self, asked: Asked) -> Given:
        found = await self._found(asked)
        changed = replace(found, enabled=asked.form.one("enabled") == "yes")
        done = "enabled the operator" if changed.enabled else "disabled the operator"
        return await self._change(asked, found, changed, done)

    async def give_password(self, asked: Asked) -> Given:
        password, kept = await self._password()
        found = await self._found(asked)
        changed = replace(found, password_hash=kept, must_change=True)
        await self._change(asked, found, changed, "gave the operator another password")
        return self._page(asked, changed, password)

    async def ask_no_code(self, asked: Asked) -> Given:
        """For who has lost what shows his codes."""
        found = await self._found(asked)
        changed = replace(found, one_time=b"")
        return await self._change(asked, found, changed, "asks the operator for no code any more")

    async def delete(self, asked: Asked) -> Given:
        try:
            await self._operators.delete(asked.path["name"])
        except NoSuchOperator:
            raise _no_such() from None
        except LastAdministrator:
            raise _last() from None
        await self._recording(asked, "removed the operator", asked.path["name"])
        return elsewhere("/operators")

    async def _change(self, asked: Asked, found: Operator, changed: Operator, done: str) -> Given:
        try:
            await self._operators.replace(changed, found)
        except OperatorChanged:
            raise Problem(409, "This operator was changed meanwhile; look again, and repeat it.") from None
        except NoSuchOperator:
            raise _no_such() from None
        except LastAdministrator:
            raise _last() from None
        await self._recording(asked, done, changed.name)
        return elsewhere(f"/operators/{quote(changed.name, safe='')}")

    async def _found(self, asked: Asked) -> Operator:
        found = await self._operators.operator(asked.path["name"])
        if found is None:
            raise _no_such()
        return found

    async def _password(self) -> tuple[str, str]:
        password = passwords.generate(self._api.token_bytes)
        return password, await self._api.aside(passwords.keep_chosen, password, self._api.token_bytes)

    def _page(self, asked: Asked, one: Operator, password: str = "") -> Given:
        path = f"/operators/{quote(one.name, safe='')}"
        return self._pages.page(
            "operator.html", asked, one=one, password=password, path=path, roles=ROLES
        )  # fmt: skip


def _role(asked: Asked) -> Role:
    try:
        return Role(asked.form.one("role"))
    except ValueError:
        raise Problem(422, "There is no such role.", "role") from None


def _no_such() -> Problem:
    return Problem(404, "There is no such operator.")


def _last() -> Problem:
    return Problem(409, "Nobody else could administer then. Make another operator who may, first.")
