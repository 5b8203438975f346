"""Pace."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "paces",
        sa.Column("key", sa.Text(), nullable=False, comment="a channel, or a medium and its sender: sms:ORNEK"),
        sa.Column(
            "filled_at", sa.BigInteger(), nullable=False, comment="wall clock: the latest that any worker has told"
        ),
        sa.Column("millionths", sa.BigInteger(), nullable=False, comment="of a message: what may go at once"),
        sa.Column("held_until", sa.BigInteger(), nullable=True, comment="wall clock: the provider asked for quiet"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_paces")),
        comment="how fast messages may go, for all workers together",
    )


def downgrade() -> None:
    op.drop_table("paces")
