"""Webhooks: where events are posted to, how that goes, and what was refused. A login's token reaches its own only.

The secret is shown once, when the webhook is made. Where a request may not go is refused when the URL is named, and again
when one is made: what a name means in our networks is not told.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from smtpeter.accounts import changes
from smtpeter.accounts.tokens import Scope
from smtpeter.accounts.webhooks import KINDS, Aside, Encoding, Health, NoSuchWebhook, Webhook, WebhookId
from smtpeter.journal.columns import timestamp
from smtpeter.journal.interface import Query
from smtpeter.message.identifier import show
from smtpeter.request import target
from smtpeter.web.api import caller, fields
from smtpeter.web.api.interface import Neighbours
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.record import record
from smtpeter.web.api.route import Call, Given, given

_SECRET_LENGTH = 32  # octets; Standard Webhooks asks for 24 to 64
_SHOWN = 1000  # events that wait apart or were given up
_MOST = 20  # webhooks that a login's tokens can make: each is asked about twice a second
_PRIVATE = "its host has no public address"

Kind = Literal["bounce", "failure", "delivery", "click", "open", "abuse"]
Url = Annotated[
    str, Meta(min_length=1, max_length=2000, description="An http or https URL on a public address.")
]
Kinds = Annotated[list[Kind], Meta(min_length=1, max_length=20)]
Note = Annotated[str, Meta(max_length=1000)]


class NewWebhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to post what happens from now on; without `kinds` all of it. A login's token needs no `login`."""

    url: Url
    kinds: Kinds | None = None
    login: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    encoding: Encoding = Encoding.JSON
    note: Note = ""


class ChangedWebhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change; the rest stays. What happens while it is not `enabled` is posted when it is again."""

    url: Url | None = None
    kinds: Kinds | None = None
    encoding: Encoding | None = None
    enabled: bool | None = None
    note: Note | None = None


class Again(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From where to post again, by time or by place; with neither, what waits apart or was given up only."""

    seconds: Annotated[int, Meta(ge=1, le=315_360_000, description="Events of the last so many.")] | None = (
        None
    )
    cursor: Annotated[int, Meta(ge=0, le=2**63 - 1, description="Events after this place.")] | None = None


class Behind(msgspec.Struct, frozen=True):
    """How many events of the journal, of all kinds, it still has to go through."""

    behind: int


class Tried(msgspec.Struct, frozen=True):
    """What the receiver answered: `status` 0 when it did not, and then why. 200 to 299 takes an event."""

    taken: bool
    status: int
    problem: str


class Refused(msgspec.Struct, frozen=True):
    """An event that waits apart, or was given up when `due` is null; `id` is its delivery's."""

    event: int
    id: str
    attempts: int
    since: str
    due: str | None
    problem: str


class ShownWebhook(msgspec.Struct, frozen=True, omit_defaults=True):
    """A webhook and how its receiver does; `secret` only when it was just made, the last two for one alone."""

    id: int
    url: str
    kinds: list[str]
    login: str
    encoding: Encoding
    enabled: bool
    note: str
    cursor: int
    created: str
    failures: int
    problem: str
    retry: str | None
    taken: str | None
    secret: str | None = None
    behind: int | None = None
    aside: list[Refused] | None = None


