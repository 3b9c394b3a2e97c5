"""What came back, as statements: plain synchronous code that works on batches inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from smtpeter.message.identifier import earliest
from smtpeter.spool.returned import LateFailure, Returned
from smtpeter.spool.states import State, Step, after
from smtpeter.storage import journal, spool, suppressions
from smtpeter.storage.records import pack
from smtpeter.storage.rows import Rows
from smtpeter.storage.schema import deliveries, originals

_KEEP = Rows(insert(originals), originals.c.keys())
_FAIL = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("returned"), deliveries.c.state == State.DELIVERED.value)
    .values(
        state=after(State.DELIVERED, Step.RETURN).value, epoch=deliveries.c.epoch + 1, last=bindparam("why")
    )
)
_NOBODY = 0  # what is never born claimed needs no worker


def keep(connection: Connection, batch: Sequence[Returned]) -> list[None]:
    """Keep texts and events, settle what has failed late, and send on what is to be passed on."""
    texts = [(one.number, one.time, one.original) for one in batch if one.original]
    if texts:
        _KEEP.execute(connection, texts)
    for one in batch:
        journal.keep(connection, one.events)
        journal.keep(connection, [late.event for late in one.failures if _fail(connection, late)])
    forwards = [replace(forward, claimed=False) for one in batch for forward in one.forwards]
    if forwards:
        spool.accept(connection, _NOBODY, forwards)
    suppressions.add(connection, [one.suppressions for one in batch])
    return [None] * len(batch)


def _fail(connection: Connection, late: LateFailure) -> bool:
    asked = {"returned": late.delivery, "why": pack(late.outcome)}
    return bool(connection.execute(_FAIL, asked).rowcount)


def original(connection: Connection, number: int) -> bytes | None:
    wanted = select(originals.c.content).where(originals.c.number == number)
    return connection.execute(wanted).scalar_one_or_none()


def forgettable(connection: Connection, before: float, limit: int) -> list[int]:
    """The oldest texts to forget: numbers grow with time, so the search is over where those of `before` begin."""
    old = select(originals.c.number).where(originals.c.number < earliest(before), originals.c.time < before)
    return list(connection.execute(old.order_by(originals.c.number).limit(limit)).scalars())


def forget(connection: Connection, batch: Sequence[Sequence[int]]) -> list[int]:
    return [
        connection.execute(delete(originals).where(originals.c.number.in_(numbers))).rowcount
        for numbers in batch
    ]
