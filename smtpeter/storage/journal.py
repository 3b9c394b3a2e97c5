"""The journal's statements: plain synchronous code that works on batches inside the caller's transaction.

Events become visible in the order of their numbers, so a cursor never passes over one: whoever numbers events is
alone until his transaction has ended and all can see it. SQLite has one writer at a time anyway; on PostgreSQL it is
a lock, which ends after the commit is visible. (Holding back what is newer than the oldest open transaction
would let writers run beside each other, but then one hanging session, of any database of that server, hides all.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from smtpeter.journal.events import Event
from smtpeter.journal.interface import Entry, Query
from smtpeter.storage import postgresql
from smtpeter.storage.records import event_row, read_entry
from smtpeter.storage.rows import Rows
from smtpeter.storage.schema import events

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
    wanted = select(events).where(events.c.seq > cursor, *_conditions(query))
    return tuple(map(read_entry, connection.execute(wanted.order_by(events.c.seq).limit(limit))))


def _conditions(query: Query) -> Iterable[ColumnElement[bool]]:
    """What `query` asks for; delivery, message and login by their index, the rest in the order of the journal."""
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
    """The oldest events to forget. The journal is nearly in order of time: the search ends where `before` begins."""
    first_kept = select(events.c.seq).where(events.c.time >= before).order_by(events.c.seq).limit(1)
    end = connection.execute(first_kept).scalar_one_or_none()
    old = select(events.c.seq).where(events.c.time < before, events.c.kind.in_(kinds))
    if end is not None:
        old = old.where(events.c.seq < end)
    return list(connection.execute(old.order_by(events.c.seq).limit(limit)).scalars())


def forget(connection: Connection, batch: Sequence[Sequence[int]]) -> list[int]:
    return [connection.execute(delete(events).where(events.c.seq.in_(numbers))).rowcount for numbers in batch]
