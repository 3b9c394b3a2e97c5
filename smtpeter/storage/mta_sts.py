"""The policies of MTA-STS, in the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from twisted.internet.defer import Deferred

from smtpeter.spool.interface import SpoolUnavailable
from smtpeter.spool.mta_sts import FETCHED_EVERY, Policy, PolicyMode, Worth, surplus
from smtpeter.storage.engine import Trouble
from smtpeter.storage.schema.work import mta_sts_policies
from smtpeter.storage.threads import Access

_MOST = 10_000  # that are kept: strangers decide how long each is
_IN_ONE = 500  # names in one statement

_DAY = 86400.0

_columns = mta_sts_policies.c
_is_lasting = _columns.used_at >= _columns.known_since + _DAY


class StoredPolicies:
    """Keeps at most `most`."""

    def __init__(self, access: Access, most: int = _MOST) -> None:
        self._access = access
        self._most = most

    def policy(self, domain: str, /) -> Deferred[Policy | None]:
        return self._access.read(_policy, domain, refuse=_refuse)

    def keep(self, policy: Policy, now: float, /) -> Deferred[None]:
        return self._access.write(self._keep, (policy, now), _refuse)

    def used(self, domain: str, identifier: str, now: float, /) -> Deferred[None]:
        return self._access.write(_used, (domain, identifier, now), _refuse)

    def aged(self, now: float, used_since: float, limit: int, /) -> Deferred[tuple[Policy, ...]]:
        return self._access.read(_aged, now, used_since, limit, refuse=_refuse)

    def _keep(self, connection: Connection, batch: Sequence[tuple[Policy, float]]) -> list[None]:
        for policy, now in batch:
            connection.execute(delete(mta_sts_policies).where(_columns.expires_at <= now))
            values = _values(policy)
            there = _columns.domain == policy.domain
            if connection.execute(update(mta_sts_policies).where(there).values(values)).rowcount:
                continue
            self._make_room(connection)
            connection.execute(insert(mta_sts_policies).values(values | {"known_since": now}))
        return [None] * len(batch)

    def _make_room(self, connection: Connection) -> None:
        """For several at once: they are all looked at for that."""
        number = connection.execute(select(func.count()).select_from(mta_sts_policies)).scalar_one()
        if number < self._most:
            return
        rows = connection.execute(select(_is_lasting, _columns.used_at, _columns.domain))
        known = [Worth(bool(is_lasting), used_at, domain) for is_lasting, used_at, domain in rows]
        gone = surplus(known, number - self._most + 1 + self._most // 20)
        for start in range(0, len(gone), _IN_ONE):
            connection.execute(
                delete(mta_sts_policies).where(_columns.domain.in_(gone[start : start + _IN_ONE]))
            )


def _used(connection: Connection, batch: Sequence[tuple[str, str, float]]) -> list[None]:
    for domain, identifier, now in batch:
        connection.execute(
            update(mta_sts_policies)
            .where(_columns.domain == domain, _columns.id == identifier, _columns.used_at < now)
            .values(used_at=now)
        )
    return [None] * len(batch)


def _refuse(trouble: Trouble) -> SpoolUnavailable:
    return SpoolUnavailable(trouble.cause, full=trouble.full)


def _read(row: Any) -> Policy:
    return Policy(
        row.domain,
        row.id,
        PolicyMode(row.mode),
        tuple(row.mx.split()),
        row.fetched_at,
        row.expires_at,
        row.used_at,
    )


def _values(policy: Policy) -> dict[str, Any]:
    return {
        "domain": policy.domain,
        "id": policy.id,
        "mode": policy.mode.value,
        "mx": " ".join(policy.mx),
        "fetched_at": policy.fetched_at,
        "expires_at": policy.expires_at,
        "used_at": policy.used_at,
    }


def _policy(connection: Connection, domain: str) -> Policy | None:
    row = connection.execute(select(mta_sts_policies).where(_columns.domain == domain)).one_or_none()
    return None if row is None else _read(row)


def _aged(connection: Connection, now: float, used_since: float, limit: int) -> tuple[Policy, ...]:
    is_aged = (_columns.fetched_at + FETCHED_EVERY <= now) | (
        _columns.fetched_at + _columns.expires_at <= 2 * now
    )
    wanted = (
        select(mta_sts_policies)
        .where(is_aged, _columns.used_at >= used_since)
        .order_by(_is_lasting.desc(), _columns.fetched_at)
        .limit(limit)
    )
    return tuple(map(_read, connection.execute(wanted)))
