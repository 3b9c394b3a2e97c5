"""Deliveries that a claim has left for later lie aside, by domain, so that nobody needs to step over them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("aside", sa.Text, nullable=False, server_default=sa.text("''")))
    op.drop_index("deliveries_queue", "deliveries")
    queued = sa.text("due_at IS NOT NULL")
    op.create_index(
        "deliveries_queue",
        "deliveries",
        ["state", "aside", "due_at"],
        sqlite_where=queued,
        postgresql_where=queued,
    )
