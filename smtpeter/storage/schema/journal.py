"""Events, and what makes them quick to find."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, Table, Text

from smtpeter.storage.schema.catalog import Identifier, metadata

events = Table(
    "events",
    metadata,
    Column("seq", Identifier, primary_key=True),
    Column("time", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("delivery", Identifier, nullable=False),
    Column("message", Identifier, nullable=False),
    Column("login", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("tags", Text, nullable=False),  # ";one;two;", or ""
    Column("data", Text, nullable=False),  # JSON: the columns of this kind alone
    sqlite_autoincrement=True,  # a cursor never points at another event later
)
Index("events_delivery", events.c.delivery)
Index("events_message", events.c.message)

# What makes events quick to find: made behind the writers' backs (see `search`), so that no message waits for it.
event_terms = Table(
    "event_terms",
    metadata,
    Column("term", Identifier, primary_key=True, autoincrement=False),  # a hash of what is searched for
    Column("seq", Identifier, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

event_hours = Table(
    "event_hours",
    metadata,
    Column("hour", Identifier, primary_key=True, autoincrement=False),  # Unix seconds at its beginning
    Column("kind", Text, primary_key=True),
    Column("first", Identifier, nullable=False),  # no event of this hour and kind has a lower seq
    Column("last", Identifier, nullable=False),  # nor a higher one
    Column("count", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# The same of the last two hours by minute, for plots; counts stay when their events are forgotten.
event_minutes = Table(
    "event_minutes",
    metadata,
    Column("minute", Identifier, primary_key=True, autoincrement=False),  # Unix seconds at its beginning
    Column("kind", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    sqlite_with_rowid=False,
)

marks = Table(
    "marks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seq", Identifier, nullable=False),  # how far in the journal somebody has come
)
