"""The accounts ledger's statements: plain synchronous code that works on batches inside the caller's transaction.

Every change raises the ledger's revision, by which caches in other processes see that they are stale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from smtpeter.accounts.interface import (
    KeyRingFull,
    LoginExists,
    NoSuchLogin,
    NoSuchSenderDomain,
    SenderDomainExists,
)
from smtpeter.accounts.model import (
    Algorithm,
    Bounces,
    Limits,
    Login,
    Previous,
    SenderDomain,
    SigningKey,
    TokenKey,
)
from smtpeter.accounts.uses import Kind
from smtpeter.message.options import Priority, Switches
from smtpeter.storage.schema.accounts import (
    logins,
    revisions,
    sender_domains,
    sender_hosts,
    signing_keys,
    token_keys,
    uses,
)

_LEDGER = "accounts"
_OF_A_LOGIN = (Kind.LOGIN.value, Kind.PREVIOUS.value)
_MOST_KEYS = 256  # a token has one octet for the number of its key


class _Relaying(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the mail of a login is relayed."""

    give_up_after: float | None = None
    priority: Priority = Priority.NORMAL


_read_relaying = msgspec.json.Decoder(_Relaying).decode
_read_names = msgspec.json.Decoder(tuple[str, ...]).decode
_read_bounces = msgspec.json.Decoder(Bounces).decode
_read_limits = msgspec.json.Decoder(Limits).decode
_read_previous = msgspec.json.Decoder(Previous | None).decode


def _revision(connection: Connection) -> int:
    wanted = select(revisions.c.number).where(revisions.c.ledger == _LEDGER)
    return int(connection.execute(wanted).scalar_one())


def _changed(connection: Connection) -> None:
    raised = update(revisions).where(revisions.c.ledger == _LEDGER).values(number=revisions.c.number + 1)
    connection.execute(raised)


def login_and_revision(connection: Connection, username: str) -> tuple[int, Login | None]:
    row = connection.execute(select(logins).where(logins.c.username == username)).one_or_none()
    return _revision(connection), None if row is None else _read(row)


def all_logins(connection: Connection) -> tuple[Login, ...]:
    return tuple(map(_read, connection.execute(select(logins).order_by(logins.c.username))))


def create(connection: Connection, batch: Sequence[Login]) -> list[None]:
    for one in batch:
        try:
            connection.execute(insert(logins).values(username=one.username, **_columns(one)))
        except IntegrityError as error:
            raise LoginExists(one.username) from error
    _changed(connection)
    return [None] * len(batch)


def replace(connection: Connection, batch: Sequence[tuple[Login, Login | None]]) -> list[None]:
    for one, was in batch:
        before = {} if was is None else _columns(was)
        meant = {
            name: value
            for name, value in _columns(one).items()
            if name not in before or value != before[name]
        }
        # Also when nothing is meant: that there is such a login.
        changed = (
            update(logins).where(logins.c.username == one.username).values(username=one.username, **meant)
        )
        if not connection.execute(changed).rowcount:
            raise NoSuchLogin(one.username)
    _changed(connection)
    return [None] * len(batch)


def remove(connection: Connection, batch: Sequence[str]) -> list[None]:
    for username in batch:
        if not connection.execute(delete(logins).where(logins.c.username == username)).rowcount:
            raise NoSuchLogin(username)
        connection.execute(delete(uses).where(uses.c.kind.in_(_OF_A_LOGIN), uses.c.name == username))
    _changed(connection)
    return [None] * len(batch)


def keys_and_revision(connection: Connection) -> tuple[int, tuple[TokenKey, ...]]:
    return _revision(connection), _keys(connection)


def _keys(connection: Connection) -> tuple[TokenKey, ...]:
    """Newest first."""
    rows = connection.execute(select(token_keys).order_by(token_keys.c.number.desc()))
    return tuple(TokenKey(row.number, row.secret, row.created_at) for row in rows)


Make = Callable[[int], TokenKey]  # makes the key with this number


def add_key(connection: Connection, batch: Sequence[Make]) -> list[TokenKey]:
    return [_add(connection, make) for make in batch]


def first_key(connection: Connection, batch: Sequence[Make]) -> list[tuple[TokenKey, ...]]:
    """The key ring; a key is made if, and only if, nobody else has made one meanwhile."""
    if not _keys(connection):
        _add(connection, batch[0])
    return [_keys(connection)] * len(batch)


