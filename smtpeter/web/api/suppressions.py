"""The suppression list: who is on it, and putting on and taking off. A login's token reaches its own list only."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from smtpeter.accounts import changes
from smtpeter.accounts.suppression import EVERYBODY, Suppression, key, of_domain, of_login
from smtpeter.journal.columns import timestamp
from smtpeter.message.address import AddressSyntax, ascii_domain
from smtpeter.message.identifier import show
from smtpeter.web.api import fields
from smtpeter.web.api.interface import Neighbours
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.record import record
from smtpeter.web.api.route import Call, Given, given
from smtpeter.web.api.shapes import Mail

_Name = Annotated[str, Meta(max_length=255)]


class Listing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose list: a login's, a sender domain's; all of them, where a token may see them, when none is named."""

    login: _Name | UnsetType = UNSET
    domain: _Name | UnsetType = UNSET
    recipient: Annotated[str, Meta(max_length=320, description="A part of the address.")] = ""
    cursor: Annotated[str, Meta(max_length=2000, description="What the page before this one gave.")] = ""
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000


class Whose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list: a login's, or a sender domain's; that of all logins when none is named."""

    login: _Name | UnsetType = UNSET
    domain: _Name | UnsetType = UNSET


class Added(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Recipients to put on a list, for `days`, or for ever; a login's token needs no `login`."""

    recipients: Annotated[list[Mail], Meta(min_length=1, max_length=1000)]
    login: _Name | None = None
    domain: _Name | None = None
    reason: Annotated[str, Meta(max_length=500)] = "added by the API"
    days: Annotated[int, Meta(ge=1, le=36_500)] | None = None


class Counted(msgspec.Struct, frozen=True):
    """How many were new."""

    added: int


class Shown(msgspec.Struct, frozen=True):
    """A recipient on a list; `scope` is login, domain or everybody; `id` whose failure or complaint it was."""

    recipient: str
    scope: str
    name: str
    reason: str
    created: str
    expires: str | None
    id: str | None


class SuppressionPage(msgspec.Struct, frozen=True):
    """A part of the list; `cursor` is where to go on, empty at the end."""

    suppressions: list[Shown]
    cursor: str


class Listed:
    """The calls about the list."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    async def listed(self, call: Call[None]) -> Given:
        asked: Listing = call.query
        scope = _scope(call, asked.login or None, asked.domain or None)
        place = _place(asked.cursor)
        found = await self._neighbours.suppressions.entries(
            scope or None, place, asked.limit, asked.recipient
        )
        cursor = _cursor(found[-1]) if len(found) == asked.limit else ""
        return given(SuppressionPage([_shown(one) for one in found], cursor))

    async def add(self, call: Call[Added]) -> Given:
        asked, now = call.body, self._neighbours.clock()
        scope = _scope(call, asked.login, asked.domain)
        if asked.login is not None and await self._neighbours.accounts.login(asked.login) is None:
            raise Problem(422, "there is no such login", "login")
        expires = None if asked.days is None else now + asked.days * 86_400.0
        reason = fields.clean(asked.reason, "reason")
        entries = [
            Suppression(scope, key(fields.address(one, f"recipients[{number}]")), reason, now, expires)
            for number, one in enumerate(asked.recipients)
        ]
        added = await self._neighbours.suppressions.add(entries)
        named = changes.recipients([one.recipient for one in entries])
        await record(self._neighbours, call, changes.suppressed(scope, reason), named)
        return given(Counted(added))

    async def remove(self, call: Call[None]) -> Given:
        asked: Whose = call.query
        scope = _scope(call, asked.login or None, asked.domain or None)
        recipient = key(fields.address(call.path["recipient"], "recipient"))
        if not await self._neighbours.suppressions.remove(scope, [recipient]):
            raise Problem(404, "this recipient is not on that list", "recipient")
        await record(self._neighbours, call, changes.not_suppressed(scope), recipient)
        return Given(b"", status=204)


def _scope(call: Call[Any], login: str | None, domain: str | None) -> str:
    """The list that is meant, if the token reaches it."""
    if login is not None and domain is not None:
        raise Problem(422, "there is login as well; one of the two", "domain")
    if call.login is not None:
        if domain is not None or login not in {None, call.login}:
            raise Problem(403, "this token reaches its own login's list only", "login" if login else "domain")
        return of_login(call.login)
    if login is not None:
        return of_login(login)
    if domain is None:
        return EVERYBODY
    try:
        return of_domain(ascii_domain(domain))
    except AddressSyntax as error:
        raise Problem(422, str(error), "domain") from None


def _shown(one: Suppression) -> Shown:
    kind, _, name = one.scope.partition(":")
    return Shown(
        one.recipient,
        kind or "everybody",
        name,
        one.reason,
        timestamp(one.created_at),
        None if one.expires_at is None else timestamp(one.expires_at),
        None if one.delivery is None else show(one.delivery),
    )


def _cursor(one: Suppression) -> str:
    return base64.urlsafe_b64encode(f"{one.scope}\0{one.recipient}".encode()).decode("ascii")


def _place(cursor: str) -> tuple[str, str]:
    if not cursor:
        return "", ""
    try:
        scope, _, recipient = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().partition("\0")
    except (binascii.Error, ValueError):
        raise Problem(422, "no cursor of ours", "cursor") from None
    return scope, recipient
