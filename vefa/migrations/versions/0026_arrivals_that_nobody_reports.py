"""Arrivals that nobody reports."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index(
            "ix_deliveries_on_the_way",
            ["shipped_at"],
            unique=False,
            sqlite_where=sa.text("shipped_at IS NOT NULL AND delivered_at IS NULL"),
            postgresql_where=sa.text("shipped_at IS NOT NULL AND delivered_at IS NULL"),
        )

    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "assumed_delivered_at",
                sa.BigInteger(),
                nullable=True,
                comment="an arrival that nobody reported; what is told later differs",
            )
        )
        batch_op.create_index(
            "ix_orders_on_the_way",
            ["shipped_at"],
            unique=False,
            sqlite_where=sa.text("shipped_at IS NOT NULL AND delivered_at IS NULL"),
            postgresql_where=sa.text("shipped_at IS NOT NULL AND delivered_at IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_orders_on_the_way",
            sqlite_where=sa.text("shipped_at IS NOT NULL AND delivered_at IS NULL"),
            postgresql_where=sa.text("shipped_at IS NOT NULL AND delivered_at IS NULL"),
        )
        batch_op.drop_column("assumed_delivered_at")

    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_deliveries_on_the_way",
            sqlite_where=sa.text("shipped_at IS NOT NULL AND delivered_at IS NULL"),
            postgresql_where=sa.text("shipped_at IS NOT NULL AND delivered_at IS NULL"),
        )
