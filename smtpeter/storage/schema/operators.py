"""Who uses the dashboard, and what he changed."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, LargeBinary, Table, Text, false, true

from smtpeter.storage.schema.catalog import Identifier, metadata

operators = Table(
    "operators",
    metadata,
    Column("name", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("one_time", LargeBinary, nullable=False),  # the key of the one-time codes; empty: none
    Column("spent", Identifier, nullable=False),  # the step of the last one-time code that was used
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("must_change", Boolean, nullable=False, server_default=false()),  # the password, before all else
)

operator_sessions = Table(
    "operator_sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("operator", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
)

operator_changes = Table(
    "operator_changes",
    metadata,
    Column("id", Identifier, primary_key=True),
    Column("time", Double, nullable=False),
    Column("operator", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("client", Text, nullable=False),
)
