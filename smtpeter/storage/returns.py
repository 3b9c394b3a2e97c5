"""What came back, and who gets no more mail, as the other rooms see them: the promises of spool.returned and accounts.suppression."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, islice
from typing import Any, TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred, succeed

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.suppression import Suppression
from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.returned import Returned
from smtpeter.storage import returned, suppressions
from smtpeter.storage.asking import Asking
from smtpeter.storage.engine import FreeSpace, Trouble
from smtpeter.storage.threads import Access

_T = TypeVar("_T")
_FORGET = 100  # texts in one transaction
_GOOD_FOR = 0.5  # seconds that what is remembered may be believed unasked
_REMEMBERED = 10_000  # scopes
_NEVER = float("-inf"), True  # in use, for all that is known
_CHANGE = 500  # entries changed in one transaction, so that mail never waits for long


def _spool_refuses(trouble: Trouble) -> SpoolUnavailable:
    return SpoolUnavailable(trouble.cause, full=trouble.full)


def _accounts_refuse(trouble: Trouble) -> AccountsUnavailable:
    return AccountsUnavailable(trouble.cause)


def _room(one: Returned) -> int:
    """Octets that it may take."""
    forwards = chain(one.forwards, *(portion.forwards for portion in one.portions))
    return len(one.original) + sum(len(forward.message.content or b"") for forward in forwards)


class StoredReturns:
    """The ledger of what came back."""

    def __init__(self, access: Access, space: FreeSpace) -> None:
        self._access = access
        self._space = space

    def keep(self, one: Returned, /) -> Deferred[None]:
        return self._access.write(self._keep, one, _spool_refuses)

    def _keep(self, connection: Connection, batch: Sequence[Returned]) -> list[None]:
        lack = self._space.lack(sum(map(_room, batch)))
        if lack is not None:
            raise _spool_refuses(lack)
        return returned.keep(connection, batch)

    def original(self, number: int, /) -> Deferred[bytes | None]:
        return self._access.read(returned.original, number, refuse=_spool_refuses)

    def forget(self, before: float, limit: int, /) -> Deferred[int]:
        return Deferred.fromCoroutine(self._forget(before, limit))

    async def _forget(self, before: float, limit: int) -> int:
        old = iter(await self._access.read(returned.forgettable, before, limit, refuse=_spool_refuses))
        forgotten = 0
        while portion := list(islice(old, _FORGET)):
            forgotten += await self._access.write(returned.forget, portion, _spool_refuses)
        counts = await self._access.write(
            returned.forget_counts, (before, min(limit, _CHANGE)), _spool_refuses
        )
        return max(forgotten, counts)


class StoredSuppressions:
    """The suppression list; a scope in which nobody is on it costs nothing. `monotonic` never jumps."""

    def __init__(self, access: Access, monotonic: Callable[[], float]) -> None:
        self._access = access
        self._monotonic = monotonic
        self._used: dict[str, tuple[float, bool]] = {}  # scopes, when they were looked at, and what was found
        self._asking = Asking(monotonic, _GOOD_FOR)

    def among(
        self, scopes: Sequence[str], recipients: Sequence[str], now: float, /
    ) -> Deferred[Sequence[Suppression]]:
        unknown = self._unknown(scopes)
        if not unknown and not self._in_use(scopes):
            return succeed(())
        return Deferred.fromCoroutine(self._among(scopes, unknown, recipients, now))

    def _unknown(self, scopes: Sequence[str]) -> tuple[str, ...]:
        since = self._monotonic() - _GOOD_FOR
        return tuple(scope for scope in scopes if self._used.get(scope, _NEVER)[0] <= since)

    def _in_use(self, scopes: Sequence[str]) -> list[str]:
        return [scope for scope in scopes if self._used.get(scope, _NEVER)[1]]

    async def _among(
        self, scopes: Sequence[str], unknown: tuple[str, ...], recipients: Sequence[str], now: float
    ) -> Sequence[Suppression]:
        if unknown:
            await self._asking.ask(unknown, lambda: Deferred.fromCoroutine(self._look(unknown)))
        used = self._in_use(scopes)
        return await self._read(suppressions.among, used, recipients, now) if used else ()

    async def _look(self, scopes: Sequence[str]) -> None:
        asked_at, memory = self._monotonic(), self._used
        found = await self._read(_look, scopes)
        if len(memory) > _REMEMBERED:
            memory.clear()
        memory.update((scope, (asked_at, is_used)) for scope, is_used in found.items())

    def add(self, entries: Sequence[Suppression], /) -> Deferred[int]:
        return Deferred.fromCoroutine(self._changes(suppressions.add, entries, lambda some: some))

    def remove(self, scope: str, recipients: Sequence[str], /) -> Deferred[int]:
        return Deferred.fromCoroutine(
            self._changes(suppressions.remove, recipients, lambda some: (scope, some))
        )

    async def _changes(
        self, write: Callable[..., Any], all_of: Sequence[Any], argument: Callable[[Sequence[Any]], Any]
    ) -> int:
        changed = 0
        for start in range(0, len(all_of), _CHANGE):
            portion = argument(all_of[start : start + _CHANGE])
            changed += await self._access.write(write, portion, _accounts_refuse)
        self._used = {}
        self._asking.forget()
        return changed

    def entries(
        self, scope: str | None, after: tuple[str, str], limit: int, sought: str = "", /
    ) -> Deferred[Sequence[Suppression]]:
        return self._read(_entries, scope, after, limit, sought)

    def forget(self, before: float, limit: int, /) -> Deferred[int]:
        return self._access.write(suppressions.forget, (before, min(limit, _CHANGE)), _accounts_refuse)

    def _read(self, read: Callable[..., _T], *arguments: Any) -> Deferred[_T]:
        return self._access.read(read, *arguments, refuse=_accounts_refuse)


def _entries(
    connection: Connection, scope: str | None, behind: tuple[str, str], limit: int, sought: str
) -> Sequence[Suppression]:
    return suppressions.entries(connection, scope, behind, limit, sought)


def _look(connection: Connection, scopes: Sequence[str]) -> dict[str, bool]:
    """Whether anybody is on the list, by scope."""
    return {scope: suppressions.used(connection, scope) for scope in scopes}
