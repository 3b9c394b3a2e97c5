"""The journal in memory."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence

from twisted.internet.defer import Deferred

from smtpeter.journal.events import Event
from smtpeter.journal.interface import Entry, Query, Tally
from tests.kit.fakes.answering import Fake


class FakeJournal(Fake):
    """Keeps events in a list; `events` shows them."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self._last = 0

    @property
    def events(self) -> list[Event]:
        return [entry.event for entry in self.entries]

    def keep(self, events: Iterable[Event]) -> None:
        for event in events:
            self._last += 1
            self.entries.append(Entry(self._last, event))

    def append(self, events: Sequence[Event], /) -> Deferred[None]:
        return self._answer(self.keep, tuple(events))

    def since(self, cursor: int, query: Query, limit: int, /) -> Deferred[tuple[Entry, ...]]:
        return self._answer(self._since, cursor, query, limit)

    def _since(self, cursor: int, query: Query, limit: int) -> tuple[Entry, ...]:
        wanted = (e for e in self.entries if e.cursor > cursor and _is_meant(e.event, query))
        return tuple(itertools.islice(wanted, limit))

    def before(self, cursor: int | None, query: Query, limit: int, /) -> Deferred[tuple[Entry, ...]]:
        return self._answer(self._before, cursor, query, limit)

    def _before(self, cursor: int | None, query: Query, limit: int) -> tuple[Entry, ...]:
        old = (e for e in reversed(self.entries) if cursor is None or e.cursor < cursor)
        return tuple(itertools.islice((e for e in old if _is_meant(e.event, query)), limit))

    def end(self) -> Deferred[int]:
        return self._answer(self._end)

    def _end(self) -> int:
        return self.entries[-1].cursor if self.entries else 0

    def tallies(self, start: float, end: float, /) -> Deferred[tuple[Tally, ...]]:
        return self._answer(self._tallies, start, end)

    def minutes(self, start: float, end: float, /) -> Deferred[tuple[Tally, ...]]:
        return self._answer(self._tallies, start, end, 60)

    def _tallies(self, start: float, end: float, length: int = 3600) -> tuple[Tally, ...]:
        counted: Counter[tuple[int, str]] = Counter()
        for entry in self.entries:
            begins = int(entry.event.time // length) * length
            if start - length < begins < end:
                counted[begins, entry.event.kind] += 1
        return tuple(Tally(*key, count) for key, count in sorted(counted.items()))

    def count(self, cursor: int, /) -> Deferred[tuple[int, dict[str, int]]]:
        return self._answer(self._count, cursor)

    def _count(self, cursor: int) -> tuple[int, dict[str, int]]:
        return self._end() or cursor, dict(Counter(e.event.kind for e in self.entries if e.cursor > cursor))

    def digest(self, limit: int, /) -> Deferred[int]:
        return self._answer(self._digest, limit)

    def _digest(self, _limit: int) -> int:
        return 0

    def forget(self, before: float, kinds: Sequence[str], limit: int, /) -> Deferred[int]:
        return self._answer(self._forget, before, kinds, limit)

    def _forget(self, before: float, kinds: Sequence[str], limit: int) -> int:
        old = [e for e in self.entries if e.event.time < before and e.event.kind in kinds][:limit]
        self.entries = [e for e in self.entries if e not in old]
        return len(old)


def _is_meant(event: Event, query: Query) -> bool:
    return (
        query.delivery in (None, event.delivery)
        and query.message in (None, event.message)
        and query.recipient in (None, event.recipient)
        and query.login in (None, event.login)
        and set(query.tags) <= set(event.tags)
        and (query.kinds is None or event.kind in query.kinds)
        and (query.start is None or query.start <= event.time)
        and (query.end is None or event.time < query.end)
    )
