"""All that a store keeps, copied into an empty one, on whichever engines: how mail moves to PostgreSQL, or back.

One transaction of the target's: it has all of it, or nothing. What was claimed is due in the copy, for nobody works
there yet. No server may work on either store; the source is only read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Table, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from smtpeter.spool.states import State
from smtpeter.storage import migrations, postgresql
from smtpeter.storage.engine import DirectoryLock, StoreUnusable, for_writing, open_engine, shown
from smtpeter.storage.schema import metadata
from smtpeter.storage.schema.accounts import revisions
from smtpeter.storage.schema.journal import marks
from smtpeter.storage.schema.mail import deliveries
from smtpeter.storage.schema.work import duties, quotas, site_lifts, site_states, workers

_PORTION = 200  # rows in memory at a time
_LEFT_OUT = (workers, duties, quotas, site_states, site_lifts)  # all that is said by and of who is at work
_BORN_WITH = (revisions, marks)  # what is there from the beginning


class NotEmpty(StoreUnusable):
    """There is something in the store that should be filled."""


def copy_store(source: str, target: str, directory: Path, told: Callable[[str, int], None]) -> None:
    """Copy from one URL to another; `told` hears of each table and its rows. Raises StoreUnusable, StoreInUse."""
    with DirectoryLock(directory):
        old, new = open_engine(source, directory), open_engine(target, directory)
        for engine in (old, new):
            migrations.upgrade(engine)
        try:
            with old.connect() as reading, for_writing(new).begin() as writing:
                _copy(reading, writing, told)
        except DBAPIError as error:
            raise StoreUnusable(f"{shown(new)}: {error.orig}") from error


def _copy(reading: Connection, writing: Connection, told: Callable[[str, int], None]) -> None:
    tables = [table for table in metadata.sorted_tables if table not in _LEFT_OUT]
    for table in tables:
        if table not in _BORN_WITH and writing.execute(select(func.count()).select_from(table)).scalar_one():
            raise NotEmpty(f"{shown(writing.engine)}: there is something in it already ({table.name})")
    for born in _BORN_WITH:
        writing.execute(delete(born))
    for table in tables:
        told(table.name, _copy_table(reading, writing, table))
    claimed = deliveries.c.state == State.CLAIMED.value
    writing.execute(update(deliveries).where(claimed).values(state=State.DUE.value, worker=None))
    if writing.dialect.name == postgresql.NAME:
        for name, column in _NUMBERED:
            writing.execute(text(_NEXT.format(table=name, column=column)))


def _copy_table(reading: Connection, writing: Connection, table: Table) -> int:
    rows = 0
    found = reading.execution_options(yield_per=_PORTION).execute(select(table).order_by(*table.primary_key))
    for portion in found.mappings().partitions():
        writing.execute(insert(table), [dict(row) for row in portion])
        rows += len(portion)
    return rows


# Numbers that come with their rows do not advance what gives the next one.
_NEXT = (
    "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), "
    "(SELECT coalesce(max({column}), 0) + 1 FROM {table}), false)"
)
_NUMBERED = (("events", "seq"), ("webhooks", "id"), ("operator_changes", "id"))
