"""Spool, journal and accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_identifier = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_spool()
    _create_journal()
    _create_accounts()


def _create_spool() -> None:
    op.create_table(
        "messages",
        sa.Column("id", _identifier, primary_key=True, autoincrement=False),
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("accepted_at", sa.Double, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("details", sa.LargeBinary, nullable=False),
        sa.Column("report", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "contents",
        sa.Column(
            "message", _identifier, sa.ForeignKey("messages.id"), primary_key=True, autoincrement=False
        ),
        sa.Column("template", sa.LargeBinary, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "links",
        sa.Column(
            "message", _identifier, sa.ForeignKey("messages.id"), primary_key=True, autoincrement=False
        ),
        sa.Column("targets", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", _identifier, primary_key=True, autoincrement=False),
        sa.Column("message", _identifier, sa.ForeignKey("messages.id"), nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("parameters", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.Double),
        sa.Column("warned_at", sa.Double),
        sa.Column("last", sa.LargeBinary),
        sa.Column("accepted_at", sa.Double, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("worker", sa.Integer),
    )
    op.create_index("deliveries_message", "deliveries", ["message"])
    queued = sa.text("due_at IS NOT NULL")
    op.create_index(
        "deliveries_queue", "deliveries", ["state", "due_at"], sqlite_where=queued, postgresql_where=queued
    )
    op.create_index(
        "deliveries_domain", "deliveries", ["domain"], sqlite_where=queued, postgresql_where=queued
    )
    op.create_table(
        "workers",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("seen_at", sa.Double, nullable=False),
        sqlite_autoincrement=True,
    )


def _create_journal() -> None:
    op.create_table(
        "events",
        sa.Column("seq", _identifier, primary_key=True),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("delivery", _identifier, nullable=False),
        sa.Column("message", _identifier, nullable=False),
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("events_delivery", "events", ["delivery"])
    op.create_index("events_message", "events", ["message"])
    op.create_index("events_login", "events", ["login", "seq"])


def _create_accounts() -> None:
    op.create_table(
        "logins",
        sa.Column("username", sa.Text, primary_key=True),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("trusted_option_headers", sa.Boolean, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("switches", sa.Text, nullable=False),
        sa.Column("senders", sa.Text, nullable=False),
    )
    op.create_table(
        "token_keys",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
    )
    revisions = op.create_table(
        "revisions",
        sa.Column("ledger", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
    )
    op.bulk_insert(revisions, [{"ledger": "accounts", "number": 1}])
