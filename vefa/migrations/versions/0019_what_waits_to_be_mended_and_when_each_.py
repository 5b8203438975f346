"""What waits to be mended, and when each source spoke."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "source_activity",
        sa.Column(
            "source", sa.Text(), nullable=False, comment="such as woocommerce order, sendgrid, events of web-shop"
        ),
        sa.Column("hour", sa.BigInteger(), nullable=False, comment="the hour's beginning, UTC"),
        sa.Column("count", sa.Integer(), nullable=False, comment="messages that came in it"),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "hour", name=op.f("pk_source_activity")),
        comment="how much came from each source, by the hour",
    )
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "waits_until",
                sa.BigInteger(),
                nullable=True,
                comment="something of ours must be mended first; it is tried again then",
            )
        )


def downgrade() -> None:
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_column("waits_until")

    op.drop_table("source_activity")
