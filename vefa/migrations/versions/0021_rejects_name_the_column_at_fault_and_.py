"""Rejects name the column at fault and the key that would mend it."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("rejects", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("target", sa.Text(), nullable=True, comment="what it would have filled: orders, contacts …")
        )
        batch_op.add_column(
            sa.Column("field", sa.Text(), nullable=True, comment="the target's column whose value is wrong")
        )
        batch_op.add_column(
            sa.Column(
                "hint", sa.Text(), nullable=True, comment="the key of the map that would mend it; never holds a value"
            )
        )


def downgrade() -> None:
    with op.batch_alter_table("rejects", schema=None) as batch_op:
        batch_op.drop_column("hint")
        batch_op.drop_column("field")
        batch_op.drop_column("target")
