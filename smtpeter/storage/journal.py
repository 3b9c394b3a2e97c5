"""The journal's statements: plain synchronous code that works on batches inside the caller's transaction.

Events become visible in the order of their numbers, so a cursor never passes over one: whoever numbers events is
alone until his transaction has ended and all can see it. SQLite has one writer at a time anyway; on PostgreSQL it is
a lock, which ends after the commit is visible. (Holding back what is newer than the oldest open transaction
would let writers run beside each other, but then one hanging session, of any database of that server, hides all.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select

from smtpeter.journal.events import Event
from smtpeter.journal.interface import Entry, Query
from smtpeter.storage import postgresql, search
from smtpeter.storage.records import event_row, read_entry
from smtpeter.storage.rows import Rows
from smtpeter.storage.schema.journal import event_terms, events

_BEYOND = (1 << 63) - 1  # no event has this number
_KEEP = Rows(insert(events), [column.name for column in events.c if column is not events.c.seq])


def keep(connection: Connection, new: Iterable[Event]) -> None:
    """Add events to the journal, in their order."""
    rows = [event_row(event) for event in new]
    if rows:
        if connection.dialect.name == postgresql.NAME:
            postgresql.wait_for(connection, postgresql.Lock.JOURNAL)
        _KEEP.execute(connection, rows)


def append(connection: Connection, batch: Sequence[Sequence[Event]]) -> list[None]:
    keep(connection, chain.from_iterable(batch))
    return [None] * len(batch)


def since(connection: Connection, cursor: int, query: Query, limit: int) -> tuple[Entry, ...]:
    return _page(connection, query, limit, range(cursor + 1, _BEYOND), _FORTH)


def before(connection: Connection, cursor: int | None, query: Query, limit: int) -> tuple[Entry, ...]:
    return _page(connection, query, limit, range(1, _BEYOND if cursor is None else cursor), _BACK)


def end(connection: Connection) -> int:
    return connection.execute(select(func.max(events.c.seq))).scalar_one() or 0


def count(connection: Connection, cursor: int) -> tuple[int, dict[str, int]]:
    last = end(connection) or cursor
    fresh = events.c.seq.between(cursor + 1, last)
    counted = select(events.c.kind, func.count()).where(fresh).group_by(events.c.kind)
    return last, {name: number for name, number in connection.execute(counted)}  # noqa: C416 - for the types


@dataclass(frozen=True, slots=True)
class _Direction:
    """`order`: that of a column; `sign` makes numbers that grow that way."""

    order: Callable[[ColumnElement[int]], ColumnElement[int]]
    sign: int


_FORTH = _Direction(lambda column: column.asc(), 1)
_BACK = _Direction(lambda column: column.desc(), -1)


def _page(
    connection: Connection, query: Query, limit: int, places: range, direction: _Direction
) -> tuple[Entry, ...]:
    if query.delivery is not None or query.message is not None:
        return _entries(_plain(connection, query, limit, places, direction))
    mark = search.mark(connection)
    filed = range(places.start, min(places.stop, mark + 1))
    fresh = range(max(places.start, mark + 1), places.stop)
    found: list[Row[Any]] = []
    parts = ((_filed, filed), (_plain, fresh))
    for part, where in parts[:: direction.sign]:
        if where and len(found) < limit:
            found += part(connection, query, limit - len(found), where, direction)
    return _entries(found)


def _entries(rows: Iterable[Row[Any]]) -> tuple[Entry, ...]:
    return tuple(map(read_entry, rows))


def _within(column: ColumnElement[int], places: range) -> ColumnElement[bool]:
    return (column >= places.start) & (column < places.stop)


def _plain(
    connection: Connection, query: Query, limit: int, places: range, direction: _Direction
) -> Sequence[Row[Any]]:
    """As they stand in the journal."""
    wanted = select(events).where(_within(events.c.seq, places), *_conditions(query))
    return connection.execute(wanted.order_by(direction.order(events.c.seq)).limit(limit)).all()


def _filed(
    connection: Connection, query: Query, limit: int, places: range, direction: _Direction
) -> Sequence[Row[Any]]:
    """By the terms and hours that they are filed under."""
    terms = search.terms(connection, query)
    if terms is None:
        places = _narrowed(connection, query, query.kinds, places)
        return _plain(connection, query, limit, places, direction) if places else ()
    numbers: list[int] = []
    for term, kinds in terms.items():
        if narrow := _narrowed(connection, query, kinds, places):
            numbers += _under(connection, term, query, limit, narrow, direction)
    page = sorted(numbers, key=direction.sign.__mul__)[:limit]
    wanted = select(events).where(events.c.seq.in_(page)).order_by(direction.order(events.c.seq))
    return connection.execute(wanted).all() if page else ()


def _narrowed(connection: Connection, query: Query, kinds: Sequence[str] | None, places: range) -> range:
    """Those of the places where events of the query's time can be."""
    if query.start is None and query.end is None:
        return places
    span = search.span(connection, query, kinds)
    return range(max(places.start, span.start), min(places.stop, span.stop))


def _under(
    connection: Connection, term: int, query: Query, limit: int, places: range, direction: _Direction
) -> Sequence[int]:
    seq = event_terms.c.seq
    wanted = (
        select(seq)
        .select_from(event_terms.join(events, events.c.seq == seq))
        .where(event_terms.c.term == term, _within(seq, places), *_conditions(query))
    )
    return connection.execute(wanted.order_by(direction.order(seq)).limit(limit)).scalars().all()


def _conditions(query: Query) -> Iterable[ColumnElement[bool]]:
    """What `query` asks for, said of the events themselves."""
    if query.delivery is not None:
        yield events.c.delivery == query.delivery
    if query.message is not None:
        yield events.c.message == query.message
    if query.login is not None:
        yield events.c.login == query.login
    if query.recipient is not None:
        yield events.c.recipient == query.recipient
    if query.kinds is not None:
        yield events.c.kind.in_(query.kinds)
    if query.start is not None:
        yield events.c.time >= query.start
    if query.end is not None:
        yield events.c.time < query.end
    for tag in query.tags:
        # LIKE folds case on one engine and not on another; this does the same on all.
        yield func.replace(events.c.tags, f";{tag};", "") != events.c.tags


def forgettable(connection: Connection, before: float, kinds: Sequence[str], limit: int) -> list[int]:
    """The oldest events of each kind to forget."""
    old: list[int] = []
    for kind in kinds:
        query = Query(kinds=(kind,), end=before)
        if places := search.span(connection, query, query.kinds):
            old += _under(connection, search.kind_term(kind), query, limit, places, _FORTH)
    fresh = select(events.c.seq).where(
        events.c.seq > search.mark(connection), *_conditions(Query(kinds=tuple(kinds), end=before))
    )
    return [*sorted(old), *connection.execute(fresh.order_by(events.c.seq).limit(limit)).scalars()][:limit]


def forget(connection: Connection, batch: Sequence[Sequence[int]]) -> list[int]:
    forgotten = []
    for numbers in batch:
        search.forget(connection, numbers)
        forgotten.append(connection.execute(delete(events).where(events.c.seq.in_(numbers))).rowcount)
    return forgotten
