"""How often what is limited was done, and when logins and tokens were used, in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from smtpeter.accounts.allowance import Allowance, Stretch, beginning, longest, wait
from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.uses import Kind
from smtpeter.storage import quotas
from smtpeter.storage.engine import Trouble
from smtpeter.storage.schema.accounts import allowances, uses
from smtpeter.storage.threads import Access

_FORGOTTEN = 100  # stretches that are over, whenever one begins
_MINUTE = 60.0
_MOST_REMEMBERED = 10_000

_OF = allowances.c.name == bindparam("of")
_ONE = _OF & (allowances.c.at == bindparam("since"))
_DONE = select(allowances.c.at, allowances.c.number).where(_OF)
_COUNT = update(allowances).where(_ONE).values(number=allowances.c.number + bindparam("more"))
_USED = (uses.c.kind == bindparam("what")) & (uses.c.name == bindparam("whose"))


class Taking(NamedTuple):
    """What `take` and `give_back` are asked for."""

    name: str
    number: int
    allowances: tuple[Allowance, ...]
    now: float


class StoredAllowances:
    """The counts."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def take(self, name: str, number: int, wanted: Sequence[Allowance], now: float, /) -> Deferred[float]:
        return self._access.write(take, Taking(name, number, tuple(wanted), now), _refuse)

    def give_back(self, name: str, number: int, wanted: Sequence[Allowance], now: float, /) -> Deferred[None]:
        return self._access.write(give_back, Taking(name, number, tuple(wanted), now), _refuse)


class StoredUses:
    """When they were used; of each at most once in a minute and process it is written down."""

    _log = Logger()

    def __init__(self, access: Access) -> None:
        self._access = access
        self._noted: dict[tuple[Kind, str], float] = {}

    def used(self, kind: Kind, name: str, now: float, /) -> None:
        if abs(now - self._noted.get((kind, name), float("-inf"))) < _MINUTE:
            return
        if len(self._noted) >= _MOST_REMEMBERED:
            self._noted.clear()
        self._noted[kind, name] = now
        self._access.write(note, (kind, name, now), _refuse, urgent=False).addErrback(self._missed)

    def last(self, kind: Kind, /) -> Deferred[Mapping[str, float]]:
        return self._access.read(last, kind, refuse=_refuse)

    def _missed(self, failure: Failure) -> None:
        self._log.warn("a use was not written down: {cause}", cause=failure.getErrorMessage())


def _refuse(trouble: Trouble) -> AccountsUnavailable:
    return AccountsUnavailable(trouble.cause)


def take(connection: Connection, batch: Sequence[Taking]) -> list[float]:
    quotas.take_turn(connection)
    return [_take(connection, one) for one in batch]


def _take(connection: Connection, one: Taking) -> float:
    found = [Stretch(*row) for row in connection.execute(_DONE, {"of": one.name})]
    # What lies further ahead than a stretch counts was written before a clock was set back.
    done = [each for each in found if each.at < one.now + longest(one.allowances)]
    waits = wait(done, one.number, one.allowances, one.now)
    if not waits:
        _count(connection, one)
    return waits


def _count(connection: Connection, one: Taking) -> None:
    at = beginning(one.allowances, one.now)
    key = {"of": one.name, "since": at, "more": one.number}
    if connection.execute(_COUNT, key).rowcount:
        return
    over = select(allowances.c.name, allowances.c.at).where(allowances.c.over_at <= int(one.now))
    for name, since in connection.execute(over.limit(_FORGOTTEN)).all():
        connection.execute(delete(allowances).where(_ONE), {"of": name, "since": since})
    row = {"name": one.name, "at": at, "number": one.number, "over_at": at + longest(one.allowances)}
    connection.execute(insert(allowances).values(row))


def give_back(connection: Connection, batch: Sequence[Taking]) -> list[None]:
    quotas.take_turn(connection)
    for one in batch:
        at = beginning(one.allowances, one.now)
        connection.execute(_COUNT, {"of": one.name, "since": at, "more": -one.number})
    return [None] * len(batch)


def note(connection: Connection, batch: Sequence[tuple[Kind, str, float]]) -> list[None]:
    for kind, name, at in batch:
        key = {"what": kind.value, "whose": name}
        if not connection.execute(update(uses).where(_USED).values(at=at), key).rowcount:
            connection.execute(insert(uses).values(kind=kind.value, name=name, at=at))
    return [None] * len(batch)


def last(connection: Connection, kind: Kind) -> dict[str, float]:
    found = connection.execute(select(uses.c.name, uses.c.at).where(uses.c.kind == kind.value))
    return {row.name: row.at for row in found}
