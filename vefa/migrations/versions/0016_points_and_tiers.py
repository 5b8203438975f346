"""Points and tiers."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "points_settled",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "programme", sa.Text(), nullable=False, comment="hash of the rules that everybody was last looked at by"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_settled")),
        comment="one row",
    )
    op.create_table(
        "points_due",
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="when their points must be looked at next; 1970: now"),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_points_due_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_points_due")),
        comment="whose points change: written in the transaction that changes their orders, returns or spendings",
    )
    with op.batch_alter_table("points_due", schema=None) as batch_op:
        batch_op.create_index("ix_points_due_at", ["at"], unique=False)

    op.create_table(
        "tier_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=True, comment="null: none any more"),
        sa.Column("before", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_tier_changes_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tier_changes")),
        sa.UniqueConstraint("customer_id", "since", name=op.f("uq_tier_changes_customer_id_since")),
        comment="append-only: the latest one counts",
    )
    op.create_table(
        "point_redemptions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("outside_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="what they were spent on",
        ),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("redeemed_at", sa.BigInteger(), nullable=False),
        sa.Column("redeemed_known_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_point_redemptions_customer_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_point_redemptions_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point_redemptions")),
        sa.UniqueConstraint("source", "outside_id", name=op.f("uq_point_redemptions_source_outside_id")),
        comment="points that customers have spent, as the shop tells it",
    )
    with op.batch_alter_table("point_redemptions", schema=None) as batch_op:
        batch_op.create_index("ix_point_redemptions_customer_id", ["customer_id"], unique=False)
        batch_op.create_index("ix_point_redemptions_order_id", ["order_id"], unique=False)

    op.create_table(
        "point_moves",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="what it is for: nothing is posted twice"),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("debit", sa.Text(), nullable=False, comment="the account that gives"),
        sa.Column("credit", sa.Text(), nullable=False, comment="the account that gets"),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="earn | grant | redeem | take_back | give_back | expire | correct",
        ),
        sa.Column(
            "rule", sa.Text(), nullable=True, comment="order, first-order, a rule of config/loyalty.yaml, or a step"
        ),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="from when on it counts"),
        sa.Column(
            "earned_at",
            sa.BigInteger(),
            nullable=True,
            comment="of what was issued: when it was earned, also for what is taken back of it",
        ),
        sa.Column(
            "runs_out_at",
            sa.BigInteger(),
            nullable=True,
            comment="of a lot: the last moment at which it can be spent; null: never",
        ),
        sa.Column("posted_at", sa.BigInteger(), nullable=False, comment="when it was written down"),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "basis", sa.BigInteger(), nullable=True, comment="worth of the order that the points were first counted by"
        ),
        sa.Column("redemption_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("enrolment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("step", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True, comment="of a correction"),
        sa.CheckConstraint("debit <> credit AND 'customer' IN (debit, credit)", name="ck_point_moves_accounts"),
        sa.CheckConstraint("points > 0", name="ck_point_moves_points"),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_point_moves_customer_id")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolments.id"], name=op.f("fk_point_moves_enrolment_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_point_moves_order_id")),
        sa.ForeignKeyConstraint(["redemption_id"], ["point_redemptions.id"], name=op.f("fk_point_moves_redemption_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point_moves")),
        sa.UniqueConstraint("key", name=op.f("uq_point_moves_key")),
        comment="append-only: points between a customer's account and the shop's",
    )
    with op.batch_alter_table("point_moves", schema=None) as batch_op:
        batch_op.create_index("ix_point_moves_customer_id_at", ["customer_id", "at", "credit", "points"], unique=False)
        batch_op.create_index("ix_point_moves_enrolment_id", ["enrolment_id"], unique=False)
        batch_op.create_index("ix_point_moves_order_id", ["order_id"], unique=False)
        batch_op.create_index("ix_point_moves_redemption_id", ["redemption_id"], unique=False)

    op.create_table(
        "point_uses",
        sa.Column("spend_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lot_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("points > 0", name="ck_point_uses_points"),
        sa.ForeignKeyConstraint(["lot_id"], ["point_moves.id"], name=op.f("fk_point_uses_lot_id")),
        sa.ForeignKeyConstraint(["spend_id"], ["point_moves.id"], name=op.f("fk_point_uses_spend_id")),
        sa.PrimaryKeyConstraint("spend_id", "lot_id", name=op.f("pk_point_uses")),
        comment="append-only: which lots a move away from the customer has used up",
    )
    with op.batch_alter_table("point_uses", schema=None) as batch_op:
        batch_op.create_index("ix_point_uses_lot_id", ["lot_id", "at", "points"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("point_uses", schema=None) as batch_op:
        batch_op.drop_index("ix_point_uses_lot_id")

    op.drop_table("point_uses")
    with op.batch_alter_table("point_moves", schema=None) as batch_op:
        batch_op.drop_index("ix_point_moves_redemption_id")
        batch_op.drop_index("ix_point_moves_order_id")
        batch_op.drop_index("ix_point_moves_enrolment_id")
        batch_op.drop_index("ix_point_moves_customer_id_at")

    op.drop_table("point_moves")
    with op.batch_alter_table("point_redemptions", schema=None) as batch_op:
        batch_op.drop_index("ix_point_redemptions_order_id")
        batch_op.drop_index("ix_point_redemptions_customer_id")

    op.drop_table("point_redemptions")
    op.drop_table("tier_changes")
    with op.batch_alter_table("points_due", schema=None) as batch_op:
        batch_op.drop_index("ix_points_due_at")

    op.drop_table("points_due")
    op.drop_table("points_settled")
