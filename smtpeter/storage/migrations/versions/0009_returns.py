"""What came back, the suppression list, and what each login wants done about both."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_identifier = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "originals",
        sa.Column("number", _identifier, primary_key=True, autoincrement=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "suppressions",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("recipient", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.Column("delivery", _identifier),
    )
    op.create_index("suppressions_expiry", "suppressions", ["expires_at"])
    op.add_column("logins", sa.Column("bounces", sa.Text, nullable=False, server_default="{}"))
