"""The suppression list's statements: plain synchronous code inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, insert, or_, select

from smtpeter.accounts.suppression import Suppression
from smtpeter.storage.records import storable
from smtpeter.storage.schema.accounts import suppressions

_MOST_NAMED = 500  # values in one statement


def used(connection: Connection, scope: str) -> bool:
    """Whether anybody is on the list in this scope."""
    return bool(connection.execute(select(exists().where(suppressions.c.scope == scope))).scalar_one())


def among(
    connection: Connection, scopes: Sequence[str], recipients: Sequence[str], now: float
) -> tuple[Suppression, ...]:
    found: list[Suppression] = []
    for start in range(0, len(recipients), _MOST_NAMED):
        wanted = select(suppressions).where(
            suppressions.c.scope.in_(scopes),
            suppressions.c.recipient.in_(recipients[start : start + _MOST_NAMED]),
            or_(suppressions.c.expires_at.is_(None), suppressions.c.expires_at > now),
        )
        found.extend(map(_read, connection.execute(wanted)))
    return tuple(found)


def add(connection: Connection, batch: Sequence[Sequence[Suppression]]) -> list[int]:
    return [sum(_add(connection, entry) for entry in entries) for entries in batch]


def _add(connection: Connection, entry: Suppression) -> bool:
    """Whether it is new; of two for the same recipient that one stays which lasts longer."""
    same = and_(suppressions.c.scope == entry.scope, suppressions.c.recipient == entry.recipient)
    there = connection.execute(select(suppressions).where(same)).one_or_none()
    if there is not None:
        if there.expires_at is None or (
            entry.expires_at is not None and entry.expires_at <= there.expires_at
        ):
            return False
        connection.execute(delete(suppressions).where(same))
    values = dict(zip(suppressions.c.keys(), astuple(entry), strict=True))
    connection.execute(insert(suppressions).values({**values, "reason": storable(entry.reason)}))
    return there is None


def remove(connection: Connection, batch: Sequence[tuple[str, Sequence[str]]]) -> list[int]:
    return [sum(_remove(connection, scope, one) for one in recipients) for scope, recipients in batch]


def _remove(connection: Connection, scope: str, recipient: str) -> int:
    same = and_(suppressions.c.scope == scope, suppressions.c.recipient == recipient)
    return connection.execute(delete(suppressions).where(same)).rowcount


def entries(
    connection: Connection, scope: str | None, behind: tuple[str, str], limit: int, sought: str = ""
) -> tuple[Suppression, ...]:
    first, second = behind
    wanted = select(suppressions).where(
        or_(
            suppressions.c.scope > first,
            and_(suppressions.c.scope == first, suppressions.c.recipient > second),
        )
    )
    if scope is not None:
        wanted = wanted.where(suppressions.c.scope == scope)
    if sought:
        wanted = wanted.where(suppressions.c.recipient.contains(sought.lower(), autoescape=True))
    ordered = wanted.order_by(suppressions.c.scope, suppressions.c.recipient).limit(limit)
    return tuple(map(_read, connection.execute(ordered)))


def forget(connection: Connection, batch: Sequence[tuple[float, int]]) -> list[int]:
    """Expired entries; each for itself, since a key of two columns has no portable IN."""
    forgotten = []
    for before, limit in batch:
        old = select(suppressions.c.scope, suppressions.c.recipient).where(suppressions.c.expires_at < before)
        rows = connection.execute(old.limit(limit)).all()
        forgotten.append(sum(_remove(connection, row.scope, row.recipient) for row in rows))
    return forgotten


def _read(row: Any) -> Suppression:
    return Suppression(row.scope, row.recipient, row.reason, row.created_at, row.expires_at, row.delivery)