class Hooks:
    """The calls about webhooks."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours
        self._ledger = neighbours.webhooks

    async def listed(self, call: Call[None]) -> Given:
        told = []
        for one in await self._reached(call):
            with suppress(NoSuchWebhook):  # somebody deletes it meanwhile
                told.append(_shown(one, await self._ledger.health(one.id)))
        return given(told)

    async def create(self, call: Call[NewWebhook]) -> Given:
        caller.judge(call.token, Scope.READ)  # events that it may not read go nowhere by its word
        asked = call.body
        made = await self._ledger.create(
            Webhook(
                id=WebhookId(0),
                url=self._url(asked.url),
                kinds=tuple(dict.fromkeys(asked.kinds or KINDS)),
                secret=self._neighbours.token_bytes(_SECRET_LENGTH),
                created_at=self._neighbours.clock(),
                login=await self._login(call),
                encoding=asked.encoding,
                note=fields.clean(asked.note, "note"),
                cursor=await self._neighbours.journal.end(),
            )
        )
        await record(self._neighbours, call, changes.made_webhook(made), str(made.id))
        return given(_shown(made, Health(), secret=made.shown_secret()), 201)

    async def show(self, call: Call[None]) -> Given:
        found = await self._found(call)
        try:
            health = await self._ledger.health(found.id)
        except NoSuchWebhook:
            raise _no_such_webhook() from None
        aside = [_refused(one) for one in await self._ledger.aside(found.id, _SHOWN)]
        return given(_shown(found, health, behind=await self._behind(found.cursor), aside=aside))

    async def modify(self, call: Call[ChangedWebhook]) -> Given:
        caller.judge(call.token, Scope.READ)
        found, asked = await self._found(call), call.body
        changed = replace(
            found,
            url=found.url if asked.url is None else self._url(asked.url),
            kinds=found.kinds if asked.kinds is None else tuple(dict.fromkeys(asked.kinds)),
            encoding=found.encoding if asked.encoding is None else asked.encoding,
            enabled=found.enabled if asked.enabled is None else asked.enabled,
            note=found.note if asked.note is None else fields.clean(asked.note, "note"),
        )
        try:
            await self._ledger.replace(changed)
            await record(self._neighbours, call, changes.of_webhook(found, changed), str(found.id))
            return given(_shown(changed, await self._ledger.health(changed.id)))
        except NoSuchWebhook:
            raise _no_such_webhook() from None

    async def delete(self, call: Call[None]) -> Given:
        found = await self._found(call)
        try:
            await self._ledger.delete(found.id)
        except NoSuchWebhook:
            raise _no_such_webhook() from None
        await record(self._neighbours, call, "deleted the webhook", str(found.id))
        return Given(b"", status=204)

    async def test(self, call: Call[None]) -> Given:
        status, problem = await self._neighbours.trial(await self._found(call))
        return given(Tried(200 <= status < 300, status, _told(problem)))

    async def replay(self, call: Call[Again]) -> Given:
        caller.judge(call.token, Scope.READ)
        found, asked = await self._found(call), call.body
        if asked.seconds is not None and asked.cursor is not None:
            raise Problem(422, "there is seconds as well; one of the two", "cursor")
        place = found.cursor if asked.cursor is None else min(asked.cursor, found.cursor)
        if asked.seconds is not None:
            since = Query(start=self._neighbours.clock() - asked.seconds)
            first = await self._neighbours.journal.since(0, since, 1)
            place = min(first[0].cursor - 1, found.cursor) if first else found.cursor
        try:
            await self._ledger.replay(found.id, place)
        except NoSuchWebhook:
            raise _no_such_webhook() from None
        again = changes.replayed(asked.seconds, asked.cursor)
        await record(self._neighbours, call, again, str(found.id))
        return given(Behind(await self._behind(place)))

    async def _behind(self, cursor: int) -> int:
        return max(0, await self._neighbours.journal.end() - cursor)

    async def _reached(self, call: Call[Any]) -> list[Webhook]:
        """Those that the token reaches."""
        every = await self._ledger.webhooks()
        return [one for one in every if call.login is None or one.login == call.login]

    async def _found(self, call: Call[Any]) -> Webhook:
        for one in await self._reached(call):
            if str(one.id) == call.path["number"]:
                return one
        raise _no_such_webhook()

    async def _login(self, call: Call[NewWebhook]) -> str:
        """Whose events a new webhook is for; "": everybody's."""
        login = call.body.login
        if call.login is None:
            if login is not None and await self._neighbours.accounts.login(login) is None:
                raise Problem(422, "there is no such login", "login")
            return login or ""
        if login not in {None, call.login}:
            raise Problem(403, "this token reaches its own login's webhooks only", "login")
        if len(await self._reached(call)) >= _MOST:
            raise Problem(422, f"a login makes no more than {_MOST} webhooks")
        return call.login

    def _url(self, url: str) -> str:
        """The URL as browsers read it."""
        try:
            return target.read(url, allow_private=self._neighbours.private_webhooks).url
        except target.NotAllowed as error:
            raise Problem(422, str(error), "url") from None


def _no_such_webhook() -> Problem:
    return Problem(404, "there is no such webhook", "number")


def _told(problem: str) -> str:
    return _PRIVATE if problem.endswith(target.NOT_PUBLIC) else problem


def _shown(one: Webhook, health: Health, **more: Any) -> ShownWebhook:
    return ShownWebhook(
        id=one.id,
        url=one.url,
        kinds=list(one.kinds),
        login=one.login,
        encoding=one.encoding,
        enabled=one.enabled,
        note=one.note,
        cursor=one.cursor,
        created=timestamp(one.created_at),
        failures=health.failures,
        problem=_told(health.problem),
        retry=timestamp(health.retry_at) if health.failures else None,
        taken=timestamp(health.taken_at) if health.taken_at else None,
        **more,
    )


def _refused(one: Aside) -> Refused:
    return Refused(
        one.event,
        show(one.delivery),
        one.attempts,
        timestamp(one.set_at),
        None if one.due_at is None else timestamp(one.due_at),
        _told(one.problem),
    )
