"""Which messages have edits pending, and what became of them: statements inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from smtpeter.message.edit import Report, Template
from smtpeter.message.identifier import MessageId
from smtpeter.spool.model import Message
from smtpeter.storage import contents
from smtpeter.storage.records import pack
from smtpeter.storage.rows import Rows
from smtpeter.storage.schema.mail import messages, pending

_KEEP = Rows(insert(pending), pending.c.keys())
_IS_PENDING = select(pending.c.message).where(pending.c.message == bindparam("id"))


class Amendment(NamedTuple):
    """The edits of a message, made after it was accepted."""

    message: MessageId
    template: Template
    report: Report


def keep(connection: Connection, batch: Sequence[Message]) -> None:
    rows = [(one.id,) for one in batch if one.pending]
    if rows:
        _KEEP.execute(connection, rows)


def is_pending(connection: Connection, identifier: MessageId) -> bool:
    return connection.execute(_IS_PENDING, {"id": identifier}).one_or_none() is not None


def forget(connection: Connection, identifiers: Iterable[MessageId]) -> None:
    connection.execute(delete(pending).where(pending.c.message.in_(identifiers)))


def amend(connection: Connection, batch: Sequence[Amendment]) -> list[bool]:
    """Whoever comes first is right: his edits may have been delivered already."""
    return [_amend(connection, one) for one in batch]


def _amend(connection: Connection, one: Amendment) -> bool:
    if not connection.execute(delete(pending).where(pending.c.message == one.message)).rowcount:
        return False
    contents.amend(connection, one.message, one.template)
    connection.execute(update(messages).where(messages.c.id == one.message).values(report=pack(one.report)))
    return True
