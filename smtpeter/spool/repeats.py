"""Requests that may come twice: what a program asked for under a key of its own, and the message that it became.

The message's identifier is chosen and kept before the message is, and the spool takes an identifier once: however often
a request comes, and wherever a crash falls between, there is one message.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from smtpeter.message.identifier import MessageId

KEPT_FOR = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class Repeat:
    """`key` tells whose it is, too; `fingerprint` is a digest of all that was asked; the time is Unix seconds."""

    key: bytes
    fingerprint: bytes
    message: MessageId
    asked_at: float


class Repeats(Protocol):
    """Where they are kept, for a day; raises SpoolUnavailable."""

    def first(self, asked: Repeat, /) -> Awaitable[Repeat]:
        """Keep `asked` durably unless its key is there already; what is there now."""
