"""What came back, as statements: plain synchronous code that works on batches inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from sqlalchemy import Connection, bindparam, delete, insert, select, text, update

from smtpeter.message.identifier import earliest
from smtpeter.spool.model import Accepted
from smtpeter.spool.returned import MAXIMUM_OF_A_DELIVERY, LateFailure, Portion, Returned
from smtpeter.spool.states import State, Step, after
from smtpeter.storage import journal, spool, suppressions
from smtpeter.storage.records import pack
from smtpeter.storage.rows import Rows
from smtpeter.storage.schema.mail import comebacks, deliveries, originals

_KEEP = Rows(insert(originals), originals.c.keys())
_FAIL = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("returned"), deliveries.c.state == State.DELIVERED.value)
    .values(
        state=after(State.DELIVERED, Step.RETURN).value, epoch=deliveries.c.epoch + 1, last=bindparam("why")
    )
)
_COUNT = text(  # the same on both engines; it touches no row when there is no room
    "INSERT INTO comebacks (delivery, since, number) VALUES (:delivery, :since, 1) "
    "ON CONFLICT (delivery) DO UPDATE SET number = comebacks.number + 1 WHERE comebacks.number < :maximum"
)
_NOBODY = 0  # what is never born claimed needs no worker


def keep(connection: Connection, batch: Sequence[Returned]) -> list[None]:
    """Keep texts and events, settle what has failed late, and send on what is to be passed on."""
    texts: list[tuple[int, float, bytes]] = []
    forwards: list[Accepted] = []
    for one in batch:
        journal.keep(connection, one.events)
        portions = [portion for portion in one.portions if _has_room(connection, portion, one.time)]
        journal.keep(connection, [portion.withheld for portion in one.portions if portion not in portions])
        journal.keep(connection, [late.event for late in one.failures if _fail(connection, late)])
        if one.original and (portions or not one.portions):
            texts.append((one.number, one.time, one.original))
        forwards += chain(one.forwards, *(portion.forwards for portion in portions))
    if texts:
        _KEEP.execute(connection, texts)
    if forwards:
        spool.accept(connection, _NOBODY, [replace(forward, claimed=False) for forward in forwards])
    suppressions.add(connection, [one.suppressions for one in batch])
    return [None] * len(batch)


def _has_room(connection: Connection, portion: Portion, now: float) -> bool:
    """Count one more for the delivery; False, and nothing counted, when there are as many as may be."""
    asked = {"delivery": portion.delivery, "since": now, "maximum": MAXIMUM_OF_A_DELIVERY}
    return bool(connection.execute(_COUNT, asked).rowcount)


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


def forget_counts(connection: Connection, batch: Sequence[tuple[float, int]]) -> list[int]:
    """Forget counts that began before a time, the oldest first, so many at most."""
    return [_forget_counts(connection, before, limit) for before, limit in batch]


def _forget_counts(connection: Connection, before: float, limit: int) -> int:
    old = select(comebacks.c.delivery).where(comebacks.c.since < before).order_by(comebacks.c.since)
    numbers = connection.execute(old.limit(limit)).scalars().all()
    return connection.execute(delete(comebacks).where(comebacks.c.delivery.in_(numbers))).rowcount
