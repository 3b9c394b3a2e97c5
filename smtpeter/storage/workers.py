"""Who works on claims: a worker lives by its heartbeat, and what a dead one held is due again.

Times are the store's: on PostgreSQL its server's clock, on SQLite the host's boot clock, which no change of the wall
clock moves; `now` is the latter. Claims keep their epoch when they are
taken back: should the worker live after all and nobody else have claimed the delivery meanwhile, what it has to
tell still counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from smtpeter.spool.states import State
from smtpeter.storage import postgresql
from smtpeter.storage.schema.mail import deliveries, queued
from smtpeter.storage.schema.work import quotas, site_states, workers

BEAT_EVERY = 10.0  # seconds
DEAD_AFTER = 30.0  # seconds


def succeed(connection: Connection, now: float) -> int:
    """Register the first worker of this host.

    Where the store is one host's, all others are known to be dead, and what they held is due again. On PostgreSQL
    they may work on other machines: who is dead shows when he is not heard.
    """
    if _is_shared(connection):
        return register(connection, now)
    _take_back(connection, deliveries.c.state == State.CLAIMED)
    connection.execute(delete(workers))
    for table in (quotas, site_states):
        connection.execute(delete(table))
    return register(connection, now)


def register(connection: Connection, now: float) -> int:
    """A new worker's number."""
    seen = insert(workers).values(seen_at=_time(connection, now)).returning(workers.c.number)
    return int(connection.execute(seen).scalar_one())


def _is_shared(connection: Connection) -> bool:
    """Whether the store may be several machines'."""
    return connection.dialect.name == postgresql.NAME


def _time(connection: Connection, now: float) -> float:
    return postgresql.clock(connection) if _is_shared(connection) else now


def beat(connection: Connection, batch: Sequence[tuple[int, float]]) -> list[None]:
    """Say that a worker lives, even one that was thought dead, and bury those that have long been silent."""
    for number, boot_clock in batch:
        now = _time(connection, boot_clock)
        seen = connection.execute(update(workers).where(workers.c.number == number).values(seen_at=now))
        if not seen.rowcount:
            connection.execute(insert(workers).values(number=number, seen_at=now))
        _bury(connection, now)
    return [None] * len(batch)


def _bury(connection: Connection, now: float) -> None:
    silent = select(workers.c.number).where(workers.c.seen_at < now - DEAD_AFTER)
    dead = connection.execute(silent).scalars().all()
    if dead:
        _take_back(connection, (deliveries.c.state == State.CLAIMED) & deliveries.c.worker.in_(dead))
        connection.execute(delete(workers).where(workers.c.number.in_(dead)))
        _forget(connection, dead)


def leave(connection: Connection, batch: Sequence[int]) -> list[None]:
    """An orderly end: what the worker still holds is due again."""
    for number in batch:
        _take_back(connection, (deliveries.c.state == State.CLAIMED) & (deliveries.c.worker == number))
        connection.execute(delete(workers).where(workers.c.number == number))
        _forget(connection, (number,))
    return [None] * len(batch)


def _forget(connection: Connection, numbers: Sequence[int]) -> None:
    """What they held of quotas is free, and what they said of sites is old."""
    for table in (quotas, site_states):
        connection.execute(delete(table).where(table.c.worker.in_(numbers)))


def _take_back(connection: Connection, held: ColumnElement[bool]) -> None:
    connection.execute(update(deliveries).where(held, queued).values(state=State.DUE, worker=None))
