"""Operators: the people who sign in to the dashboard, their sessions, and the record of who changed what.

A password is kept as argon2id; a session is known by the digest of its secret, so that a stolen store opens nothing.
"""

from __future__ import annotations

import enum
import hmac
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Protocol

SESSION_LASTS = 43_200.0  # seconds, whatever happens in it
SESSION_IDLE = 7_200.0  # seconds without a request
LONGEST_NAME = 255  # characters


class Role(enum.StrEnum):
    """What an operator may do; each includes those before it."""

    VIEW = "view"  # look
    OPERATE = "operate"  # the queue's verbs, test messages, sending again
    ADMINISTER = "administer"  # logins, domains, webhooks, tokens, operators

    def may(self, needed: Role) -> bool:
        """Whether this role includes `needed`."""
        order = tuple(Role)
        return order.index(self) >= order.index(needed)


class NoSuchOperator(KeyError):
    """No operator has this name."""


class OperatorExists(ValueError):
    """An operator of this name exists already."""


class LastAdministrator(ValueError):
    """Without this one nobody could administer any more."""


class OperatorChanged(ValueError):
    """Somebody else has changed this operator since he was looked at."""


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator; `one_time` is the key of his one-time codes, b"" when none are asked. Times are Unix seconds.

    `must_change`: his password was given to him, and opens nothing but the page where he gives himself another.
    """

    name: str
    password_hash: str = field(repr=False)
    role: Role
    created_at: float
    one_time: bytes = field(default=b"", repr=False)
    enabled: bool = True
    must_change: bool = False

    @property
    def administers(self) -> bool:
        """Whether he may administer now."""
        return self.enabled and self.role is Role.ADMINISTER


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it is kept."""

    digest: bytes
    operator: str
    started_at: float
    seen_at: float

    def holds(self, now: float) -> bool:
        """Whether it may still be used."""
        return now < self.started_at + SESSION_LASTS and now < self.seen_at + SESSION_IDLE


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was done, by whom, to what, and from where.

    `operator`: an operator's name, or a token or a system's user (accounts.changes, the command) where one of these did it.
    """

    time: float
    operator: str
    action: str
    subject: str = ""
    client: str = ""


class Operators(Protocol):
    """Where they are kept; raises AccountsUnavailable."""

    def operator(self, name: str, /) -> Awaitable[Operator | None]: ...

    def operators(self) -> Awaitable[Sequence[Operator]]:
        """All of them by name."""

    def create(self, operator: Operator, /) -> Awaitable[None]:
        """Raises OperatorExists."""

    def replace(self, operator: Operator, was: Operator | None = None, /) -> Awaitable[None]:
        """Change everything but the name, and end the operator's sessions; raises NoSuchOperator, LastAdministrator.

        Raises OperatorChanged where he is not as he `was` any more: what was done to him meanwhile is not undone.
        """

    def delete(self, name: str, /) -> Awaitable[None]:
        """The sessions end with it; raises NoSuchOperator, LastAdministrator."""

    def session(self, digest: bytes, /) -> Awaitable[tuple[Session, Operator] | None]: ...

    def start(self, session: Session, of: Operator | None = None, /) -> Awaitable[None]:
        """Keep a new session; those that no longer hold are forgotten. Raises OperatorChanged, as `replace`."""

    def seen(self, digest: bytes, now: float, /) -> Awaitable[None]:
        """A session is in use; one that has ended stays so."""

    def end(self, digest: bytes, /) -> Awaitable[None]:
        """End a session, if there is one."""

    def spend(self, name: str, step: int, /) -> Awaitable[bool]:
        """Use up a one-time code, by its step; False when it, or a later one, was used before."""

    def record(self, change: Change, /) -> Awaitable[None]: ...

    def changes(
        self, before: int | None, limit: int, sought: str = "", /
    ) -> Awaitable[Sequence[tuple[int, Change]]]:
        """What was done before number `before` (None: up to now), the last first, with their numbers.

        Only that in which `sought` stands, in who did it, what or to what; letters of ASCII in either case.
        """

    def forget_changes(self, before: float, limit: int, /) -> Awaitable[int]:
        """Forget changes from before that time (Unix seconds), the first first; how many, 0 when none is left."""


def may_be_called(name: str) -> bool:
    """Whether an operator may get this name: not one that a token or a system's user has in the record (`Change`)."""
    if not name.isprintable() or name != name.strip() or not 0 < len(name) <= LONGEST_NAME:
        return False
    folded = name.casefold()
    return not folded.startswith("token ") and "(command line)" not in folded


def digest(secret: str) -> bytes:
    """What is kept of a session's secret."""
    return blake2b(secret.encode(), digest_size=32, person=b"smtpeter session").digest()


def form_token(secret: str) -> str:
    """What the forms of a session carry: only who can read its pages knows it."""
    return blake2b(secret.encode(), digest_size=16, person=b"smtpeter form").hexdigest()


def is_form_token(presented: str, secret: str) -> bool:
    """Whether a form is this session's, in a time that does not depend on where they differ."""
    return hmac.compare_digest(presented.encode(), form_token(secret).encode())
