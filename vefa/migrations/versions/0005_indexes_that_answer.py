"""Indexes that answer by themselves."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("customers", schema=None) as batch_op:
        batch_op.create_index("ix_customers_birth_date", ["birth_date"], unique=False)

    with op.batch_alter_table("enrolments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_enrolments_customer_id"))
        batch_op.drop_index(batch_op.f("ix_enrolments_goal"))
        batch_op.create_index("ix_enrolments_enrolled_at", ["journey_id", "enrolled_at"], unique=False)

    with op.batch_alter_table("facts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_facts_orders_last_at"))
        batch_op.create_index(
            "ix_facts_orders_last_at", ["orders_last_at", "orders_count", "orders_first_at"], unique=False
        )
        batch_op.drop_index(batch_op.f("ix_facts_orders_revenue"))
        batch_op.create_index("ix_facts_orders_revenue", ["orders_revenue", "orders_count"], unique=False)

    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_orders_customer_id_placed_at"))
        batch_op.create_index(
            "ix_orders_customer_id_placed_at",
            ["customer_id", "placed_at", "placed_known_at", "cancelled_known_at", "total", "currency"],
            unique=False,
        )


def downgrade() -> None:
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index("ix_orders_customer_id_placed_at")
        batch_op.create_index(batch_op.f("ix_orders_customer_id_placed_at"), ["customer_id", "placed_at"], unique=False)

    with op.batch_alter_table("facts", schema=None) as batch_op:
        batch_op.drop_index("ix_facts_orders_revenue")
        batch_op.create_index(batch_op.f("ix_facts_orders_revenue"), ["orders_revenue"], unique=False)
        batch_op.drop_index("ix_facts_orders_last_at")
        batch_op.create_index(batch_op.f("ix_facts_orders_last_at"), ["orders_last_at"], unique=False)

    with op.batch_alter_table("enrolments", schema=None) as batch_op:
        batch_op.drop_index("ix_enrolments_enrolled_at")
        batch_op.create_index(batch_op.f("ix_enrolments_goal"), ["journey_id", "entered_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_enrolments_customer_id"), ["customer_id"], unique=False)

    with op.batch_alter_table("customers", schema=None) as batch_op:
        batch_op.drop_index("ix_customers_birth_date")
