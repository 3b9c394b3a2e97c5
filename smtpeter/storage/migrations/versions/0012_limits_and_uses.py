"""Limits, tags and the previous password of a login, when logins and tokens were used, and operators who are disabled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("logins", sa.Column("tags", sa.Text, nullable=False, server_default=sa.text("'[]'")))
    op.add_column("logins", sa.Column("limits", sa.Text, nullable=False, server_default=sa.text("'{}'")))
    op.add_column("logins", sa.Column("previous", sa.Text, nullable=False, server_default=sa.text("'null'")))
    op.add_column("operators", sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()))
    op.add_column(
        "operators", sa.Column("must_change", sa.Boolean, nullable=False, server_default=sa.false())
    )
    identifier = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "allowances",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", identifier, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("over_at", identifier, nullable=False),
    )
    op.create_index("allowances_over_at", "allowances", ["over_at"])
    op.create_table(
        "uses",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
    )
