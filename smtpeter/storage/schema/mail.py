"""Messages, their deliveries, and what came back for them."""

from __future__ import annotations

from sqlalchemy import Column, Double, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from smtpeter.storage.schema.catalog import Identifier, metadata

messages = Table(
    "messages",
    metadata,
    Column("id", Identifier, primary_key=True, autoincrement=False),
    Column("login", Text, nullable=False),
    Column("accepted_at", Double, nullable=False),
    Column("size", Integer, nullable=False),  # octets of the content
    Column("details", LargeBinary, nullable=False),  # records.Details
    Column("report", LargeBinary, nullable=False),
)

contents = Table(
    "contents",
    metadata,
    Column("message", Identifier, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("template", LargeBinary, nullable=False),  # pieces only: its targets are kept longer, as links
    Column("content", LargeBinary, nullable=False),  # last, so that nothing lies behind a long value
)

links = Table(
    "links",
    metadata,
    Column("message", Identifier, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("targets", LargeBinary, nullable=False),
)

pending = Table(  # the messages whose edits are
    "pending",
    metadata,
    Column("message", Identifier, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Identifier, primary_key=True, autoincrement=False),
    Column("message", Identifier, ForeignKey("messages.id"), nullable=False),
    Column("recipient", Text, nullable=False),  # the address
    Column("domain", Text, nullable=False),  # its domain in lower case
    Column("parameters", LargeBinary, nullable=False),  # envelope.Recipient, whole
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Double),  # NULL once the state is final: then the row leaves the queue's index
    Column("warned_at", Double),
    Column("last", LargeBinary),  # status.Outcome
    Column("accepted_at", Double, nullable=False),
    Column("epoch", Integer, nullable=False),  # grows with each change of state
    Column("worker", Integer),  # who has claimed it
    Column(
        "aside", Text, nullable=False, server_default=text("''")
    ),  # its domain, while a claim has left it for later
)
Index("deliveries_message", deliveries.c.message)
# What waits, is held or is being worked on, and nothing else: a claim costs the same whatever lies in the table.
queued = deliveries.c.due_at.is_not(None)
Index(
    "deliveries_queue",
    deliveries.c.state,
    deliveries.c.aside,
    deliveries.c.due_at,
    sqlite_where=queued,
    postgresql_where=queued,
)
# For operators: in a backlog of a million it finds those to one dead domain, or one recipient, without reading the rest.
Index(
    "deliveries_domain",
    deliveries.c.domain,
    deliveries.c.recipient,
    sqlite_where=queued,
    postgresql_where=queued,
)

repeats = Table(
    "repeats",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("message", Identifier, nullable=False),  # which may not, or no longer, be there
    Column("asked_at", Double, nullable=False),
)
Index("repeats_asked_at", repeats.c.asked_at)

originals = Table(
    "originals",
    metadata,
    Column("number", Identifier, primary_key=True, autoincrement=False),
    Column("time", Double, nullable=False),
    Column("content", LargeBinary, nullable=False),  # what came back, as it came
)

comebacks = Table(
    "comebacks",
    metadata,
    Column("delivery", Identifier, primary_key=True, autoincrement=False),
    Column("since", Double, nullable=False),  # when the first came
    Column("number", Integer, nullable=False),  # of messages that came back to it and were kept
)
Index("comebacks_since", comebacks.c.since)
