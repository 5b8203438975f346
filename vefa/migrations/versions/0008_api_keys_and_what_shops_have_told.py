"""API keys, and what shops have told."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="whose ids its orders and events have"),
        sa.Column("hash", sa.Text(), nullable=False, comment="SHA-256 of the key, in hex"),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True, comment="to the minute"),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True, comment="null: it opens"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_keys_hash")),
        sa.UniqueConstraint("name", name=op.f("uq_api_keys_name")),
        comment="who may send events; the keys themselves are nowhere",
    )
    op.create_table(
        "told_early",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("order_key", sa.Text(), nullable=False, comment="the order that it waits for"),
        sa.Column("kind", sa.Text(), nullable=False, comment="as in the inbox, to which it goes back"),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_told_early")),
        comment="webhooks about an order that came before the order",
    )
    with op.batch_alter_table("told_early", schema=None) as batch_op:
        batch_op.create_index("ix_told_early_order_key", ["source", "order_key"], unique=False)

    op.create_table(
        "told_last",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="order | customer | delivery | return"),
        sa.Column("outside_id", sa.Text(), nullable=False),
        sa.Column(
            "said_at",
            sa.BigInteger(),
            nullable=False,
            comment="the shop's own time of it: older words change nothing back",
        ),
        sa.Column("partial", sa.Boolean(), nullable=True, comment="of an order: more parcels are to come"),
        sa.PrimaryKeyConstraint("source", "kind", "outside_id", name=op.f("pk_told_last")),
        comment="when a shop's webhooks last said something of an object: they may come in any order",
    )


def downgrade() -> None:
    op.drop_table("told_last")
    with op.batch_alter_table("told_early", schema=None) as batch_op:
        batch_op.drop_index("ix_told_early_order_key")

    op.drop_table("told_early")
    op.drop_table("api_keys")
