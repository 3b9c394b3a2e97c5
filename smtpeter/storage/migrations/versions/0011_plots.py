"""What happened by the minute, for plots; and recipients of what is queued, found by their address."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_QUEUED = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "event_minutes",
        sa.Column(
            "minute",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.drop_index("deliveries_domain", "deliveries")
    op.create_index(
        "deliveries_domain",
        "deliveries",
        ["domain", "recipient"],
        sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    )
