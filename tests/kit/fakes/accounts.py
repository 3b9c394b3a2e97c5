"""Logins and sender domains in memory, and how much and when they were used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace

from twisted.internet.defer import Deferred

from smtpeter.accounts.allowance import Allowance, Stretch, beginning, longest, wait
from smtpeter.accounts.interface import (
    KeyRingFull,
    LoginExists,
    NoSuchLogin,
    NoSuchSenderDomain,
    SenderDomainExists,
)
from smtpeter.accounts.model import Login, SenderDomain, TokenKey
from smtpeter.accounts.uses import Kind
from tests.kit.fakes.answering import Fake


class FakeAccounts(Fake):
    """Logins, sender domains and keys in memory; a change is seen at once."""

    def __init__(self, *logins: Login, clock: Callable[[], float] = lambda: 0.0) -> None:
        super().__init__()
        self._logins = {login.username: login for login in logins}
        self._keys: list[TokenKey] = []
        self._sender_domains: dict[str, SenderDomain] = {}
        self._clock = clock

    def login(self, username: str, /) -> Deferred[Login | None]:
        return self._answer(self._logins.get, username)

    def logins(self) -> Deferred[Sequence[Login]]:
        return self._answer(lambda: tuple(self._logins[name] for name in sorted(self._logins)))

    def create(self, login: Login, /) -> Deferred[None]:
        return self._answer(self._create, login)

    def _create(self, login: Login) -> None:
        if login.username in self._logins:
            raise LoginExists(login.username)
        self._logins[login.username] = login

    def replace(self, login: Login, was: Login | None = None, /) -> Deferred[None]:
        return self._answer(self._replace, login, was)

    def _replace(self, login: Login, was: Login | None) -> None:
        if login.username not in self._logins:
            raise NoSuchLogin(login.username)
        if was is not None:
            meant = {
                one.name: getattr(login, one.name)
                for one in fields(Login)
                if getattr(login, one.name) != getattr(was, one.name)
            }
            login = replace(self._logins[login.username], **meant)
        self._logins[login.username] = login

    def delete(self, username: str, /) -> Deferred[None]:
        return self._answer(self._delete, username)

    def _delete(self, username: str) -> None:
        if username not in self._logins:
            raise NoSuchLogin(username)
        del self._logins[username]

    def keys(self) -> Deferred[Sequence[TokenKey]]:
        return self._answer(self._all_keys)

    def _all_keys(self) -> Sequence[TokenKey]:
        if not self._keys:
            self._add_key()
        return tuple(self._keys)

    def add_key(self) -> Deferred[TokenKey]:
        return self._answer(self._add_key)

    def _add_key(self) -> TokenKey:
        number = self._keys[0].number + 1 if self._keys else 0
        if number == 256:
            raise KeyRingFull("256 keys")
        key = TokenKey(number, bytes((number,)) * 32, self._clock())
        self._keys.insert(0, key)
        return key

    def sender_domains(self) -> Deferred[Sequence[SenderDomain]]:
        return self._answer(self._all_sender_domains)

    def _all_sender_domains(self) -> Sequence[SenderDomain]:
        return tuple(
            replace(domain, keys=tuple(sorted(domain.keys, key=lambda key: key.selector)))
            for _, domain in sorted(self._sender_domains.items())
        )

    def create_sender_domain(self, domain: SenderDomain, /) -> Deferred[None]:
        return self._answer(self._create_sender_domain, domain)

    def _create_sender_domain(self, domain: SenderDomain) -> None:
        if domain.name in self._sender_domains:
            raise SenderDomainExists(domain.name)
        self._sender_domains[domain.name] = domain

    def replace_sender_domain(self, domain: SenderDomain, /) -> Deferred[None]:
        return self._answer(self._replace_sender_domain, domain)

    def _replace_sender_domain(self, domain: SenderDomain) -> None:
        if domain.name not in self._sender_domains:
            raise NoSuchSenderDomain(domain.name)
        self._sender_domains[domain.name] = replace(
            self._sender_domains[domain.name],
            click_url=domain.click_url,
            open_url=domain.open_url,
            bounce_host=domain.bounce_host,
        )

    def delete_sender_domain(self, name: str, /) -> Deferred[None]:
        return self._answer(self._delete_sender_domain, name)

    def _delete_sender_domain(self, name: str) -> None:
        if self._sender_domains.pop(name, None) is None:
            raise NoSuchSenderDomain(name)


class FakeAllowances(Fake):
    """Counts in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.done: dict[str, dict[int, int]] = {}

    def take(self, name: str, number: int, allowances: Sequence[Allowance], now: float, /) -> Deferred[float]:
        return self._answer(self._take, name, number, allowances, now)

    def _take(self, name: str, number: int, allowances: Sequence[Allowance], now: float) -> float:
        done = self.done.setdefault(name, {})
        known = [Stretch(at, count) for at, count in done.items() if at < now + longest(allowances)]
        waits = wait(known, number, allowances, now)
        if not waits:
            at = beginning(allowances, now)
            done[at] = done.get(at, 0) + number
        return waits

    def give_back(
        self, name: str, number: int, allowances: Sequence[Allowance], now: float, /
    ) -> Deferred[None]:
        return self._answer(self._give_back, name, number, beginning(allowances, now))

    def _give_back(self, name: str, number: int, at: int) -> None:
        if at in self.done.get(name, {}):
            self.done[name][at] -= number


class FakeUses(Fake):
    """Uses in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[Kind, dict[str, float]] = {kind: {} for kind in Kind}

    def used(self, kind: Kind, name: str, now: float, /) -> None:
        self.known[kind][name] = now

    def last(self, kind: Kind, /) -> Deferred[Mapping[str, float]]:
        return self._answer(lambda: dict(self.known[kind]))
