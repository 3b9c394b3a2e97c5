"""Webhooks in the store: statements for batches in the caller's transaction, and the ledger that sends them there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update
from twisted.internet.defer import Deferred

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.webhooks import (
    Aside,
    DutyLost,
    Encoding,
    Health,
    NoSuchWebhook,
    Progress,
    Webhook,
    WebhookId,
)
from smtpeter.message.identifier import DeliveryId
from smtpeter.storage.engine import Trouble
from smtpeter.storage.records import storable
from smtpeter.storage.schema.webhooks import webhook_aside, webhooks
from smtpeter.storage.schema.work import duties, workers
from smtpeter.storage.threads import Access

_T = TypeVar("_T")
_A = TypeVar("_A")
_DUTY = "webhooks"
_read_kinds = msgspec.json.Decoder(tuple[str, ...]).decode


def _refuse(trouble: Trouble) -> AccountsUnavailable:
    return AccountsUnavailable(trouble.cause)


def _columns(webhook: Webhook) -> dict[str, Any]:
    return {
        "url": webhook.url,
        "kinds": msgspec.json.encode(webhook.kinds).decode(),
        "secret": webhook.secret,
        "created_at": webhook.created_at,
        "login": webhook.login,
        "encoding": webhook.encoding.value,
        "enabled": webhook.enabled,
        "note": webhook.note,
    }


def _read(row: Any) -> Webhook:
    return Webhook(
        id=WebhookId(row.id),
        url=row.url,
        kinds=_read_kinds(row.kinds),
        secret=row.secret,
        created_at=row.created_at,
        login=row.login,
        encoding=Encoding(row.encoding),
        enabled=row.enabled,
        note=row.note,
        cursor=row.cursor,
    )


def _read_aside(row: Any) -> Aside:
    return Aside(row.event, DeliveryId(row.delivery), row.set_at, row.attempts, row.due_at, row.problem)


def everyone(connection: Connection) -> tuple[Webhook, ...]:
    return tuple(map(_read, connection.execute(select(webhooks).order_by(webhooks.c.id))))


def create(connection: Connection, batch: Sequence[Webhook]) -> list[Webhook]:
    made = []
    for one in batch:
        well = {"failures": 0, "problem": "", "retry_at": 0.0, "taken_at": 0.0, "cursor": one.cursor}
        new = insert(webhooks).values(**_columns(one), **well).returning(webhooks)
        made.append(_read(connection.execute(new).one()))
    return made


def replace(connection: Connection, batch: Sequence[Webhook]) -> list[None]:
    for one in batch:
        changed = update(webhooks).where(webhooks.c.id == one.id).values(**_columns(one), retry_at=0.0)
        _must_exist(one.id, connection.execute(changed).rowcount)
    return [None] * len(batch)


def remove(connection: Connection, batch: Sequence[WebhookId]) -> list[None]:
    for number in batch:
        connection.execute(delete(webhook_aside).where(webhook_aside.c.webhook == number))
        _must_exist(number, connection.execute(delete(webhooks).where(webhooks.c.id == number)).rowcount)
    return [None] * len(batch)


def replay(connection: Connection, batch: Sequence[tuple[WebhookId, int]]) -> list[None]:
    for number, cursor in batch:
        moved = update(webhooks).where(webhooks.c.id == number).values(cursor=cursor, retry_at=0.0)
        _must_exist(number, connection.execute(moved).rowcount)
        # What comes after the cursor is posted on the way; the rest of what waits is due now.
        ours = webhook_aside.c.webhook == number
        connection.execute(delete(webhook_aside).where(ours, webhook_aside.c.event > cursor))
        again = func.coalesce(webhook_aside.c.due_at, 0.0) * 0.0
        connection.execute(update(webhook_aside).where(ours).values(due_at=again, attempts=0))
    return [None] * len(batch)


def _must_exist(number: WebhookId, rows: int) -> None:
    if not rows:
        raise NoSuchWebhook(number)


def health(connection: Connection, number: WebhookId) -> Health:
    row = connection.execute(select(webhooks).where(webhooks.c.id == number)).one_or_none()
    if row is None:
        raise NoSuchWebhook(number)
    return Health(row.failures, row.problem, row.retry_at, row.taken_at)


def aside(connection: Connection, number: WebhookId, limit: int) -> tuple[Aside, ...]:
    wanted = select(webhook_aside).where(webhook_aside.c.webhook == number)
    rows = connection.execute(wanted.order_by(webhook_aside.c.event).limit(limit))
    return tuple(map(_read_aside, rows))


def due(connection: Connection, number: WebhookId, now: float, limit: int) -> tuple[Aside, ...]:
    waiting = (webhook_aside.c.webhook == number) & webhook_aside.c.due_at.is_not(None)
    firsts = select(func.min(webhook_aside.c.event)).where(waiting).group_by(webhook_aside.c.delivery)
    wanted = select(webhook_aside).where(
        waiting, webhook_aside.c.event.in_(firsts), webhook_aside.c.due_at <= now
    )
    return tuple(map(_read_aside, connection.execute(wanted.order_by(webhook_aside.c.event).limit(limit))))


def held(
    connection: Connection, number: WebhookId, deliveries: Sequence[DeliveryId]
) -> frozenset[DeliveryId]:
    wanted = select(webhook_aside.c.delivery).where(
        webhook_aside.c.webhook == number,
        webhook_aside.c.due_at.is_not(None),
        webhook_aside.c.delivery.in_(deliveries),
    )
    return frozenset(connection.execute(wanted.distinct()).scalars())


def on_duty(connection: Connection) -> int | None:
    return connection.execute(select(duties.c.worker).where(duties.c.name == _DUTY)).scalar_one_or_none()


def take_duty(connection: Connection, batch: Sequence[int]) -> list[bool]:
    """The duty goes to who asks when nobody has it, or nobody of those that live."""
    living = select(workers.c.number)
    answers = []
    for worker in batch:
        holder = connection.execute(
            select(duties.c.worker).where(duties.c.name == _DUTY).with_for_update()
        ).scalar_one_or_none()
        if holder is None:
            connection.execute(insert(duties).values(name=_DUTY, worker=worker))
        elif holder != worker:
            free = (duties.c.name == _DUTY) & duties.c.worker.not_in(living)
            if not connection.execute(update(duties).where(free).values(worker=worker)).rowcount:
                answers.append(False)
                continue
        answers.append(True)
    return answers


def record(connection: Connection, batch: Sequence[tuple[int, Progress]]) -> list[None]:
    for worker, progress in batch:
        _record(connection, worker, progress)
    return [None] * len(batch)


def _record(connection: Connection, worker: int, progress: Progress) -> None:
    number = progress.webhook
    has = select(duties.c.worker).where(duties.c.name == _DUTY).with_for_update()
    if connection.execute(has).scalar_one_or_none() != worker:
        raise DutyLost
    state = progress.health
    moved = (
        update(webhooks)
        .where(webhooks.c.id == number, webhooks.c.cursor == progress.seen)
        .values(
            cursor=progress.cursor,
            failures=state.failures,
            problem=storable(state.problem),
            retry_at=state.retry_at,
            taken_at=state.taken_at,
        )
    )
    if not connection.execute(moved).rowcount:
        return  # deleted, or somebody asked for a replay meanwhile: what was posted is posted once more
    ours = webhook_aside.c.webhook == number
    gone = [*progress.taken, *(one.event for one in progress.aside)]
    if gone:
        connection.execute(delete(webhook_aside).where(ours, webhook_aside.c.event.in_(gone)))
    for one in progress.aside:
        facts = {
            "event": one.event,
            "delivery": one.delivery,
            "set_at": one.set_at,
            "attempts": one.attempts,
            "due_at": one.due_at,
            "problem": storable(one.problem),
        }
        connection.execute(insert(webhook_aside).values(webhook=number, **facts))


class StoredWebhooks:
    """The ledger of webhooks, for the worker with this number."""

    def __init__(self, access: Access, worker: int) -> None:
        self._access = access
        self._worker = worker

    def webhooks(self) -> Deferred[Sequence[Webhook]]:
        return self._read(everyone)

    def create(self, webhook: Webhook, /) -> Deferred[Webhook]:
        return self._write(create, webhook)

    def replace(self, webhook: Webhook, /) -> Deferred[None]:
        return self._write(replace, webhook)

    def delete(self, number: WebhookId, /) -> Deferred[None]:
        return self._write(remove, number)

    def replay(self, number: WebhookId, cursor: int, /) -> Deferred[None]:
        return self._write(replay, (number, cursor))

    def health(self, number: WebhookId, /) -> Deferred[Health]:
        return self._read(health, number)

    def aside(self, number: WebhookId, limit: int, /) -> Deferred[Sequence[Aside]]:
        return self._read(aside, number, limit)

    def due(self, number: WebhookId, now: float, limit: int, /) -> Deferred[Sequence[Aside]]:
        return self._read(due, number, now, limit)

    def held(self, number: WebhookId, deliveries: Sequence[DeliveryId], /) -> Deferred[frozenset[DeliveryId]]:
        return self._read(held, number, tuple(deliveries))

    def take_duty(self) -> Deferred[bool]:
        return Deferred.fromCoroutine(self._take_duty())

    async def _take_duty(self) -> bool:
        return await self._read(on_duty) == self._worker or await self._write(take_duty, self._worker)

    def record(self, progress: Progress, /) -> Deferred[None]:
        return self._write(record, (self._worker, progress))

    def _read(self, read: Callable[..., _T], *arguments: Any) -> Deferred[_T]:
        return self._access.read(read, *arguments, refuse=_refuse)

    def _write(self, write: Callable[[Connection, Sequence[_A]], Sequence[_T]], argument: _A) -> Deferred[_T]:
        return self._access.write(write, argument, _refuse)
