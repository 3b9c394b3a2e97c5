"""What the accounts ledger promises. A change reaches every process within a second."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from smtpeter.accounts.model import Login, SenderDomain, TokenKey


class AccountsUnavailable(Exception):
    """The store could not answer now."""


class NoSuchLogin(KeyError):
    """No login has this username."""


class LoginExists(ValueError):
    """A login with this username exists already."""


class NoSuchSenderDomain(KeyError):
    """We sign for no domain of this name."""


class SenderDomainExists(ValueError):
    """A sender domain of this name exists already."""


class KeyRingFull(ValueError):
    """All numbers that a key may have are taken."""


class Accounts(Protocol):
    """Usernames are compared exactly."""

    def login(self, username: str, /) -> Awaitable[Login | None]:
        """The login as it stood at most half a second ago."""

    def logins(self) -> Awaitable[Sequence[Login]]: ...

    def create(self, login: Login, /) -> Awaitable[None]:
        """Raises LoginExists."""

    def replace(self, login: Login, was: Login | None = None, /) -> Awaitable[None]:
        """Change everything but the username; raises NoSuchLogin.

        With `was` only what differs from it: whatever else has been changed since it was looked at stays.
        """

    def delete(self, username: str, /) -> Awaitable[None]:
        """Raises NoSuchLogin. Its messages and events stay."""

    def keys(self) -> Awaitable[Sequence[TokenKey]]:
        """The key ring, newest first; the first key is made when there is none."""

    def add_key(self) -> Awaitable[TokenKey]:
        """Make a new newest key (`smtpeter key rotate`); raises KeyRingFull."""

    def sender_domains(self) -> Awaitable[Sequence[SenderDomain]]:
        """All of them by name, with their keys, as they stood at most half a second ago."""

    def create_sender_domain(self, domain: SenderDomain, /) -> Awaitable[None]:
        """Raises SenderDomainExists."""

    def replace_sender_domain(self, domain: SenderDomain, /) -> Awaitable[None]:
        """Change its hosts, and nothing else; raises NoSuchSenderDomain."""

    def delete_sender_domain(self, name: str, /) -> Awaitable[None]:
        """Its keys go with it; raises NoSuchSenderDomain."""
