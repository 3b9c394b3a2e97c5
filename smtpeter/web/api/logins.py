"""Logins and tokens, for operators: passwords and tokens are shown once, when they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from smtpeter.accounts import changes, passwords, tokens
from smtpeter.accounts.interface import LoginExists, NoSuchLogin
from smtpeter.accounts.model import Login
from smtpeter.accounts.suppression import Breadth, Treatment
from smtpeter.accounts.tokens import OF_A_LOGIN, AccessToken, NoSuchToken, Scope
from smtpeter.accounts.uses import Kind, last_use
from smtpeter.journal.columns import timestamp
from smtpeter.message.address import AddressSyntax, ascii_domain, parse
from smtpeter.message.options import Switches
from smtpeter.web.api.interface import Neighbours
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.record import record
from smtpeter.web.api.route import Call, Given, given
from smtpeter.web.api.wishes import Wishes, heeded, shown

LONGEST_OVERLAP = 31_536_000  # seconds
Username = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[!-~]+$")]
Sender = Annotated[
    str, Meta(max_length=320, description="An address, a domain, or .domain for its subdomains.")
]
Note = Annotated[str, Meta(max_length=1000)]


class NewLogin(Wishes, frozen=True, forbid_unknown_fields=True):
    """A login; without a name it gets one. Switches that are not named are off."""

    username: Username | None = None
    switches: list[str] = msgspec.field(default_factory=list)
    senders: Annotated[list[Sender], Meta(max_length=1000)] = msgspec.field(default_factory=list)
    option_headers: bool = False
    note: Note = ""


class ChangedLogin(Wishes, frozen=True, forbid_unknown_fields=True):
    """What is to change; the rest stays. `switches` are all that shall be on."""

    switches: list[str] | None = None
    senders: Annotated[list[Sender], Meta(max_length=1000)] | None = None
    option_headers: bool | None = None
    enabled: bool | None = None
    note: Note | None = None


class ShownPrevious(msgspec.Struct, frozen=True):
    """The password before the present one: until when it still opens the login, and when it last did."""

    until: str
    used: str | None


class Overlap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how many seconds the present password still opens the login beside the new one."""

    overlap: Annotated[int, Meta(ge=0, le=LONGEST_OVERLAP)] = 0


class ShownLogin(msgspec.Struct, frozen=True, omit_defaults=True):
    """A login; its password only when it was just made."""

    username: str
    enabled: bool
    switches: list[str]
    senders: list[str]
    option_headers: bool
    max_deliver_time: float | None
    priority: str
    forward_bounces: str
    suppress: Breadth
    suppressed: Treatment
    suppress_for: int
    tags: list[str]
    per_hour: int
    per_day: int
    created: str
    note: str
    used: str | None
    previous: ShownPrevious | None = None
    password: str | None = None


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token of a login; without one, an operator's."""

    login: Username | None = None
    scopes: list[Scope] = []
    note: Note = ""


class ShownToken(msgspec.Struct, frozen=True, omit_defaults=True):
    """A token's id and what it may do; the token itself only when it was just made."""

    id: str
    login: str
    scopes: list[Scope]
    created: str
    note: str
    used: str | None
    token: str | None = None


