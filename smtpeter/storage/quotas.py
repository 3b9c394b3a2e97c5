"""How much of what is limited each worker holds: statements inside the caller's transaction.

Whoever leases locks the rows of that name first, so that no two workers reckon with the same free part.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from smtpeter.spool.quota import Share, Want, grant
from smtpeter.storage.schema.work import quotas

_OF = quotas.c.name == bindparam("wanted_name")
_MINE = (quotas.c.name == bindparam("wanted_name")) & (quotas.c.worker == bindparam("mine"))
_SHARES = select(quotas.c.worker, quotas.c.held, quotas.c.wanted).where(_OF)


def lease(connection: Connection, worker: int, batch: Sequence[Sequence[Want]]) -> list[tuple[int, ...]]:
    """How much of each `worker` holds from now on."""
    take_turn(connection)
    return [tuple(_lease(connection, worker, want) for want in wants) for wants in batch]


def take_turn(connection: Connection) -> None:
    """SQLite has one writer at a time; elsewhere whoever counts what is limited takes turns, by one lock for all."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7237511)")


def _lease(connection: Connection, worker: int, want: Want) -> int:
    shares = {
        row.worker: Share(row.held, row.wanted)
        for row in connection.execute(_SHARES, {"wanted_name": want.name})
    }
    mine = shares.pop(worker, None)
    held = grant(want, 0 if mine is None else mine.held, tuple(shares.values()))
    key = {"wanted_name": want.name, "mine": worker}
    if not held and not want.wanted:
        if mine is not None:
            connection.execute(delete(quotas).where(_MINE), key)
    elif mine is None:
        row = {"name": want.name, "worker": worker, "held": held, "wanted": want.wanted}
        connection.execute(insert(quotas).values(row))
    elif mine != Share(held, want.wanted):
        connection.execute(update(quotas).where(_MINE).values(held=held, wanted=want.wanted), key)
    return held
