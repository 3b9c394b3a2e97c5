"""Since when a domain's MTA-STS policy is known: what was used on one day only is the first to be forgotten."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("mta_sts_policies", sa.Column("known_since", sa.Double, nullable=False, server_default="0"))
