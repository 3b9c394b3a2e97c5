"""The accounts ledger as the other rooms see it: logins, sender domains and keys from memory, as they stood half a second ago at most.

Each change raises a number in the store; while that number is what it was, what is remembered holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred, succeed

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.model import Login, SenderDomain, TokenKey
from smtpeter.storage import accounts
from smtpeter.storage.asking import Asking
from smtpeter.storage.engine import Trouble
from smtpeter.storage.threads import Access

_T = TypeVar("_T")
_A = TypeVar("_A")
_SECRET_LENGTH = 32  # octets
GOOD_FOR = 0.5  # seconds that what is remembered may be believed unasked


def _refuse(trouble: Trouble) -> AccountsUnavailable:
    return AccountsUnavailable(trouble.cause)


class StoredAccounts:
    """The accounts. `monotonic` never jumps; `clock` gives Unix seconds; `randbytes` makes secrets."""

    def __init__(
        self,
        access: Access,
        monotonic: Callable[[], float],
        clock: Callable[[], float],
        randbytes: Callable[[int], bytes],
    ) -> None:
        self._access = access
        self._monotonic = monotonic
        self._clock = clock
        self._randbytes = randbytes
        self._memory = _Memory()
        self._asking = Asking(monotonic, GOOD_FOR)

    def login(self, username: str, /) -> Deferred[Login | None]:
        known = self._memory.logins.get(username)
        if known is not None and self._is_fresh:
            return succeed(known)
        return self._asking.ask(username, lambda: Deferred.fromCoroutine(self._look_up_login(username)))

    async def _look_up_login(self, username: str) -> Login | None:
        found, memory = await self._look_up(accounts.login_and_revision, username)
        # Names that do not exist are not remembered: strangers may ask for any number of them.
        if memory is not None and found is not None:
            memory.logins[username] = found
        return found

    @property
    def _is_fresh(self) -> bool:
        return self._monotonic() - self._memory.confirmed_at < GOOD_FOR

    async def _look_up(
        self, read: Callable[..., tuple[int, _T]], *arguments: str
    ) -> tuple[_T, _Memory | None]:
        """What the store says, and where to remember it: None when a newer answer, or a change, has come first."""
        memory, asked_at = self._memory, self._monotonic()
        revision, found = await self._read(read, *arguments)
        return found, memory if memory.confirm(revision, asked_at) else None

    def logins(self) -> Deferred[Sequence[Login]]:
        return self._read(accounts.all_logins)

    def create(self, login: Login, /) -> Deferred[None]:
        return self._change(accounts.create, login)

    def replace(self, login: Login, was: Login | None = None, /) -> Deferred[None]:
        return self._change(accounts.replace, (login, was))

    def delete(self, username: str, /) -> Deferred[None]:
        return self._change(accounts.remove, username)

    def keys(self) -> Deferred[Sequence[TokenKey]]:
        if self._memory.keys and self._is_fresh:
            return succeed(self._memory.keys)
        return Deferred.fromCoroutine(self._look_up_keys())

    async def _look_up_keys(self) -> Sequence[TokenKey]:
        ring, memory = await self._look_up(accounts.keys_and_revision)
        if not ring:
            return await self._change(accounts.first_key, self._make_key)
        if memory is not None:
            memory.keys = ring
        return ring

    def add_key(self) -> Deferred[TokenKey]:
        return self._change(accounts.add_key, self._make_key)

    def sender_domains(self) -> Deferred[Sequence[SenderDomain]]:
        known = self._memory.sender_domains
        if known is not None and self._is_fresh:
            return succeed(known)
        return Deferred.fromCoroutine(self._look_up_sender_domains())

    async def _look_up_sender_domains(self) -> Sequence[SenderDomain]:
        found, memory = await self._look_up(accounts.sender_domains_and_revision)
        if memory is not None:
            memory.sender_domains = found
        return found

    def create_sender_domain(self, domain: SenderDomain, /) -> Deferred[None]:
        return self._change(accounts.create_sender_domain, domain)

    def replace_sender_domain(self, domain: SenderDomain, /) -> Deferred[None]:
        return self._change(accounts.replace_sender_domain, domain)

    def delete_sender_domain(self, name: str, /) -> Deferred[None]:
        return self._change(accounts.remove_sender_domain, name)

    def _make_key(self, number: int) -> TokenKey:
        return TokenKey(number, self._randbytes(_SECRET_LENGTH), self._clock())

    def _read(self, read: Callable[..., _T], *arguments: str) -> Deferred[_T]:
        return self._access.read(read, *arguments, refuse=_refuse)

    def _change(
        self, write: Callable[[Connection, Sequence[_A]], Sequence[_T]], argument: _A
    ) -> Deferred[_T]:
        return self._access.write(write, argument, _refuse).addBoth(self._forget)

    def _forget(self, result: _T) -> _T:
        """After a change of our own: look-ups that began before it keep the old memory to themselves."""
        self._memory = _Memory()
        self._asking.forget()
        return result


class _Memory:
    """What is known, at which revision, and when that was last confirmed."""

    def __init__(self) -> None:
        self.revision = -1
        self.confirmed_at = float("-inf")
        self.logins: dict[str, Login] = {}
        self.keys: tuple[TokenKey, ...] = ()
        self.sender_domains: tuple[SenderDomain, ...] | None = None

    def confirm(self, revision: int, at: float) -> bool:
        """The store was at `revision` at that time; False when that was overtaken by a newer answer."""
        if revision < self.revision:
            return False
        if revision != self.revision:
            self.logins.clear()
            self.keys = ()
            self.sender_domains = None
        self.revision = revision
        self.confirmed_at = max(at, self.confirmed_at)
        return True
