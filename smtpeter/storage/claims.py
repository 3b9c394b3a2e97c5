"""Who works on what next: claims on deliveries that are due, and what lies aside until its site may start again.

What waits in the queue's index stands in the order of its time. A claim that meets deliveries to domains it shall
avoid lays them aside, once, where nobody steps over them again: the index has a place of its own for each such
domain. They are claimed from there when their domain is no longer avoided, and then lie aside no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Any

from sqlalchemy import Connection, bindparam, func, literal, literal_column, null, select, update

from smtpeter.message.identifier import DeliveryId
from smtpeter.spool.model import Claim
from smtpeter.spool.states import State, Step, after
from smtpeter.storage.records import UNREADABLE, read_delivery
from smtpeter.storage.rows import Rows
from smtpeter.storage.schema.mail import deliveries, queued

_LOOKED_AT = 1000  # deliveries in one transaction, so that nobody's mail waits long for it
_QUEUE = ""  # where what does not lie aside stands

_waits = (deliveries.c.state == literal(State.DUE.value, literal_execute=True)) & queued
_DUE = (
    select(deliveries.c.due_at, deliveries.c.id, deliveries.c.domain)
    .where(_waits, deliveries.c.aside == bindparam("place"), deliveries.c.due_at <= bindparam("now"))
    .order_by(deliveries.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)  # where several claim at a time; other engines leave it out
)
_CLAIM = (
    update(deliveries)
    .where(deliveries.c.id.in_(bindparam("found", expanding=True)))
    .values(state=State.CLAIMED.value, epoch=deliveries.c.epoch + 1, worker=bindparam("by"), aside=_QUEUE)
    .returning(deliveries)
)
_LAY_ASIDE = Rows(
    update(deliveries).where(deliveries.c.id == bindparam("laid")).values(aside=deliveries.c.domain),
    ("laid",),
)
_NEXT_DUE = select(func.min(deliveries.c.due_at)).where(_waits, deliveries.c.aside == bindparam("place"))
_first_place = select(func.min(deliveries.c.aside).label("name")).where(_waits, deliveries.c.aside > _QUEUE)
_places = _first_place.cte("places", recursive=True)
_following = select(func.min(deliveries.c.aside)).where(_waits, deliveries.c.aside > _places.c.name)
# From each place straight to the next one, whatever their deliveries number.
_PLACES = select(
    _places.union_all(select(_following.scalar_subquery()).where(_places.c.name.is_not(None))).c.name
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Up to `most` deliveries that are due at `now`, but to no domain in `avoid`."""

    most: int
    now: float
    avoid: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Claimed:
    """What was claimed, oldest due first; and what cannot be read, with the reason, which is held from now on.

    `is_all`: False when so many had to be laid aside that more may be due behind them.
    """

    claims: tuple[Claim, ...]
    unreadable: tuple[tuple[DeliveryId, str], ...] = ()
    is_all: bool = True


def claim(connection: Connection, worker: int, batch: Sequence[Wanted]) -> list[Claimed]:
    """Claim for `worker` what is wanted."""
    return [_claim(connection, worker, wanted) for wanted in batch]


def _claim(connection: Connection, worker: int, wanted: Wanted) -> Claimed:
    ready, is_all = _standing(connection, wanted)
    rows = list(merge(ready, *(_due(connection, place, wanted) for place in _open(connection, wanted.avoid))))
    found = [row.id for row in rows[: wanted.most]]
    if not found:
        return Claimed((), is_all=is_all)
    claims, unreadable = [], []
    for row in connection.execute(_CLAIM, {"found": found, "by": worker}).all():
        try:
            claims.append(Claim(read_delivery(row), row.epoch))
        except UNREADABLE as error:
            unreadable.append((DeliveryId(row.id), repr(error)))
    if unreadable:
        held = after(State.DUE, Step.HOLD).value
        these = deliveries.c.id.in_([identifier for identifier, _ in unreadable])
        connection.execute(update(deliveries).where(these).values(state=held, worker=None))
    claims.sort(key=lambda claim: (claim.delivery.due_at, claim.delivery.id))
    return Claimed(tuple(claims), tuple(unreadable), is_all)


def _standing(connection: Connection, wanted: Wanted) -> tuple[list[Any], bool]:
    """What is due in the queue and not avoided, and whether that is all; what stood in the way is laid aside."""
    avoid = wanted.avoid - {_QUEUE}  # what has no domain has no place aside
    if not avoid:
        return _due(connection, _QUEUE, wanted), True
    ready: list[Any] = []
    in_the_way: list[tuple[int]] = []
    rows = _due(connection, _QUEUE, wanted, most=_LOOKED_AT)
    for row in rows:
        if row.domain not in avoid:
            ready.append(row)
            if len(ready) == wanted.most:
                break
        else:
            in_the_way.append((row.id,))
    if in_the_way:
        _LAY_ASIDE.execute(connection, in_the_way)
    return ready, len(ready) == wanted.most or len(rows) < _LOOKED_AT


def _due(connection: Connection, place: str, wanted: Wanted, most: int = 0) -> list[Any]:
    asked = {"place": place, "now": wanted.now, "most": most or wanted.most}
    return list(connection.execute(_DUE, asked).all())


def _open(connection: Connection, avoid: frozenset[str]) -> list[str]:
    """The places of domains that are no longer avoided."""
    names = connection.execute(_PLACES).scalars().all()
    return [name for name in names if name is not None and name not in avoid]


_DISOWN = Rows(
    update(deliveries)
    .where(deliveries.c.id == bindparam("claimed_id"), deliveries.c.epoch == bindparam("claimed_epoch"))
    .values(state=bindparam("state"), epoch=deliveries.c.epoch + literal_column("1"), worker=null()),
    ("state", "claimed_id", "claimed_epoch"),
)


def disown(connection: Connection, claims: Sequence[Claim]) -> None:
    """Give back claims that were refused to who asked for them, and were made all the same."""
    if claims:
        due = after(State.CLAIMED, Step.RELEASE).value
        _DISOWN.execute(connection, [(due, claim.delivery.id, claim.epoch) for claim in claims])


def disown_claimed(connection: Connection, claimed: Claimed) -> None:
    """The same, for what `claim` answered."""
    disown(connection, claimed.claims)


def next_due(connection: Connection, avoid: frozenset[str]) -> float | None:
    """When the next one falls due that does not lie aside for a domain to avoid."""
    times = (
        connection.execute(_NEXT_DUE, {"place": place}).scalar_one_or_none()
        for place in (_QUEUE, *_open(connection, avoid))
    )
    return min((time for time in times if time is not None), default=None)