def _add(connection: Connection, make: Make) -> TokenKey:
    ring = _keys(connection)
    number = ring[0].number + 1 if ring else 0
    if number == _MOST_KEYS:
        raise KeyRingFull(f"the key ring has all its {_MOST_KEYS} keys")
    key = make(number)
    connection.execute(
        insert(token_keys).values(number=key.number, secret=key.secret, created_at=key.created_at)
    )
    _changed(connection)
    return key


def sender_domains_and_revision(connection: Connection) -> tuple[int, tuple[SenderDomain, ...]]:
    keys: dict[str, list[SigningKey]] = {}
    for row in connection.execute(select(signing_keys).order_by(signing_keys.c.selector)):
        key = SigningKey(row.selector, Algorithm(row.algorithm), row.private_key, row.created_at)
        keys.setdefault(row.domain, []).append(key)
    hosts = {row.domain: tuple(row)[1:] for row in connection.execute(select(sender_hosts))}
    rows = connection.execute(select(sender_domains).order_by(sender_domains.c.name))
    found = tuple(
        SenderDomain(row.name, tuple(keys.get(row.name, ())), row.created_at, *hosts.get(row.name, ()))
        for row in rows
    )
    return _revision(connection), found


def create_sender_domain(connection: Connection, batch: Sequence[SenderDomain]) -> list[None]:
    for one in batch:
        try:
            connection.execute(insert(sender_domains).values(name=one.name, created_at=one.created_at))
        except IntegrityError as error:
            raise SenderDomainExists(one.name) from error
        for key in one.keys:
            connection.execute(
                insert(signing_keys).values(
                    domain=one.name,
                    selector=key.selector,
                    algorithm=key.algorithm.value,
                    private_key=key.private_key,
                    created_at=key.created_at,
                )
            )
        _write_hosts(connection, one)
    _changed(connection)
    return [None] * len(batch)


def replace_sender_domain(connection: Connection, batch: Sequence[SenderDomain]) -> list[None]:
    for one in batch:
        known = select(sender_domains.c.name).where(sender_domains.c.name == one.name)
        if connection.execute(known).one_or_none() is None:
            raise NoSuchSenderDomain(one.name)
        connection.execute(delete(sender_hosts).where(sender_hosts.c.domain == one.name))
        _write_hosts(connection, one)
    _changed(connection)
    return [None] * len(batch)


def _write_hosts(connection: Connection, one: SenderDomain) -> None:
    hosts = {"click_url": one.click_url, "open_url": one.open_url, "bounce_host": one.bounce_host}
    if any(hosts.values()):
        connection.execute(insert(sender_hosts).values(domain=one.name, **hosts))


def remove_sender_domain(connection: Connection, batch: Sequence[str]) -> list[None]:
    for name in batch:
        connection.execute(delete(signing_keys).where(signing_keys.c.domain == name))
        connection.execute(delete(sender_hosts).where(sender_hosts.c.domain == name))
        if not connection.execute(delete(sender_domains).where(sender_domains.c.name == name)).rowcount:
            raise NoSuchSenderDomain(name)
    _changed(connection)
    return [None] * len(batch)


def _columns(one: Login) -> dict[str, Any]:
    return {
        "password_hash": one.password_hash,
        "created_at": one.created_at,
        "enabled": one.enabled,
        "trusted_option_headers": one.trusted_option_headers,
        "note": one.note,
        "switches": msgspec.json.encode(one.switches.on()).decode(),
        "senders": msgspec.json.encode(one.senders).decode(),
        "relaying": msgspec.json.encode(_Relaying(one.give_up_after, one.priority)).decode(),
        "bounces": msgspec.json.encode(one.bounces).decode(),
        "tags": msgspec.json.encode(one.tags).decode(),
        "limits": msgspec.json.encode(one.limits).decode(),
        "previous": msgspec.json.encode(one.previous).decode(),
    }


def _read(row: Any) -> Login:
    on = _read_names(row.switches)
    relaying = _read_relaying(row.relaying)
    return Login(
        username=row.username,
        password_hash=row.password_hash,
        switches=Switches(**{name: name in on for name in Switches.names()}),
        created_at=row.created_at,
        senders=_read_names(row.senders),
        enabled=row.enabled,
        trusted_option_headers=row.trusted_option_headers,
        note=row.note,
        give_up_after=relaying.give_up_after,
        priority=relaying.priority,
        bounces=_read_bounces(row.bounces),
        tags=_read_names(row.tags),
        limits=_read_limits(row.limits),
        previous=_read_previous(row.previous),
    )
