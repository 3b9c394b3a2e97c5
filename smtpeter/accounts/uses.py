"""When logins and tokens were last used: what an operator looks at before he takes one away."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Mapping
from typing import Protocol


class Kind(enum.StrEnum):
    """What can be used, and what its name is."""

    LOGIN = "login"  # the username; a message was accepted
    PREVIOUS = "previous"  # the username; it was accepted by the password that is on its way out
    TOKEN = "token"  # noqa: S105 - a kind; the name is the token's id


class Uses(Protocol):
    """Times are Unix seconds, and right to the minute."""

    def used(self, kind: Kind, name: str, now: float, /) -> None:
        """Write it down, some time; when the store cannot, nobody is the worse for it."""

    def last(self, kind: Kind, /) -> Awaitable[Mapping[str, float]]:
        """When each was used last; raises AccountsUnavailable."""


def last_use(uses: Mapping[str, float], name: str, since: float) -> float | None:
    """When this was used last; None, too, when that was something of the same name which was there before `since`."""
    used = uses.get(name)
    return None if used is None or used < since else used
