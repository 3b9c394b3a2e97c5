"""The spool's writing statements: plain synchronous code that works on batches inside the caller's transaction.

Each takes the connection and all that waits to be done, and returns an answer for each; what raises is rolled
back by the caller, who then tries its neighbours apart (see `group`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Update,
    bindparam,
    cast,
    insert,
    literal_column,
    null,
    select,
    update,
)

from smtpeter.journal.events import Operated
from smtpeter.message.identifier import DeliveryId
from smtpeter.spool.model import Accepted, Claim, Delivery, Settlement
from smtpeter.spool.states import ALTERABLE, State, Step, after
from smtpeter.storage import contents, journal, pending
from smtpeter.storage.group import Undone
from smtpeter.storage.records import (
    NEW_DELIVERY,
    PROGRESS,
    UNREADABLE,
    delivery_row,
    message_row,
    progress,
    unpack_details,
)
from smtpeter.storage.rows import Rows
from smtpeter.storage.schema.mail import deliveries, messages

_KEEP_MESSAGES = Rows(insert(messages), messages.c.keys())
_KEEP_DELIVERIES = Rows(insert(deliveries), NEW_DELIVERY)
_GIVE_BACK = Rows(
    update(deliveries)
    .where(deliveries.c.id == bindparam("claimed_id"), deliveries.c.epoch == bindparam("claimed_epoch"))
    .values(
        {name: bindparam(name) for name in PROGRESS}
        | {"epoch": deliveries.c.epoch + literal_column("1"), "worker": null()}
    ),
    (*PROGRESS, "claimed_id", "claimed_epoch"),
)


def accept(connection: Connection, worker: int, batch: Sequence[Accepted]) -> list[tuple[Claim, ...]]:
    """Keep messages with their deliveries and events."""
    born = [_born(delivery, one.claimed) for one in batch for delivery in one.deliveries]
    _KEEP_MESSAGES.execute(connection, [message_row(one.message) for one in batch])
    contents.keep(connection, [one.message for one in batch])
    pending.keep(connection, [one.message for one in batch])
    if born:
        _KEEP_DELIVERIES.execute(
            connection,
            [delivery_row(claim.delivery, claim.epoch, worker if claim.epoch else None) for claim in born],
        )
    journal.keep(connection, chain.from_iterable(one.events for one in batch))
    mine = iter(born)
    return [tuple(claim for claim in (next(mine) for _ in one.deliveries) if claim.epoch) for one in batch]


def _born(delivery: Delivery, claimed: bool) -> Claim:
    """A new delivery and its epoch, 0 unless it is claimed at once."""
    if not claimed or delivery.state is not State.DUE:
        return Claim(delivery, 0)
    return Claim(replace(delivery, state=after(delivery.state, Step.CLAIM)), 1)


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What one `settle` asked for."""

    settlements: tuple[Settlement, ...]
    reports: tuple[Accepted, ...]

    def __post_init__(self) -> None:
        if len({settlement.claim.delivery.id for settlement in self.settlements}) != len(self.settlements):
            raise ValueError("a claim cannot be given back twice at once")


def settle(connection: Connection, worker: int, batch: Sequence[GivenBack]) -> list[tuple[Claim, ...]]:
    """Give claims back with their events; raises Undone when a claim's epoch has changed."""
    settlements = [settlement for one in batch for settlement in one.settlements]
    if settlements:
        _give_back(connection, [(settlement.claim, settlement.delivery()) for settlement in settlements])
        journal.keep(connection, chain.from_iterable(settlement.events for settlement in settlements))
    reports = [replace(report, claimed=False) for one in batch for report in one.reports]
    if reports:
        accept(connection, worker, reports)
    return [()] * len(batch)


def release(connection: Connection, batch: Sequence[tuple[Claim, float]]) -> list[tuple[Claim, ...]]:
    """Give claims back without an attempt; raises Undone as `settle` does."""
    due = after(State.CLAIMED, Step.RELEASE)
    _give_back(
        connection, [(claim, replace(claim.delivery, state=due, due_at=due_at)) for claim, due_at in batch]
    )
    return [()] * len(batch)


