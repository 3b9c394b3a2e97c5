"""What messages say, as rows: the narrow interface behind which content could move elsewhere.

Everything here runs inside a transaction of the spool's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from smtpeter.message.edit import Target, Template
from smtpeter.message.identifier import MessageId
from smtpeter.spool.model import Message
from smtpeter.storage.records import UNREADABLE, pack, unpack_targets, unpack_template
from smtpeter.storage.rows import Rows
from smtpeter.storage.schema.mail import contents, links

_KEEP = Rows(insert(contents), contents.c.keys())
_KEEP_LINKS = Rows(insert(links), links.c.keys())
_FETCH = select(contents.c.content, contents.c.template).where(contents.c.message == bindparam("id"))
_TARGETS = select(links.c.targets).where(links.c.message == bindparam("id"))


def keep(connection: Connection, messages: Sequence[Message]) -> None:
    _KEEP.execute(connection, [(m.id, pack(Template(m.template.pieces)), m.content) for m in messages])
    linked = [(m.id, pack(m.template.targets)) for m in messages if m.template.targets]
    if linked:
        _KEEP_LINKS.execute(connection, linked)


def amend(connection: Connection, identifier: MessageId, template: Template) -> None:
    """Another template, for a message that had no links yet."""
    packed = pack(Template(template.pieces))
    connection.execute(update(contents).where(contents.c.message == identifier).values(template=packed))
    if template.targets:
        _KEEP_LINKS.execute(connection, [(identifier, pack(template.targets))])


def fetch(connection: Connection, identifier: MessageId) -> tuple[bytes, Template] | None:
    """Content and template, while both are kept, and can be read."""
    row = connection.execute(_FETCH, {"id": identifier}).one_or_none()
    if row is None:
        return None
    try:
        pieces = unpack_template(row.template).pieces
    except UNREADABLE:
        return None
    return row.content, Template(pieces, targets(connection, identifier))


def targets(connection: Connection, identifier: MessageId) -> tuple[Target, ...]:
    """What the message's links and images lead to; () once that is forgotten, or cannot be read."""
    packed = connection.execute(_TARGETS, {"id": identifier}).scalar_one_or_none()
    try:
        return () if packed is None else unpack_targets(packed)
    except UNREADABLE:
        return ()


def forget(connection: Connection, identifiers: Iterable[MessageId]) -> int:
    """Forget content and template, not the links; how many were there."""
    return connection.execute(delete(contents).where(contents.c.message.in_(identifiers))).rowcount


def forget_links(connection: Connection, identifiers: Iterable[MessageId]) -> None:
    connection.execute(delete(links).where(links.c.message.in_(identifiers)))
