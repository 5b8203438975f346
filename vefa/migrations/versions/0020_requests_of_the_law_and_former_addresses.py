"""Requests of the law and former addresses."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "privacy_requests",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="erase | export | erase_shop"),
        sa.Column("source", sa.Text(), nullable=False, comment="who passed it on: shopify, woocommerce, …"),
        sa.Column(
            "subject",
            sa.JSON(),
            nullable=True,
            comment="whom it is about, as far as they were named; null once it is done",
        ),
        sa.Column("keys", sa.JSON(), nullable=True, comment="HMACs of the same, once it is done"),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True, comment="null: not yet"),
        sa.Column("outcome", sa.Text(), nullable=True, comment="what came of it, without a name"),
        sa.Column("done_by", sa.Text(), nullable=True, comment="who did it: vefa, or a person's name"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privacy_requests")),
        comment="what customers may ask for by law, as shop systems pass it on; never removed",
    )
    with op.batch_alter_table("privacy_requests", schema=None) as batch_op:
        batch_op.create_index(
            "ix_privacy_requests_open",
            ["id"],
            unique=False,
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        )

    op.create_table(
        "former_addresses",
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False, comment="email | sms"),
        sa.Column("address_key", sa.Text(), nullable=False, comment="as in contacts"),
        sa.Column(
            "address", sa.Text(), nullable=True, comment="null: longer ago than anything is kept that may name it"
        ),
        sa.Column("left_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_former_addresses_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", "channel", "address_key", name=op.f("pk_former_addresses")),
        comment="addresses that customers had before, for their erasure alone",
    )
    with op.batch_alter_table("former_addresses", schema=None) as batch_op:
        batch_op.create_index("ix_former_addresses_address_key", ["address_key"], unique=False)

    with op.batch_alter_table("forgotten", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "left_out",
                sa.Integer(),
                server_default="0",
                nullable=False,
                comment="facts that came later nevertheless",
            )
        )
        batch_op.alter_column("person_key", comment="HMAC of a number or address of theirs", existing_type=sa.Text())
        batch_op.create_table_comment(
            "by what people were known who were forgotten, as HMACs: nothing from before brings them back"
        )


def downgrade() -> None:
    with op.batch_alter_table("forgotten", schema=None) as batch_op:
        batch_op.create_table_comment("customers who were forgotten, as hashes: imports leave their rows out")
        batch_op.drop_column("left_out")
        batch_op.alter_column(
            "person_key", comment="BLAKE2 of the shop's own number of the customer", existing_type=sa.Text()
        )

    with op.batch_alter_table("former_addresses", schema=None) as batch_op:
        batch_op.drop_index("ix_former_addresses_address_key")

    op.drop_table("former_addresses")
    with op.batch_alter_table("privacy_requests", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_privacy_requests_open",
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        )

    op.drop_table("privacy_requests")
