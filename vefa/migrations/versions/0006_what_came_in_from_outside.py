"""What came in from outside."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="who takes it: sendgrid, twilio, woocommerce, shopify, …"),
        sa.Column(
            "about", sa.JSON(), nullable=False, comment="what came beside the body and is needed: a topic, an id"
        ),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="as it came, its signature proved"),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=True, comment="null: not yet"),
        sa.Column(
            "problem", sa.Text(), nullable=True, comment="why it could not be taken; it stays for somebody to look at"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        comment="what providers and shops sent, written down before they got their 2xx",
    )
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.create_index("ix_inbox_taken_at", ["taken_at"], unique=False)
        batch_op.create_index(
            "ix_inbox_waiting",
            ["id"],
            unique=False,
            sqlite_where=sa.text("taken_at IS NULL"),
            postgresql_where=sa.text("taken_at IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_inbox_waiting", sqlite_where=sa.text("taken_at IS NULL"), postgresql_where=sa.text("taken_at IS NULL")
        )
        batch_op.drop_index("ix_inbox_taken_at")

    op.drop_table("inbox")
