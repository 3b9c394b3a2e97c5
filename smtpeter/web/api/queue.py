"""The queue's verbs: what waits, and retry, hold, release, delete. A login's token reaches its own mail only."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from smtpeter.accounts import changes
from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.spool import story
from smtpeter.spool.altering import alter, lift
from smtpeter.spool.model import QueueFilter
from smtpeter.spool.states import State
from smtpeter.spool.verbs import VERBS, WAITING
from smtpeter.web.api.fields import identified
from smtpeter.web.api.interface import Neighbours
from smtpeter.web.api.problem import Problem
from smtpeter.web.api.record import record
from smtpeter.web.api.route import Call, Given, given
from smtpeter.web.api.shapes import Identifier

Sender = Annotated[str, Meta(max_length=320, description="The return path; empty is the null one.")]
Age = Annotated[int, Meta(ge=0, le=315_360_000, description="Accepted longer ago than so many seconds.")]


class Listing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which deliveries; what is left out means any that waits."""

    state: State | UnsetType = UNSET
    login: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET
    domain: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET
    recipient: Annotated[str, Meta(max_length=320)] | UnsetType = UNSET
    site: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET
    sender: Sender | UnsetType = UNSET
    older_than: Age | UnsetType = UNSET
    message: Identifier | UnsetType = UNSET
    id: Identifier | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 100


class Meant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which deliveries a verb is for: at least one of these, or `all`."""

    login: Annotated[str, Meta(max_length=255)] | None = None
    domain: Annotated[str, Meta(max_length=255)] | None = None
    recipient: Annotated[str, Meta(max_length=320)] | None = None
    site: Annotated[str, Meta(max_length=255)] | None = None
    sender: Sender | None = None
    older_than: Age | None = None
    message: Identifier | None = None
    id: Identifier | None = None
    all: bool = False


class Altered(msgspec.Struct, frozen=True):
    """How many deliveries were altered; what was in flight, or changed meanwhile, was not."""

    altered: int


class Queue:
    """The calls about what waits."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    async def listed(self, call: Call[None]) -> Given:
        asked: Listing = call.query
        states = (asked.state,) if asked.state else WAITING
        found = await self._neighbours.spool.deliveries(self._filter(call, asked, states), asked.limit)
        domains = {one.domain for one in found}
        standings = await self._neighbours.standings(domains)
        now = self._neighbours.clock()
        return given([story.row(one, standings[one.domain], now) for one in found])

    async def alter(self, call: Call[Meant]) -> Given:
        """The verb is the last word of the path."""
        asked = call.body
        named = (asked.login, asked.domain, asked.recipient, asked.site, asked.message, asked.id)
        named_empty = (
            asked.sender is not None or asked.older_than is not None
        )  # these mean something when empty
        if not (asked.all or any(named) or named_empty):
            raise Problem(422, "name what is meant, or say all", "all")
        verb = VERBS[call.target.partition("?")[0].rpartition("/")[2]]
        now = self._neighbours.clock()
        wanted = verb.meant(self._filter(call, asked, verb.states), now)
        done, lifted = 0, frozenset[str]()
        if verb.lifts and call.login is None:  # a site is everybody's: no login's token sets it going
            lifted = await lift(self._neighbours.spool, self._neighbours.sites, wanted, now)
        filters = {name: getattr(asked, name) for name in Meant.__struct_fields__ if name != "all"}
        told = changes.meant(filters | {"login": wanted.login})
        try:
            async for altered in alter(
                self._neighbours.spool, wanted, verb.step, now, f"token {call.token.id}"
            ):
                done += altered
        finally:  # also what was done before the store failed; who altered nothing fills no record
            if done or lifted:
                await record(self._neighbours, call, changes.queued(verb.name, done), told)
        return given(Altered(done))

    def _filter(self, call: Call[Any], asked: Listing | Meant, states: tuple[State, ...]) -> QueueFilter:
        if asked.login and call.login not in {None, asked.login}:
            raise Problem(403, "this token belongs to another login", "login")
        age = asked.older_than
        return QueueFilter(
            states=states,
            login=asked.login or call.login,
            domain=asked.domain or None,
            recipient=asked.recipient or None,
            site=asked.site.lower() if asked.site else None,
            sender=asked.sender if isinstance(asked.sender, str) else None,
            accepted_before=self._neighbours.clock() - age if isinstance(age, int) else None,
            message=None if not asked.message else MessageId(identified(asked.message, "message")),
            delivery=None if not asked.id else DeliveryId(identified(asked.id, "id")),
        )
