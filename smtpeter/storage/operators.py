"""Operators, their sessions and their changes, in the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update
from twisted.internet.defer import Deferred

from smtpeter.accounts.interface import AccountsUnavailable
from smtpeter.accounts.operators import (
    SESSION_IDLE,
    SESSION_LASTS,
    Change,
    LastAdministrator,
    NoSuchOperator,
    Operator,
    OperatorChanged,
    OperatorExists,
    Role,
    Session,
)
from smtpeter.storage.engine import Trouble
from smtpeter.storage.schema.operators import operator_changes, operator_sessions, operators
from smtpeter.storage.threads import Access

_FORGET_AT_ONCE = 1000  # changes in one transaction


class StoredOperators:
    """Nothing is remembered: a session that was ended is ended everywhere at once."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def operator(self, name: str, /) -> Deferred[Operator | None]:
        return self._access.read(_operator, name, refuse=_refuse)

    def operators(self) -> Deferred[Sequence[Operator]]:
        return self._access.read(_operators, refuse=_refuse)

    def create(self, operator: Operator, /) -> Deferred[None]:
        return self._access.write(_create, operator, _refuse)

    def replace(self, operator: Operator, was: Operator | None = None, /) -> Deferred[None]:
        return self._access.write(_replace, (operator, was), _refuse)

    def delete(self, name: str, /) -> Deferred[None]:
        return self._access.write(_delete, name, _refuse)

    def session(self, digest: bytes, /) -> Deferred[tuple[Session, Operator] | None]:
        return self._access.read(_session, digest, refuse=_refuse)

    def start(self, session: Session, of: Operator | None = None, /) -> Deferred[None]:
        return self._access.write(_start, (session, of), _refuse)

    def seen(self, digest: bytes, now: float, /) -> Deferred[None]:
        return self._access.write(_seen, (digest, now), _refuse)

    def end(self, digest: bytes, /) -> Deferred[None]:
        return self._access.write(_end, digest, _refuse)

    def spend(self, name: str, step: int, /) -> Deferred[bool]:
        return self._access.write(_spend, (name, step), _refuse)

    def record(self, change: Change, /) -> Deferred[None]:
        return self._access.write(_record, change, _refuse)

    def changes(
        self, before: int | None, limit: int, sought: str = "", /
    ) -> Deferred[Sequence[tuple[int, Change]]]:
        return self._access.read(_changes, before, limit, sought, refuse=_refuse)

    def forget_changes(self, before: float, limit: int, /) -> Deferred[int]:
        return self._access.write(_forget_changes, (before, min(limit, _FORGET_AT_ONCE)), _refuse)


def _refuse(trouble: Trouble) -> AccountsUnavailable:
    return AccountsUnavailable(trouble.cause)


def _read(row: Any) -> Operator:
    return Operator(
        row.name, row.password_hash, Role(row.role), row.created_at, bytes(row.one_time),
        row.enabled, row.must_change,
    )  # fmt: skip


def _values(operator: Operator) -> dict[str, Any]:
    return {
        "password_hash": operator.password_hash,
        "role": operator.role.value,
        "created_at": operator.created_at,
        "one_time": operator.one_time,
        "enabled": operator.enabled,
        "must_change": operator.must_change,
    }


def _operator(connection: Connection, name: str) -> Operator | None:
    row = connection.execute(select(operators).where(operators.c.name == name)).one_or_none()
    return None if row is None else _read(row)


def _operators(connection: Connection) -> tuple[Operator, ...]:
    return tuple(map(_read, connection.execute(select(operators).order_by(operators.c.name))))


def _create(connection: Connection, batch: Sequence[Operator]) -> list[None]:
    for one in batch:
        if _operator(connection, one.name) is not None:
            raise OperatorExists(one.name)
        connection.execute(insert(operators).values(name=one.name, spent=0, **_values(one)))
    return [None] * len(batch)


def _replace(connection: Connection, batch: Sequence[tuple[Operator, Operator | None]]) -> list[None]:
    for one, was in batch:
        if not one.administers:
            _keep_one(connection, one.name)
        _must_be(
            connection, was
        )  # after it, which locks others too: two who go on the same way never wait in a circle
        changed = update(operators).where(operators.c.name == one.name).values(**_values(one))
        if not connection.execute(changed).rowcount:
            raise NoSuchOperator(one.name)
        _end_all(connection, one.name)
    return [None] * len(batch)


