"""What the journal promises: events are kept in the order of their commits and can be followed from any point."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from smtpeter.journal.events import Event
from smtpeter.message.identifier import DeliveryId, MessageId


class JournalUnavailable(Exception):
    """The store could not do it now; nothing has happened."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which events are meant; None means any. `start` inclusive and `end` exclusive, Unix seconds.

    Recipient, login and tags are compared exactly, as the events have them.
    """

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


@dataclass(frozen=True, slots=True)
class Tally:
    """How many events of a kind happened in the hour, or the minute, that begins at `start`, Unix seconds."""

    start: int
    kind: str
    count: int


class Journal(Protocol):
    """Append-only, but for `forget`; raises JournalUnavailable when the store cannot do it now."""

    def append(self, events: Sequence[Event], /) -> Awaitable[None]:
        """Keep events that belong to no settlement (clicks and the like)."""

    def since(self, cursor: int, query: Query, limit: int, /) -> Awaitable[tuple[Entry, ...]]:
        """Events after `cursor` (0: from the first kept), in order; none ever appears behind a cursor given out."""

    def before(self, cursor: int | None, query: Query, limit: int, /) -> Awaitable[tuple[Entry, ...]]:
        """Events before `cursor` (None: from the last), the last first."""

    def end(self) -> Awaitable[int]:
        """The cursor of the last event, behind which there is nothing yet; 0 when none is kept."""

    def tallies(self, start: float, end: float, /) -> Awaitable[tuple[Tally, ...]]:
        """What happened in the hours from `start` to `end` (exclusive), Unix seconds, by hour and kind."""

    def minutes(self, start: float, end: float, /) -> Awaitable[tuple[Tally, ...]]:
        """The same by minute; no further back than two hours before the last event."""

    def count(self, cursor: int, /) -> Awaitable[tuple[int, Mapping[str, int]]]:
        """Where the journal ends now, and how many events of each kind came after `cursor`."""

    def digest(self, limit: int, /) -> Awaitable[int]:
        """Make up to `limit` events that came lately as quick to find as the older ones; how many. Once in a while."""

    def forget(self, before: float, kinds: Sequence[str], limit: int, /) -> Awaitable[int]:
        """Forget up to `limit` events of these kinds that happened before `before`, oldest first; how many."""