@dataclass(frozen=True, slots=True)
class Drawing:
    """Deliveries that were found to wait for a time beyond any retry's, `longest` seconds after `now`."""

    identifiers: tuple[DeliveryId, ...]
    now: float
    longest: float


def draw_near(connection: Connection, batch: Sequence[Drawing]) -> list[int]:
    """Make them due within `longest`, as far from one another as before, unless they have moved on since."""
    return [connection.execute(_nearer(one)).rowcount for one in batch]


def _nearer(asked: Drawing) -> Update:
    into = cast(deliveries.c.due_at, BigInteger) % max(1, int(asked.longest))
    return (
        update(deliveries)
        .where(
            deliveries.c.id.in_(asked.identifiers),
            deliveries.c.state == State.DUE.value,
            deliveries.c.due_at > asked.now + asked.longest,
        )
        .values(due_at=into + asked.now)
    )


def _give_back(connection: Connection, given: Sequence[tuple[Claim, Delivery]]) -> None:
    rows = [(*progress(delivery), claim.delivery.id, claim.epoch) for claim, delivery in given]
    if _GIVE_BACK.execute(connection, rows) != len(rows):
        raise Undone(partial(_stale, claims=[claim for claim, _ in given]))


def _stale(connection: Connection, claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """Those whose epoch is no longer the row's."""
    epochs = {}
    for claim in claims:
        wanted = select(deliveries.c.epoch).where(deliveries.c.id == claim.delivery.id)
        epochs[claim.delivery.id] = connection.execute(wanted).scalar_one_or_none()
    return tuple(claim for claim in claims if epochs[claim.delivery.id] != claim.epoch)


@dataclass(frozen=True, slots=True)
class Altering:
    """What an operator does to deliveries that were found before; those that have moved on since are left out."""

    identifiers: tuple[DeliveryId, ...]
    step: Step
    now: float
    by: str


_ALTER = Rows(
    update(deliveries)
    .where(deliveries.c.id == bindparam("altered_id"))
    .values(
        state=bindparam("state"),
        due_at=bindparam("due_at"),
        epoch=deliveries.c.epoch + literal_column("1"),
    ),
    ("state", "due_at", "altered_id"),
)


def alter(connection: Connection, batch: Sequence[Altering]) -> list[int]:
    """Hold, release or delete deliveries that are not in flight; how many."""
    return [_alter(connection, one) for one in batch]


def _alter(connection: Connection, asked: Altering) -> int:
    columns = (
        *(deliveries.c[name] for name in ("id", "message", "state", "due_at", "recipient")),
        messages.c.login,
        messages.c.details,
    )
    # Outer: what has lost its message can still be held, and deleted.
    found = select(*columns).outerjoin(messages).where(deliveries.c.id.in_(asked.identifiers))
    states = [state.value for state in ALTERABLE[asked.step]]
    rows = connection.execute(
        found.where(deliveries.c.state.in_(states)).order_by(deliveries.c.id).with_for_update(of=deliveries)
    ).all()
    if rows:
        _ALTER.execute(connection, [_altered(row, asked) for row in rows])
        journal.keep(connection, [_operated(row, asked) for row in rows])
    return len(rows)


def _altered(row: Any, asked: Altering) -> tuple[str, float | None, int]:
    state = after(State(row.state), asked.step)
    due_at = asked.now if asked.step is Step.RELEASE else row.due_at
    return state.value, None if state.is_final else due_at, row.id


def _operated(row: Any, asked: Altering) -> Operated:
    return Operated(
        time=asked.now,
        delivery=row.id,
        message=row.message,
        login=row.login or "",
        recipient=row.recipient,
        tags=_tags(row.details),
        step=asked.step.value,
        by=asked.by,
    )


def _tags(details: bytes | None) -> tuple[str, ...]:
    """None of a message that is lost, or cannot be read: its deliveries can still be held, and deleted."""
    try:
        return () if details is None else unpack_details(details).tags
    except UNREADABLE:
        return ()
