"""The hosts that a sender domain brings for its links, images and return paths; and which messages have edits pending."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0003"
branch_labels = None
depends_on = None


_IDENTIFIER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "sender_hosts",
        sa.Column("domain", sa.Text, sa.ForeignKey("sender_domains.name"), primary_key=True),
        sa.Column("click_url", sa.Text, nullable=False),
        sa.Column("open_url", sa.Text, nullable=False),
        sa.Column("bounce_host", sa.Text, nullable=False),
    )
    op.create_table(
        "pending",
        sa.Column(
            "message", _IDENTIFIER, sa.ForeignKey("messages.id"), primary_key=True, autoincrement=False
        ),
    )
