"""What is read from the spool, and what retention may take from it: statements inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, exists, func, select

from smtpeter.message.edit import Template
from smtpeter.message.identifier import DeliveryId, MessageId, earliest
from smtpeter.spool.model import Delivery, Message, QueueFilter
from smtpeter.spool.states import ALTERABLE, State, Step
from smtpeter.storage import contents, pending, search
from smtpeter.storage.records import UNREADABLE, read_message, show_delivery, unpack_details
from smtpeter.storage.schema.mail import contents as content_rows
from smtpeter.storage.schema.mail import deliveries, messages, queued
from smtpeter.storage.schema.work import site_domains

_MESSAGE = select(messages).where(messages.c.id == bindparam("wanted"))
_DELIVERY = select(deliveries).where(deliveries.c.id == bindparam("wanted"))


def message(connection: Connection, identifier: MessageId) -> Message | None:
    kept = contents.fetch(connection, identifier)
    return None if kept is None else _read(connection, identifier, *kept)


def outline(connection: Connection, identifier: MessageId) -> Message | None:
    return _read(connection, identifier, b"", Template((), contents.targets(connection, identifier)))


def _read(
    connection: Connection, identifier: MessageId, content: bytes, template: Template
) -> Message | None:
    """None also when it is there and cannot be read: to all who ask it is lost."""
    row = connection.execute(_MESSAGE, {"wanted": identifier}).one_or_none()
    if row is None:
        return None
    try:
        return read_message(row, content, template, pending=pending.is_pending(connection, identifier))
    except UNREADABLE:
        return None


def delivery(connection: Connection, identifier: DeliveryId) -> Delivery | None:
    row = connection.execute(_DELIVERY, {"wanted": identifier}).one_or_none()
    return None if row is None else show_delivery(row)


def target(connection: Connection, identifier: DeliveryId, number: int) -> str | None:
    row = connection.execute(_DELIVERY, {"wanted": identifier}).one_or_none()
    known = () if row is None else contents.targets(connection, row.message)
    return known[number].url if 0 <= number < len(known) else None


def far(connection: Connection, latest: float, limit: int) -> tuple[DeliveryId, ...]:
    """Those that wait for a time after `latest`."""
    query = select(deliveries.c.id).where(deliveries.c.state == State.DUE.value, queued)
    return tuple(connection.execute(query.where(deliveries.c.due_at > latest).limit(limit)).scalars())


def counts(connection: Connection) -> dict[str, int]:
    """How many deliveries are in each state that is not final."""
    counted = select(deliveries.c.state, func.count()).where(queued).group_by(deliveries.c.state)
    return {name: number for name, number in connection.execute(counted)}  # noqa: C416 - for the types


def found(connection: Connection, wanted: QueueFilter, limit: int) -> tuple[Delivery, ...]:
    """The oldest deliveries that are wanted."""
    return tuple(map(show_delivery, _rows(connection, wanted, (), limit)))


def alterable(
    connection: Connection, wanted: QueueFilter, step: Step, now: float, limit: int
) -> tuple[DeliveryId, ...]:
    """Those that `step` can be done to, and would change; raises KeyError when it is no operator's step."""
    conditions: list[ColumnElement[bool]] = [
        deliveries.c.state.in_([state.value for state in ALTERABLE[step]])
    ]
    if step is Step.RELEASE:
        conditions.append((deliveries.c.state != State.DUE.value) | (deliveries.c.due_at > now))
    return tuple(row.id for row in _rows(connection, wanted, conditions, limit))


