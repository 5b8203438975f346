"""Who refuses tracking."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tracking_refusals",
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_tracking_refusals_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_tracking_refusals")),
        comment="customers of whom nothing is learned from how they read",
    )


def downgrade() -> None:
    op.drop_table("tracking_refusals")
