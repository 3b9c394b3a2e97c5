"""What the journal promises: events are kept in the order of their commits and can be followed from any point."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

from smtpeter.journal.events import Event
from smtpeter.message.identifier import DeliveryId, MessageId


@dataclass(frozen=True, slots=True)
class Query:
    """Which events are meant; None means any. `start` inclusive and `end` exclusive, Unix seconds."""

    delivery: DeliveryId | None = None
    message: MessageId | None = None
    recipient: str | None = None
    login: str | None = None
    tags: tuple[str, ...] = ()  # all must match
    kinds: tuple[str, ...] | None = None
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An event and its place in the journal."""

    cursor: int
    event: Event


class Journal(Protocol):
    """Append-only; raises the store's own Unavailable error when it cannot be reached."""

    def append(self, events: Sequence[Event], /) -> Awaitable[None]:
        """Keep events that belong to no settlement (clicks and the like)."""

    def since(self, cursor: int, query: Query, limit: int, /) -> Awaitable[tuple[Entry, ...]]:
        """Events after `cursor` (0: from the first kept), in order."""
