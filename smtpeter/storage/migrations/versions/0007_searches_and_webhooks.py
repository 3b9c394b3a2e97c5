"""What makes the journal quick to search, and webhooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_IDENTIFIER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "event_terms",
        sa.Column("term", _IDENTIFIER, primary_key=True, autoincrement=False),
        sa.Column("seq", _IDENTIFIER, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event_hours",
        sa.Column("hour", _IDENTIFIER, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("first", _IDENTIFIER, nullable=False),
        sa.Column("last", _IDENTIFIER, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    marks = op.create_table(
        "marks",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("seq", _IDENTIFIER, nullable=False),
    )
    op.bulk_insert(marks, [{"name": "digested", "seq": 0}])
    op.drop_index("events_login", "events")
    _webhooks()


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("kinds", sa.Text, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("encoding", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("cursor", _IDENTIFIER, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("retry_at", sa.Double, nullable=False),
        sa.Column("taken_at", sa.Double, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "webhook_aside",
        sa.Column("webhook", sa.Integer, sa.ForeignKey("webhooks.id"), primary_key=True, autoincrement=False),
        sa.Column("event", _IDENTIFIER, primary_key=True, autoincrement=False),
        sa.Column("delivery", _IDENTIFIER, nullable=False),
        sa.Column("set_at", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.Double),
        sa.Column("problem", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "duties",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("worker", sa.Integer, nullable=False),
    )
