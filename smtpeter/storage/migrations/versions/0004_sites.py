"""Quotas of what is limited, and what is known of sites."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0009"
branch_labels = None
depends_on = None

_identifier = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "quotas",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("worker", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("held", sa.Integer, nullable=False),
        sa.Column("wanted", sa.Integer, nullable=False),
    )
    op.create_table(
        "site_states",
        sa.Column("site", sa.Text, primary_key=True),
        sa.Column("worker", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("until", sa.Double),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("running", sa.Integer, nullable=False),
        sa.Column("at_once", sa.Integer, nullable=False),
        sa.Column("waiting", sa.Integer, nullable=False),
    )
    op.create_table(
        "site_domains",
        sa.Column("domain", sa.Text, primary_key=True),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
    )
    op.create_table(
        "site_lifts",
        sa.Column("seq", _identifier, primary_key=True),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("lifted_at", sa.Double, nullable=False),
        sqlite_autoincrement=True,
    )
    op.add_column("logins", sa.Column("relaying", sa.Text, nullable=False, server_default=sa.text("'{}'")))
