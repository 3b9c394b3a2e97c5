"""What events of the tracking host say of deliveries: four questions for a whole group of visits, and one journey."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from smtpeter.message.identifier import DeliveryId, MessageId
from smtpeter.spool.model import Visited
from smtpeter.storage.records import UNREADABLE, unpack_details, unpack_targets
from smtpeter.storage.schema.journal import events
from smtpeter.storage.schema.mail import deliveries, links, messages


def visited(connection: Connection, wanted: Sequence[DeliveryId]) -> dict[DeliveryId, Visited]:
    """Those that are still known; a message that is no more, or cannot be read, leaves its fields empty."""
    chosen = select(deliveries.c.id, deliveries.c.message, deliveries.c.recipient)
    rows = connection.execute(chosen.where(deliveries.c.id.in_(wanted))).all()
    numbers = {MessageId(row.message) for row in rows}
    details = _details(connection, numbers)
    targets = _targets(connection, numbers)
    delivered = _delivered(connection, wanted)
    found = {}
    for row in rows:
        login, tags = details.get(row.message, ("", ()))
        found[DeliveryId(row.id)] = Visited(
            MessageId(row.message),
            login,
            row.recipient,
            tags,
            targets.get(row.message, ()),
            delivered.get(row.id),
        )
    return found


def _details(connection: Connection, numbers: set[MessageId]) -> dict[int, tuple[str, tuple[str, ...]]]:
    """Login and tags."""
    wanted = select(messages.c.id, messages.c.login, messages.c.details).where(messages.c.id.in_(numbers))
    known = {}
    for row in connection.execute(wanted):
        try:
            known[row.id] = row.login, unpack_details(row.details).tags
        except UNREADABLE:
            continue
    return known


def _targets(connection: Connection, numbers: set[MessageId]) -> dict[int, tuple[str, ...]]:
    wanted = select(links.c.message, links.c.targets).where(links.c.message.in_(numbers))
    known = {}
    for row in connection.execute(wanted):
        try:
            known[row.message] = tuple(target.url for target in unpack_targets(row.targets))
        except UNREADABLE:
            continue
    return known


def _delivered(connection: Connection, wanted: Sequence[DeliveryId]) -> dict[int, float]:
    """When the next hop took it."""
    taken = select(events.c.delivery, func.min(events.c.time)).where(
        events.c.delivery.in_(wanted), events.c.kind == "delivery"
    )
    return {number: when for number, when in connection.execute(taken.group_by(events.c.delivery))}  # noqa: C416 - for the types