def _must_be(connection: Connection, was: Operator | None) -> None:
    """Raises OperatorChanged, asked with the row locked, so that nobody changes it until this is done."""
    if was is not None:
        wanted = select(operators).where(operators.c.name == was.name).with_for_update()
        row = connection.execute(wanted).one_or_none()
        if row is None or _read(row) != was:
            raise OperatorChanged(was.name)


def _delete(connection: Connection, batch: Sequence[str]) -> list[None]:
    for name in batch:
        _keep_one(connection, name)
        if not connection.execute(delete(operators).where(operators.c.name == name)).rowcount:
            raise NoSuchOperator(name)
        _end_all(connection, name)
    return [None] * len(batch)


def _keep_one(connection: Connection, name: str) -> None:
    """Raises LastAdministrator if this one is: asked with all of them locked, so that two do not end each other."""
    able = select(operators.c.name).where(operators.c.enabled, operators.c.role == Role.ADMINISTER.value)
    if [name] == list(connection.execute(able.with_for_update()).scalars()):
        raise LastAdministrator(name)


def _end_all(connection: Connection, name: str) -> None:
    connection.execute(delete(operator_sessions).where(operator_sessions.c.operator == name))


def _session(connection: Connection, digest: bytes) -> tuple[Session, Operator] | None:
    columns = operator_sessions.c
    joined = select(operator_sessions, operators).join(operators, operators.c.name == columns.operator)
    wanted = joined.where(columns.digest == digest, operators.c.enabled)
    row = connection.execute(wanted).one_or_none()
    if row is None:
        return None
    return Session(bytes(row.digest), row.operator, row.started_at, row.seen_at), _read(row)


def _start(connection: Connection, batch: Sequence[tuple[Session, Operator | None]]) -> list[None]:
    columns = operator_sessions.c
    now = max(one.seen_at for one, _ in batch)
    over = or_(columns.started_at <= now - SESSION_LASTS, columns.seen_at <= now - SESSION_IDLE)
    connection.execute(delete(operator_sessions).where(over))
    for one, of in batch:
        _must_be(connection, of)
        _end(connection, [one.digest])
        connection.execute(
            insert(operator_sessions).values(
                digest=one.digest, operator=one.operator, started_at=one.started_at, seen_at=one.seen_at
            )
        )
    return [None] * len(batch)


def _seen(connection: Connection, batch: Sequence[tuple[bytes, float]]) -> list[None]:
    columns = operator_sessions.c
    for digest, now in batch:
        connection.execute(update(operator_sessions).where(columns.digest == digest).values(seen_at=now))
    return [None] * len(batch)


def _end(connection: Connection, batch: Sequence[bytes]) -> list[None]:
    connection.execute(delete(operator_sessions).where(operator_sessions.c.digest.in_(batch)))
    return [None] * len(batch)


def _spend(connection: Connection, batch: Sequence[tuple[str, int]]) -> list[bool]:
    columns = operators.c
    return [
        bool(
            connection.execute(
                update(operators).where(columns.name == name, columns.spent < step).values(spent=step)
            ).rowcount
        )
        for name, step in batch
    ]


def _record(connection: Connection, batch: Sequence[Change]) -> list[None]:
    for one in batch:
        connection.execute(
            insert(operator_changes).values(
                time=one.time,
                operator=one.operator,
                action=one.action,
                subject=one.subject,
                client=one.client,
            )
        )
    return [None] * len(batch)


def _changes(
    connection: Connection, before: int | None, limit: int, sought: str
) -> tuple[tuple[int, Change], ...]:
    columns = operator_changes.c
    wanted = select(operator_changes).order_by(columns.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(columns.id < before)
    if sought:
        told = (columns.operator, columns.action, columns.subject)
        wanted = wanted.where(or_(*(one.icontains(sought, autoescape=True) for one in told)))
    return tuple(
        (row.id, Change(row.time, row.operator, row.action, row.subject, row.client))
        for row in connection.execute(wanted)
    )


def _forget_changes(connection: Connection, batch: Sequence[tuple[float, int]]) -> list[int]:
    """Of the first ones only, which are the oldest but where a clock was set back: times have no index."""
    columns = operator_changes.c
    forgotten = []
    for before, limit in batch:
        first = select(columns.id).order_by(columns.id).limit(limit)
        old = delete(operator_changes).where(columns.id.in_(first), columns.time < before)
        forgotten.append(connection.execute(old).rowcount)
    return forgotten
