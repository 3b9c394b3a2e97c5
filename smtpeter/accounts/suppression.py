"""The suppression list: recipients that get no more mail, from a login, from a sender domain, or from anybody.

The rules that put somebody there are the returns room's; here are the values, and what the ledger promises.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

from smtpeter.message.address import Address, AddressSyntax, ascii_domain

EVERYBODY = ""  # the scope of what holds for all logins


class Breadth(enum.StrEnum):
    """For whom a recipient is put on the list when he proves to be gone, or complains."""

    NOBODY = "none"  # a login that keeps its own list
    LOGIN = "login"
    DOMAIN = "domain"  # for all mail whose author is of the same sender domain


class Treatment(enum.StrEnum):
    """What becomes of mail to a recipient who is on the list."""

    FAIL = "fail"  # accepted, and recorded as failed
    REFUSE = "refuse"  # refused at RCPT


@dataclass(frozen=True, slots=True)
class Suppression:
    """One recipient in one scope. Times are Unix seconds; `expires_at` None is never.

    `scope` is made by `of_login` or `of_domain`, or is EVERYBODY; `recipient` by `key`.
    `delivery`: whose failure, or complaint, it was; None when an operator put it there.
    """

    scope: str
    recipient: str
    reason: str
    created_at: float
    expires_at: float | None = None
    delivery: int | None = None


def of_login(username: str) -> str:
    return f"login:{username}"


def of_domain(name: str) -> str:
    """The scope of a sender domain, its name in lower case and A-labels."""
    return f"domain:{name}"


def key(recipient: Address) -> str:
    """What tells recipients apart: in lower case, since hardly a host makes a difference and most lists do not."""
    try:
        domain = ascii_domain(recipient.domain)
    except AddressSyntax:
        domain = recipient.domain.lower()
    return f"{recipient.local_part.lower()}@{domain}"


class Suppressions(Protocol):
    """The list. Every verb raises AccountsUnavailable when the store cannot do it now."""

    def among(
        self, scopes: Sequence[str], recipients: Sequence[str], now: float, /
    ) -> Awaitable[Sequence[Suppression]]:
        """Who of these is on the list at `now`, in any of these scopes; the list as of half a second ago at most."""

    def add(self, entries: Sequence[Suppression], /) -> Awaitable[int]:
        """Put them on the list; one that is there already stays for the longer of both times. How many were new."""

    def remove(self, scope: str, recipients: Sequence[str], /) -> Awaitable[int]:
        """How many were there."""

    def entries(
        self, scope: str | None, after: tuple[str, str], limit: int, sought: str = "", /
    ) -> Awaitable[Sequence[Suppression]]:
        """The list (None: of all scopes) in the order of scope and recipient, from behind `after`; expired ones too.

        `sought`: of those recipients alone in whose address it stands, in any case of its letters.
        """

    def forget(self, before: float, limit: int, /) -> Awaitable[int]:
        """Forget up to `limit` entries that expired before `before`; how many."""
