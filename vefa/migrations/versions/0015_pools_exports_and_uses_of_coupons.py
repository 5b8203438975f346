"""Pools, exports and uses of coupons."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "coupon_exports",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("way", sa.Text(), nullable=False, comment="file | push"),
        sa.Column("target", sa.Text(), nullable=False, comment="the file's name, or the host"),
        sa.Column("codes", sa.Integer(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True, comment="the checkout has them; null: not surely yet"),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=True, comment="nobody else tries before (wall clock)"),
        sa.Column("problem", sa.Text(), nullable=True, comment="why it was not taken at the last attempt"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupon_exports")),
        comment="codes made by vefa, handed to the checkout: a file or a request a row",
    )
    with op.batch_alter_table("coupon_exports", schema=None) as batch_op:
        batch_op.create_index(
            "ix_coupon_exports_open",
            ["id"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "coupon_pools",
        sa.Column("name", sa.Text(), nullable=False, comment="as in config/coupons.yaml"),
        sa.Column("stock", sa.Integer(), nullable=False, comment="free codes after the last import"),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_coupon_pools")),
    )
    op.create_table(
        "pool_codes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False, comment="as the checkout writes it"),
        sa.Column("code_key", sa.Text(), nullable=False, comment="without spaces and in capitals"),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=True, comment="given to a customer: the coupon names this row"),
        sa.Column(
            "aside_at",
            sa.BigInteger(),
            nullable=True,
            comment="not to be given: used by somebody already, or free when a backup came back",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pool_codes")),
        sa.UniqueConstraint("code_key", name=op.f("uq_pool_codes_code_key")),
        comment="codes that the shop's checkout has made",
    )
    with op.batch_alter_table("pool_codes", schema=None) as batch_op:
        batch_op.create_index(
            "ix_pool_codes_free",
            ["pool", "id"],
            unique=False,
            sqlite_where=sa.text("taken_at IS NULL AND aside_at IS NULL"),
            postgresql_where=sa.text("taken_at IS NULL AND aside_at IS NULL"),
        )
        batch_op.create_index("ix_pool_codes_pool", ["pool"], unique=False)

    op.create_table(
        "pool_shortages",
        sa.Column("journey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="empty | wave | low"),
        sa.Column(
            "codes", sa.Integer(), nullable=False, comment="empty, wave: so many are missing; low: so many are left"
        ),
        sa.Column(
            "step",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="empty: the step at which they stand",
        ),
        sa.Column("wave_at", sa.BigInteger(), nullable=True, comment="wave: the moment of its first people"),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="since when"),
        sa.Column(
            "told_at",
            sa.BigInteger(),
            nullable=True,
            comment="the owner was told; null: not yet, or nobody can be told",
        ),
        sa.ForeignKeyConstraint(["journey_id"], ["journeys.id"], name=op.f("fk_pool_shortages_journey_id")),
        sa.PrimaryKeyConstraint("journey_id", "pool", "kind", name=op.f("pk_pool_shortages")),
        comment="pools with too few codes, as long as it lasts",
    )
    op.create_table(
        "coupon_uses",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "code_key",
            sa.Text(),
            nullable=True,
            comment="the code without spaces and in capitals; null: not looked at yet, or gone",
        ),
        sa.Column(
            "news_at",
            sa.BigInteger(),
            nullable=True,
            comment="from when on there is something to look at; null: all is known",
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_coupon_uses_order_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_coupon_uses")),
        comment="orders that ever named a coupon code",
    )
    with op.batch_alter_table("coupon_uses", schema=None) as batch_op:
        batch_op.create_index("ix_coupon_uses_code_key", ["code_key"], unique=False)
        batch_op.create_index(
            "ix_coupon_uses_news_at",
            ["news_at"],
            unique=False,
            sqlite_where=sa.text("news_at IS NOT NULL"),
            postgresql_where=sa.text("news_at IS NOT NULL"),
        )

    op.create_table(
        "redemptions",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "coupon_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="null: a pool's code that nobody was given",
        ),
        sa.Column("pool_code_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="when the order was placed"),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "undone_known_at",
            sa.BigInteger(),
            nullable=True,
            comment="when the order's cancellation was learned: the coupon is good again",
        ),
        sa.Column("counts", sa.Boolean(), nullable=False, comment="this order has used the coupon up"),
        sa.Column("again", sa.Boolean(), nullable=False, comment="an earlier order had used it up already"),
        sa.Column("late", sa.Boolean(), nullable=False, comment="after its last moment"),
        sa.Column("small", sa.Boolean(), nullable=False, comment="the basket was surely below its minimum"),
        sa.Column("not_theirs", sa.Boolean(), nullable=False, comment="the order is another customer's"),
        sa.Column(
            "other_currency", sa.Boolean(), nullable=False, comment="the order is in another currency than the coupon"
        ),
        sa.ForeignKeyConstraint(["coupon_id"], ["coupons.id"], name=op.f("fk_redemptions_coupon_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_redemptions_order_id")),
        sa.ForeignKeyConstraint(["pool_code_id"], ["pool_codes.id"], name=op.f("fk_redemptions_pool_code_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_redemptions")),
        comment="orders in which a coupon of ours was used, as the shop's checkout let it happen",
    )
    with op.batch_alter_table("redemptions", schema=None) as batch_op:
        batch_op.create_index("ix_redemptions_coupon_id", ["coupon_id"], unique=False)
        batch_op.create_index("ix_redemptions_pool_code_id", ["pool_code_id"], unique=False)

    with op.batch_alter_table("coupons", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "pool_code_id",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                nullable=True,
                comment="null: vefa made the code",
            )
        )
        batch_op.add_column(
            sa.Column(
                "exported",
                sa.SmallInteger(),
                server_default="0",
                nullable=False,
                comment="0 to be told to the checkout, 1 told before its last moment was known, 2 told, or its own",
            )
        )
        batch_op.add_column(
            sa.Column(
                "export_id",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                nullable=True,
                comment="with which it was told last",
            )
        )
        batch_op.create_index("ix_coupons_export_id", ["export_id"], unique=False)
        batch_op.create_index(
            "ix_coupons_to_export",
            ["id"],
            unique=False,
            sqlite_where=sa.text("exported = 0"),
            postgresql_where=sa.text("exported = 0"),
        )
        batch_op.create_index(
            "ix_coupons_pool_unread",
            ["enrolment_id"],
            unique=False,
            sqlite_where=sa.text("pool_code_id IS NOT NULL AND valid_from IS NULL"),
            postgresql_where=sa.text("pool_code_id IS NOT NULL AND valid_from IS NULL"),
        )
        batch_op.create_unique_constraint(batch_op.f("uq_coupons_pool_code_id"), ["pool_code_id"])
        batch_op.create_foreign_key(batch_op.f("fk_coupons_pool_code_id"), "pool_codes", ["pool_code_id"], ["id"])
        batch_op.create_foreign_key(batch_op.f("fk_coupons_export_id"), "coupon_exports", ["export_id"], ["id"])

    # Which orders have used a coupon is found out of all that ever named a code.
    op.execute(
        "INSERT INTO coupon_uses (order_id, news_at) "
        "SELECT id, placed_known_at FROM orders WHERE coupon_code IS NOT NULL"
    )


def downgrade() -> None:
    with op.batch_alter_table("coupons", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_coupons_export_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_coupons_pool_code_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("uq_coupons_pool_code_id"), type_="unique")
        batch_op.drop_index(
            "ix_coupons_pool_unread",
            sqlite_where=sa.text("pool_code_id IS NOT NULL AND valid_from IS NULL"),
            postgresql_where=sa.text("pool_code_id IS NOT NULL AND valid_from IS NULL"),
        )
        batch_op.drop_index(
            "ix_coupons_to_export", sqlite_where=sa.text("exported = 0"), postgresql_where=sa.text("exported = 0")
        )
        batch_op.drop_index("ix_coupons_export_id")
        batch_op.drop_column("export_id")
        batch_op.drop_column("exported")
        batch_op.drop_column("pool_code_id")

    with op.batch_alter_table("redemptions", schema=None) as batch_op:
        batch_op.drop_index("ix_redemptions_pool_code_id")
        batch_op.drop_index("ix_redemptions_coupon_id")

    op.drop_table("redemptions")
    with op.batch_alter_table("coupon_uses", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_coupon_uses_news_at",
            sqlite_where=sa.text("news_at IS NOT NULL"),
            postgresql_where=sa.text("news_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_coupon_uses_code_key")

    op.drop_table("coupon_uses")
    op.drop_table("pool_shortages")
    with op.batch_alter_table("pool_codes", schema=None) as batch_op:
        batch_op.drop_index("ix_pool_codes_pool")
        batch_op.drop_index(
            "ix_pool_codes_free",
            sqlite_where=sa.text("taken_at IS NULL AND aside_at IS NULL"),
            postgresql_where=sa.text("taken_at IS NULL AND aside_at IS NULL"),
        )

    op.drop_table("pool_codes")
    op.drop_table("coupon_pools")
    with op.batch_alter_table("coupon_exports", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_coupon_exports_open",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.drop_table("coupon_exports")