class Logins:
    """The calls about logins and tokens."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    async def listed(self, call: Call[None]) -> Given:  # noqa: ARG002
        uses = await self._uses()
        return given([_shown(one, uses) for one in await self._neighbours.accounts.logins()])

    async def create(self, call: Call[NewLogin]) -> Given:
        asked = call.body
        password, kept = passwords.make(self._neighbours.token_bytes)
        username = asked.username or f"u-{passwords.generate(self._neighbours.token_bytes)[:12]}"
        made = Login(
            username,
            kept,
            self._switches(asked.switches),
            self._neighbours.clock(),
            read_senders(asked.senders),
            trusted_option_headers=asked.option_headers,
            note=asked.note,
        )
        made = heeded(made, asked)
        try:
            await self._neighbours.accounts.create(made)
        except LoginExists:
            raise Problem(409, "this login exists already", "username") from None
        await record(self._neighbours, call, "made the login", username)
        return given(_shown(made, NEVER, password), 201)

    async def show(self, call: Call[None]) -> Given:
        return given(_shown(await self._login(call), await self._uses()))

    async def modify(self, call: Call[ChangedLogin]) -> Given:
        login, asked = await self._login(call), call.body
        changed = replace(
            login,
            switches=login.switches if asked.switches is None else self._switches(asked.switches),
            senders=login.senders if asked.senders is None else read_senders(asked.senders),
            enabled=login.enabled if asked.enabled is None else asked.enabled,
            note=login.note if asked.note is None else asked.note,
            trusted_option_headers=(
                login.trusted_option_headers if asked.option_headers is None else asked.option_headers
            ),
        )
        changed = heeded(changed, asked)
        return await self._replace(call, changed, login, changes.of_login(login, changed))

    async def rotate(self, call: Call[None]) -> Given:
        overlap: Overlap = call.query
        password, kept = passwords.make(self._neighbours.token_bytes)
        login = await self._login(call)
        changed = login.rotated(kept, self._neighbours.clock(), overlap.overlap)
        return await self._replace(call, changed, login, changes.rotated(overlap.overlap), password)

    async def delete(self, call: Call[None]) -> Given:
        try:
            await self._neighbours.accounts.delete(call.path["username"])
        except NoSuchLogin:
            raise _no_such_login() from None
        await record(self._neighbours, call, "deleted the login", call.path["username"])
        return Given(b"", status=204)

    async def _login(self, call: Call[Any]) -> Login:
        login = await self._neighbours.accounts.login(call.path["username"])
        if login is None:
            raise _no_such_login()
        return login

    async def _replace(
        self, call: Call[Any], changed: Login, was: Login, action: str, password: str | None = None
    ) -> Given:
        try:
            await self._neighbours.accounts.replace(changed, was)
        except NoSuchLogin:
            raise _no_such_login() from None
        await record(self._neighbours, call, action, changed.username)
        return given(_shown(changed, await self._uses(), password))

    async def _uses(self) -> LastUses:
        return LastUses(
            self._neighbours.clock(),
            await self._neighbours.uses.last(Kind.LOGIN),
            await self._neighbours.uses.last(Kind.PREVIOUS),
        )

    def _switches(self, names: list[str]) -> Switches:
        for number, name in enumerate(names):
            if name not in Switches.names():
                raise Problem(422, f"there are {', '.join(Switches.names())}", f"switches[{number}]")
        return Switches(**dict.fromkeys(names, True))

    # -- tokens ------------------------------------------------------------------------------------------

    async def tokens(self, call: Call[None]) -> Given:  # noqa: ARG002
        uses = await self._neighbours.uses.last(Kind.TOKEN)
        return given([_shown_token(one, uses.get(one.id)) for one in await self._neighbours.tokens.tokens()])

    async def create_token(self, call: Call[NewToken]) -> Given:
        asked = call.body
        if asked.login is not None and await self._neighbours.accounts.login(asked.login) is None:
            raise Problem(422, "there is no such login", "login")
        scopes = asked.scopes or (OF_A_LOGIN if asked.login else (Scope.READ, Scope.QUEUE, Scope.ADMIN))
        try:
            text, made = tokens.make(
                asked.login or "", scopes, self._neighbours.clock(), self._neighbours.token_bytes, asked.note
            )
        except tokens.UnusableScope as error:
            raise Problem(422, str(error), "scopes") from None
        await self._neighbours.tokens.create(made)
        await record(self._neighbours, call, changes.made_token(made), made.id)
        return given(_shown_token(made, None, text), 201)

    async def revoke_token(self, call: Call[None]) -> Given:
        try:
            await self._neighbours.tokens.delete(call.path["id"])
        except NoSuchToken:
            raise Problem(404, "there is no such token", "id") from None
        await record(self._neighbours, call, "revoked the token", call.path["id"])
        return Given(b"", status=204)


def _no_such_login() -> Problem:
    return Problem(404, "there is no such login", "username")


def read_senders(entries: list[str]) -> tuple[str, ...]:
    """The entries, which must be addresses, domains or .domains; raises Problem 422."""
    for number, entry in enumerate(entries):
        try:
            parse(entry, utf8=True) if "@" in entry else ascii_domain(entry.removeprefix("."))
        except AddressSyntax as error:
            raise Problem(422, f"no address, domain or .domain: {error}", f"senders[{number}]") from None
    return tuple(entries)


@dataclass(frozen=True, slots=True)
class LastUses:
    """When logins were used last, before `now`, and by their previous passwords; by username."""

    now: float
    logins: Mapping[str, float]
    previous: Mapping[str, float]


NEVER = LastUses(0.0, {}, {})


def _used(uses: Mapping[str, float], name: str, since: float) -> str | None:
    used = last_use(uses, name, since)
    return None if used is None else timestamp(used)


def _previous(login: Login, uses: LastUses) -> ShownPrevious | None:
    previous = login.previous
    if previous is None or uses.now >= previous.until:
        return None
    used = _used(uses.previous, login.username, previous.since)
    return ShownPrevious(timestamp(previous.until), used)


def _shown(login: Login, uses: LastUses, password: str | None = None) -> ShownLogin:
    return ShownLogin(
        username=login.username,
        enabled=login.enabled,
        switches=list(login.switches.on()),
        senders=list(login.senders),
        option_headers=login.trusted_option_headers,
        **shown(login),
        created=timestamp(login.created_at),
        note=login.note,
        used=_used(uses.logins, login.username, login.created_at),
        previous=_previous(login, uses),
        password=password,
    )


def _shown_token(token: AccessToken, used: float | None, text: str | None = None) -> ShownToken:
    return ShownToken(
        token.id,
        token.login,
        list(token.scopes),
        timestamp(token.created_at),
        token.note,
        None if used is None else timestamp(used),
        text,
    )