def _rows(
    connection: Connection, wanted: QueueFilter, more: Sequence[ColumnElement[bool]], limit: int
) -> list[Any]:
    """The first rows, by their ids.

    What is asked of their messages, which lie elsewhere, is looked for in one portion after the other.
    """
    meant = select(deliveries).where(*_conditions(wanted), *more).order_by(deliveries.c.id)
    if wanted.login is None and wanted.sender is None:
        return list(connection.execute(meant.limit(limit)))
    whole = select(deliveries, messages.c.details).join(messages).order_by(deliveries.c.id)
    if wanted.login is not None:
        whole = whole.where(messages.c.login == wanted.login)
    found: list[Any] = []
    numbers = connection.execute(
        meant.with_only_columns(deliveries.c.id), execution_options={"yield_per": _READ}
    )
    for portion in numbers.scalars().partitions():
        rows = connection.execute(whole.where(deliveries.c.id.in_(portion)))
        found += [row for row in rows if wanted.sender is None or _is_from(row, wanted.sender)]
        if len(found) >= limit:
            break
    numbers.close()
    return found[:limit]


def _is_from(row: Any, sender: str) -> bool:
    try:
        return_path = unpack_details(row.details).envelope.return_path
    except UNREADABLE:
        return False
    return sender == ("" if return_path is None else str(return_path))


def _conditions(wanted: QueueFilter) -> Iterable[ColumnElement[bool]]:
    if wanted.delivery is not None:
        yield deliveries.c.id == wanted.delivery
    if wanted.message is not None:
        yield deliveries.c.message == wanted.message
    if wanted.domain is not None:
        yield deliveries.c.domain == wanted.domain.lower()
    if wanted.site is not None:
        theirs = select(site_domains.c.domain).where(site_domains.c.site == wanted.site)
        elsewhere = select(site_domains.c.domain).where(site_domains.c.site != wanted.site)
        alone = (deliveries.c.domain == wanted.site) & deliveries.c.domain.not_in(elsewhere)
        yield deliveries.c.domain.in_(theirs) | alone
    if wanted.accepted_before is not None:
        yield deliveries.c.accepted_at < wanted.accepted_before
    if wanted.recipient is not None:
        # With its domain, so that the index leads to what is queued for it; "" is that of an address without one.
        yield deliveries.c.domain.in_((wanted.recipient.rpartition("@")[2].lower(), ""))
        yield deliveries.c.recipient == wanted.recipient
    if wanted.after is not None:
        yield deliveries.c.id > wanted.after
    if wanted.states is not None:
        yield deliveries.c.state.in_([state.value for state in wanted.states])
        if not any(state.is_final for state in wanted.states):
            yield queued


_READ = 500  # rows at a time
_DONE = ~exists().where(deliveries.c.message == messages.c.id, queued)


Sizes = list[tuple[MessageId, int]]  # messages and the octets of their content


def with_old_content(connection: Connection, before: float, limit: int) -> Sizes:
    """Those whose content is still kept: searched for among contents, so that what is gone costs nothing."""
    query = _old(content_rows.c.message, before, limit).join_from(
        content_rows, messages, content_rows.c.message == messages.c.id
    )
    return [(row.id, row.size) for row in connection.execute(query)]


def old_messages(connection: Connection, before: float, limit: int) -> Sizes:
    return [(row.id, row.size) for row in connection.execute(_old(messages.c.id, before, limit))]


def _old(identifier: ColumnElement[int], before: float, limit: int) -> Select[tuple[MessageId, int]]:
    """The oldest messages accepted before that of which nothing is queued, and their sizes.

    Identifiers grow with time, so the search is over where those of `before` begin.
    """
    return (
        select(messages.c.id, messages.c.size)
        .where(identifier < earliest(before), messages.c.accepted_at < before, _DONE)
        .order_by(identifier)
        .limit(limit)
    )


def forget_content(connection: Connection, batch: Sequence[Sequence[MessageId]]) -> list[int]:
    return [contents.forget(connection, identifiers) for identifiers in batch]


def forget_messages(connection: Connection, batch: Sequence[Sequence[MessageId]]) -> list[int]:
    forgotten = []
    for identifiers in batch:
        search.forget_messages(connection, identifiers)
        contents.forget(connection, identifiers)
        contents.forget_links(connection, identifiers)
        pending.forget(connection, identifiers)
        connection.execute(delete(deliveries).where(deliveries.c.message.in_(identifiers)))
        gone = connection.execute(delete(messages).where(messages.c.id.in_(identifiers)))
        forgotten.append(gone.rowcount)
    return forgotten
