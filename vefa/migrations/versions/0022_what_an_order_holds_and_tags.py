"""What an order holds, and tags."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "product_tags",
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_product_tags_product_id")),
        sa.PrimaryKeyConstraint("product_id", "tag", name=op.f("pk_product_tags")),
        comment="marks of products, as the shop told them last",
    )
    with op.batch_alter_table("product_tags", schema=None) as batch_op:
        batch_op.create_index("ix_product_tags_tag", ["tag"], unique=False)

    op.create_table(
        "tag_lists",
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="older changes of this origin say nothing new"),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_tag_lists_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", "origin", name=op.f("pk_tag_lists")),
        comment="when a whole list of a customer's tags came last",
    )
    op.create_table(
        "coupon_keys",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code_key", sa.Text(), nullable=False, comment="the code without spaces and in capitals"),
        sa.Column(
            "within",
            sa.Text(),
            nullable=True,
            comment="the key of the whole, where a space may stand between two codes",
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_coupon_keys_order_id")),
        sa.PrimaryKeyConstraint("order_id", "code_key", name=op.f("pk_coupon_keys")),
        comment="codes of orders that have been looked at",
    )
    with op.batch_alter_table("coupon_keys", schema=None) as batch_op:
        batch_op.create_index("ix_coupon_keys_code_key", ["code_key"], unique=False)

    op.create_table(
        "order_codes",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "place", sa.SmallInteger(), autoincrement=False, nullable=False, comment="1: the order's coupon_code"
        ),
        sa.Column("code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_codes_order_id")),
        sa.PrimaryKeyConstraint("order_id", "place", name=op.f("pk_order_codes")),
        comment="every discount code that an order names, in its order",
    )
    op.execute(
        "INSERT INTO order_codes (order_id, place, code) "
        "SELECT id, 1, coupon_code FROM orders WHERE coupon_code IS NOT NULL"
    )
    op.execute(
        "INSERT INTO coupon_keys (order_id, code_key) "
        "SELECT order_id, code_key FROM coupon_uses WHERE code_key IS NOT NULL"
    )
    with op.batch_alter_table("coupon_uses", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_coupon_uses_code_key"))
        batch_op.drop_column("code_key")

    with op.batch_alter_table("facts", schema=None, recreate="never") as batch_op:
        batch_op.add_column(
            sa.Column(
                "orders_unpriced",
                sa.Integer(),
                server_default="0",
                nullable=False,
                comment="of them without a rate",
            )
        )

    # How many of a customer's orders are in a currency without a rate is counted anew.
    op.execute(
        "INSERT INTO stale_facts (customer_id) SELECT customer_id FROM facts WHERE EXISTS (SELECT 1 FROM orders "
        "WHERE orders.customer_id = facts.customer_id AND orders.currency <> "
        "(SELECT currency FROM orders GROUP BY currency ORDER BY count(*) DESC LIMIT 1)) ON CONFLICT DO NOTHING"
    )
    with op.batch_alter_table("order_lines", schema=None) as batch_op:
        batch_op.add_column(sa.Column("variant", sa.Text(), nullable=True, comment="which kind of the product: L, red"))
        batch_op.alter_column("quantity", existing_type=sa.INTEGER(), type_=sa.BigInteger(), existing_nullable=False)

    op.execute("UPDATE order_lines SET quantity = quantity * 10000")
    with op.batch_alter_table("orders", schema=None, recreate="never") as batch_op:
        batch_op.add_column(
            sa.Column("shop_total", sa.BigInteger(), nullable=True, comment="as the shop adds it up; null: the same")
        )
        batch_op.add_column(sa.Column("shop_currency", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("lines_incomplete", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.drop_index(batch_op.f("ix_orders_customer_id_placed_at"))
        batch_op.create_index(
            "ix_orders_customer_id_placed_at",
            [
                "customer_id",
                "placed_at",
                "placed_known_at",
                "cancelled_known_at",
                "total",
                "currency",
                "shop_total",
                "shop_currency",
            ],
            unique=False,
        )
        batch_op.create_index("ix_orders_currency", ["currency", "shop_currency"], unique=False)
        batch_op.create_index(
            "ix_orders_lines_incomplete",
            ["placed_known_at"],
            unique=False,
            sqlite_where=sa.text("lines_incomplete"),
            postgresql_where=sa.text("lines_incomplete"),
        )

    with op.batch_alter_table("products", schema=None, recreate="never") as batch_op:
        batch_op.add_column(
            sa.Column("gift_card", sa.Boolean(), server_default=sa.false(), nullable=False, comment="money, no goods")
        )

    with op.batch_alter_table("redemptions", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("code_key", sa.Text(), nullable=True, comment="the code without spaces and in capitals")
        )
    op.execute(
        "UPDATE redemptions SET code_key = COALESCE("
        "(SELECT code_key FROM pool_codes WHERE pool_codes.id = redemptions.pool_code_id), "
        "(SELECT code FROM coupons WHERE coupons.id = redemptions.coupon_id), '')"
    )
    _key("redemptions", "order_id", "code_key")

    with op.batch_alter_table("tags", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "origin",
                sa.Text(),
                server_default="journey",
                nullable=False,
                comment="who put it on: journey, or a source",
            )
        )
        batch_op.add_column(
            sa.Column("until", sa.BigInteger(), nullable=True, comment="when it was taken off; null: they bear it")
        )
        batch_op.add_column(
            sa.Column(
                "changed_at",
                sa.BigInteger(),
                nullable=True,
                comment="the last change that was told; null: since, or until",
            )
        )
    _key("tags", "customer_id", "tag", "origin")


def _key(table: str, *columns: str) -> None:
    """Another primary key."""
    with op.batch_alter_table(table, schema=None) as batch_op:
        batch_op.alter_column(columns[-1], existing_type=sa.Text(), nullable=False)
        batch_op.drop_constraint(f"pk_{table}", type_="primary")
        batch_op.create_primary_key(f"pk_{table}", list(columns))


def downgrade() -> None:
    op.execute("DELETE FROM tags WHERE origin <> 'journey' OR until IS NOT NULL")
    with op.batch_alter_table("tags", schema=None) as batch_op:
        batch_op.drop_constraint("pk_tags", type_="primary")
        batch_op.create_primary_key("pk_tags", ["customer_id", "tag"])
    with op.batch_alter_table("tags", schema=None) as batch_op:
        batch_op.drop_column("changed_at")
        batch_op.drop_column("until")
        batch_op.drop_column("origin")

    op.execute(
        "DELETE FROM redemptions WHERE EXISTS (SELECT 1 FROM redemptions AS r "
        "WHERE r.order_id = redemptions.order_id AND r.code_key < redemptions.code_key)"
    )
    with op.batch_alter_table("redemptions", schema=None) as batch_op:
        batch_op.drop_constraint("pk_redemptions", type_="primary")
        batch_op.create_primary_key("pk_redemptions", ["order_id"])
    with op.batch_alter_table("redemptions", schema=None) as batch_op:
        batch_op.drop_column("code_key")

    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.drop_column("gift_card")

    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_orders_lines_incomplete",
            sqlite_where=sa.text("lines_incomplete"),
            postgresql_where=sa.text("lines_incomplete"),
        )
        batch_op.drop_index("ix_orders_currency")
        batch_op.drop_index("ix_orders_customer_id_placed_at")
        batch_op.create_index(
            batch_op.f("ix_orders_customer_id_placed_at"),
            ["customer_id", "placed_at", "placed_known_at", "cancelled_known_at", "total", "currency"],
            unique=False,
        )
        batch_op.drop_column("lines_incomplete")
        batch_op.drop_column("shop_currency")
        batch_op.drop_column("shop_total")

    op.execute("UPDATE order_lines SET quantity = quantity / 10000")
    with op.batch_alter_table("order_lines", schema=None) as batch_op:
        batch_op.alter_column("quantity", existing_type=sa.BigInteger(), type_=sa.INTEGER(), existing_nullable=False)
        batch_op.drop_column("variant")

    with op.batch_alter_table("facts", schema=None) as batch_op:
        batch_op.drop_column("orders_unpriced")

    with op.batch_alter_table("coupon_uses", schema=None) as batch_op:
        batch_op.add_column(sa.Column("code_key", sa.TEXT(), nullable=True))
        batch_op.create_index(batch_op.f("ix_coupon_uses_code_key"), ["code_key"], unique=False)

    op.drop_table("order_codes")
    with op.batch_alter_table("coupon_keys", schema=None) as batch_op:
        batch_op.drop_index("ix_coupon_keys_code_key")

    op.drop_table("coupon_keys")
    op.drop_table("tag_lists")
    with op.batch_alter_table("product_tags", schema=None) as batch_op:
        batch_op.drop_index("ix_product_tags_tag")

    op.drop_table("product_tags")
