"""Access tokens of the REST API, and what is kept of them; never the token itself.

A token is `st_ID_SECRET`: the id finds it and may be shown, the secret has 128 bits of chance and is kept as a keyed
hash, as a generated password is. A token of a login may do no more than its scopes, to that login's mail alone, and
ends with the login; an operator's token belongs to no login.
"""

from __future__ import annotations

import base64
import enum
import re
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from smtpeter.accounts import passwords
from smtpeter.accounts.model import Login

_ID_OCTETS = 8
_TOKEN = re.compile(r"st_([a-z2-7]{13})_([a-z2-7]{26})")


class Scope(enum.StrEnum):
    """What a token may do."""

    SEND = "send"  # send, resend, and ask what would change
    READ = "read"  # messages, events, log files
    QUEUE = "queue"  # look at what waits, retry, hold, release, delete; suppressions and webhooks
    ADMIN = "admin"  # logins, tokens, sender domains: an operator's only


OF_A_LOGIN = (Scope.SEND, Scope.READ, Scope.QUEUE)


class NoSuchToken(KeyError):
    """No token has this id."""


class UnusableScope(ValueError):
    """A token cannot have this scope; the message says why."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token as it is kept; times are Unix seconds. `login` is "" for an operator's."""

    id: str
    kept: str = field(repr=False)
    login: str
    scopes: tuple[Scope, ...]
    created_at: float
    note: str = ""

    def is_of(self, login: Login) -> bool:
        """Whether it is this login's, and not that of another one which had its name before."""
        return login.username == self.login and login.created_at <= self.created_at


class Tokens(Protocol):
    """Where tokens are kept; raises AccountsUnavailable. A change reaches every process within a second."""

    def token(self, identifier: str, /) -> Awaitable[AccessToken | None]:
        """The token with this id, as it stood at most half a second ago."""

    def tokens(self) -> Awaitable[Sequence[AccessToken]]:
        """All of them, oldest first."""

    def create(self, token: AccessToken, /) -> Awaitable[None]: ...

    def delete(self, identifier: str, /) -> Awaitable[None]:
        """Revoke it; raises NoSuchToken."""


def make(
    login: str, scopes: Sequence[str], created_at: float, token_bytes: passwords.Randomness, note: str = ""
) -> tuple[str, AccessToken]:
    """A new token, to be shown once, and what to keep of it; raises UnusableScope."""
    wanted = tuple(scope for scope in Scope if scope in scopes)
    unknown = set(scopes) - set(Scope)
    if unknown:
        raise UnusableScope(f"there is no scope {min(unknown)!r}; there are {', '.join(Scope)}")
    if login and Scope.ADMIN in wanted:
        raise UnusableScope("admin is for operators' tokens, which belong to no login")
    if not login and Scope.SEND in wanted:
        raise UnusableScope("send needs a login, whose switches and senders hold")
    if not wanted:
        raise UnusableScope(f"a token needs a scope; there are {', '.join(Scope)}")
    identifier = base64.b32encode(token_bytes(_ID_OCTETS)).decode("ascii").rstrip("=").lower()
    secret, kept = passwords.make(token_bytes)
    return f"st_{identifier}_{secret}", AccessToken(identifier, kept, login, wanted, created_at, note)


def split(text: str) -> tuple[str, str] | None:
    """The id and the secret of a token; None for what is none."""
    match = _TOKEN.fullmatch(text)
    return None if match is None else (match[1], match[2])


def is_right(secret: str, token: AccessToken) -> bool:
    """Whether `token` was made with this secret, in a time that does not depend on where they differ."""
    return passwords.verify(secret.encode(), token.kept)
