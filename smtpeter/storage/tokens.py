"""Access tokens, and requests that may come twice, in the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select
from twisted.internet.defer import Deferred, succeed

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.tokens import AccessToken, NoSuchToken, Scope
from smtpeter.accounts.uses import Kind
from smtpeter.message.identifier import MessageId
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.repeats import KEPT_FOR, Repeat
from smtpeter.storage.engine import Trouble
from smtpeter.storage.schema.accounts import access_tokens, uses
from smtpeter.storage.schema.mail import repeats
from smtpeter.storage.threads import Access

GOOD_FOR = 0.5  # seconds that what is remembered may be believed unasked
_MOST_REMEMBERED = 1000


class StoredTokens:
    """The tokens; those in use are remembered for half a second. `monotonic` never jumps."""

    def __init__(self, access: Access, monotonic: Callable[[], float]) -> None:
        self._access = access
        self._monotonic = monotonic
        self._memory: dict[str, tuple[AccessToken, float]] = {}

    def token(self, identifier: str, /) -> Deferred[AccessToken | None]:
        known = self._memory.get(identifier)
        if known is not None and self._monotonic() - known[1] < GOOD_FOR:
            return succeed(known[0])
        return Deferred.fromCoroutine(self._look_up(identifier))

    async def _look_up(self, identifier: str) -> AccessToken | None:
        memory, asked_at = self._memory, self._monotonic()
        found = await self._access.read(_token, identifier, refuse=_accounts_refuse)
        memory.pop(identifier, None)
        if (
            found is not None
        ):  # ids that do not exist are not remembered: strangers may ask for any number of them
            if len(memory) >= _MOST_REMEMBERED:
                memory.clear()
            memory[identifier] = (found, asked_at)
        return found

    def tokens(self) -> Deferred[Sequence[AccessToken]]:
        return self._access.read(_tokens, refuse=_accounts_refuse)

    def create(self, token: AccessToken, /) -> Deferred[None]:
        return self._access.write(_create, token, _accounts_refuse)

    def delete(self, identifier: str, /) -> Deferred[None]:
        return self._access.write(_delete, identifier, _accounts_refuse).addBoth(self._forget)

    def _forget(self, result: None) -> None:
        """After a change of our own: look-ups that began before it keep the old memory to themselves."""
        self._memory = {}
        return result


def _accounts_refuse(trouble: Trouble) -> AccountsUnavailable:
    return AccountsUnavailable(trouble.cause)


def _token(connection: Connection, identifier: str) -> AccessToken | None:
    row = connection.execute(select(access_tokens).where(access_tokens.c.id == identifier)).one_or_none()
    return None if row is None else _read(row)


def _tokens(connection: Connection) -> tuple[AccessToken, ...]:
    rows = connection.execute(select(access_tokens).order_by(access_tokens.c.created_at, access_tokens.c.id))
    return tuple(map(_read, rows))


def _read(row: Any) -> AccessToken:
    scopes = tuple(map(Scope, row.scopes.split()))
    return AccessToken(row.id, row.kept, row.login, scopes, row.created_at, row.note)


def _create(connection: Connection, batch: Sequence[AccessToken]) -> list[None]:
    for one in batch:
        connection.execute(
            insert(access_tokens).values(
                id=one.id,
                kept=one.kept,
                login=one.login,
                scopes=" ".join(one.scopes),
                created_at=one.created_at,
                note=one.note,
            )
        )
    return [None] * len(batch)


def _delete(connection: Connection, batch: Sequence[str]) -> list[None]:
    for identifier in batch:
        if not connection.execute(delete(access_tokens).where(access_tokens.c.id == identifier)).rowcount:
            raise NoSuchToken(identifier)
        connection.execute(delete(uses).where(uses.c.kind == Kind.TOKEN.value, uses.c.name == identifier))
    return [None] * len(batch)


class StoredRepeats:
    """The requests that may come twice."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def first(self, asked: Repeat, /) -> Deferred[Repeat]:
        return self._access.write(_first, asked, _spool_refuses)


def _spool_refuses(trouble: Trouble) -> SpoolUnavailable:
    return SpoolUnavailable(trouble.cause, full=trouble.full)


def _first(connection: Connection, batch: Sequence[Repeat]) -> list[Repeat]:
    latest = max(one.asked_at for one in batch)
    connection.execute(delete(repeats).where(repeats.c.asked_at < latest - KEPT_FOR))
    return [_kept(connection, one) for one in batch]


def _kept(connection: Connection, asked: Repeat) -> Repeat:
    row = connection.execute(select(repeats).where(repeats.c.key == asked.key)).one_or_none()
    if row is not None:
        return Repeat(row.key, row.fingerprint, MessageId(row.message), row.asked_at)
    connection.execute(
        insert(repeats).values(
            key=asked.key, fingerprint=asked.fingerprint, message=asked.message, asked_at=asked.asked_at
        )
    )
    return asked
