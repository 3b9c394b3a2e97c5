"""Where events are posted to, and what waits apart."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, ForeignKey, Integer, LargeBinary, Table, Text

from smtpeter.storage.schema.catalog import Identifier, metadata

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("url", Text, nullable=False),
    Column("kinds", Text, nullable=False),  # JSON: an array
    Column("secret", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("login", Text, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("cursor", Identifier, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("problem", Text, nullable=False),
    Column("retry_at", Double, nullable=False),
    Column("taken_at", Double, nullable=False),
    sqlite_autoincrement=True,  # ids are in receivers' logs
)

webhook_aside = Table(
    "webhook_aside",
    metadata,
    Column("webhook", Integer, ForeignKey("webhooks.id"), primary_key=True, autoincrement=False),
    Column("event", Identifier, primary_key=True, autoincrement=False),
    Column("delivery", Identifier, nullable=False),
    Column("set_at", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Double),  # NULL once it is given up
    Column("problem", Text, nullable=False),
    sqlite_with_rowid=False,
)
