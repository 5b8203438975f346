"""Reports of moments, refunds, and what is withdrawn."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "moment_reports",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="order | delivery | customer"),
        sa.Column("outside_id", sa.Text(), nullable=False),
        sa.Column("moment", sa.Text(), nullable=False, comment="placed | shipped | delivered | cancelled | created"),
        sa.Column("updated_at", sa.BigInteger(), nullable=False, comment="of the snapshot that reports it"),
        sa.Column("rank", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True, comment="null: it has not happened"),
        sa.PrimaryKeyConstraint(
            "source", "kind", "outside_id", "moment", "updated_at", "rank", name=op.f("pk_moment_reports")
        ),
        comment=(
            "what each snapshot of a shop system reports of a moment, append-only; the value follows from all of them"
        ),
    )
    op.create_table(
        "refunds",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("outside_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True, comment="null: nothing has been paid back yet"),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column(
            "goods_back", sa.Boolean(), server_default=sa.false(), nullable=False, comment="goods came back with it"
        ),
        sa.Column("refunded_at", sa.BigInteger(), nullable=True),
        sa.Column("refunded_known_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_refunds_customer_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_refunds_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("source", "outside_id", name=op.f("uq_refunds_source_outside_id")),
        comment="money that went back, one payment a row; goods that come back are returns",
    )
    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.create_index("ix_refunds_customer_id", ["customer_id"], unique=False)
        batch_op.create_index("ix_refunds_order_id", ["order_id", "refunded_known_at"], unique=False)

    with op.batch_alter_table("deliveries", schema=None, recreate="never") as batch_op:
        batch_op.add_column(
            sa.Column("cancelled_at", sa.BigInteger(), nullable=True, comment="it is no parcel after all")
        )
        batch_op.add_column(
            sa.Column(
                "assumed", sa.Boolean(), server_default=sa.false(), nullable=False, comment="no carrier has reported it"
            )
        )

    with op.batch_alter_table("orders", schema=None, recreate="never") as batch_op:
        batch_op.add_column(
            sa.Column(
                "withdrawn",
                sa.Text(),
                nullable=True,
                comment="why it is no order after all: trashed, deleted, voided, test, unpaid",
            )
        )

    with op.batch_alter_table("told_last", schema=None, recreate="never") as batch_op:
        batch_op.add_column(
            sa.Column(
                "rank",
                sa.SmallInteger(),
                server_default="0",
                nullable=False,
                comment="its state's rank: decides at equal said_at",
            )
        )
        batch_op.add_column(
            sa.Column(
                "digest", sa.Text(), server_default="", nullable=False, comment="of its content: decides at equal rank"
            )
        )
        batch_op.add_column(
            sa.Column(
                "withdrawn",
                sa.Text(),
                nullable=True,
                comment="why the object does not count: trashed, deleted, voided, test, cancelled",
            )
        )


def downgrade() -> None:
    with op.batch_alter_table("told_last", schema=None) as batch_op:
        batch_op.drop_column("withdrawn")
        batch_op.drop_column("digest")
        batch_op.drop_column("rank")

    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_column("withdrawn")

    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_column("assumed")
        batch_op.drop_column("cancelled_at")

    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.drop_index("ix_refunds_order_id")
        batch_op.drop_index("ix_refunds_customer_id")

    op.drop_table("refunds")
    op.drop_table("moment_reports")
