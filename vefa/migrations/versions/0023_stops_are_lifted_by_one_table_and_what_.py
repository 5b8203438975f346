"""Stops are lifted by one table, and what was lifted is kept."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "suppression_history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("what", sa.Text(), nullable=False, comment="added by hand | lifted"),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=True, comment="of the stop: commercial; null for every purpose"),
        sa.Column("reason", sa.Text(), nullable=False, comment="of the stop"),
        sa.Column("evidence", sa.Text(), nullable=True, comment="of the stop"),
        sa.Column("stopped_at", sa.BigInteger(), nullable=False, comment="since when the address was stopped"),
        sa.Column("signal", sa.Text(), nullable=False, comment="what took it away: see vefa.crm.lifting"),
        sa.Column("author", sa.Text(), nullable=True, comment="who did it by hand"),
        sa.Column("note", sa.Text(), nullable=True, comment="why, in the author's words; or what proves the yes"),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="when it was taken away"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression_history")),
        comment="append-only: stops that were lifted, and those put in by hand",
    )
    with op.batch_alter_table("suppression_history", schema=None) as batch_op:
        batch_op.create_index("ix_suppression_history_address", ["channel", "address_key"], unique=False)

    op.create_table(
        "consents_passed_on",
        sa.Column("consent_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("target", sa.Text(), nullable=False, comment="shopify, or a tool's name"),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False, comment="when the customer said it"),
        sa.Column("passed_on_at", sa.BigInteger(), nullable=False, comment="the last time that it went out"),
        sa.ForeignKeyConstraint(
            ["consent_id"], ["consents.id"], name=op.f("fk_consents_passed_on_consent_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_consents_passed_on_customer_id")),
        sa.PrimaryKeyConstraint("consent_id", "target", name=op.f("pk_consents_passed_on")),
        comment="consents that shop systems were told of: their echo is no new consent",
    )
    with op.batch_alter_table("consents_passed_on", schema=None) as batch_op:
        batch_op.create_index("ix_consents_passed_on_customer_id", ["customer_id"], unique=False)

    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "signal",
                sa.Text(),
                nullable=True,
                comment="how it came to us: page | shop | import | …; see vefa.crm.lifting",
            )
        )

    with op.batch_alter_table("suppressions", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("until", sa.BigInteger(), nullable=True, comment="it ends by itself; null: it does not")
        )


def downgrade() -> None:
    with op.batch_alter_table("suppressions", schema=None) as batch_op:
        batch_op.drop_column("until")

    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.drop_column("signal")

    with op.batch_alter_table("consents_passed_on", schema=None) as batch_op:
        batch_op.drop_index("ix_consents_passed_on_customer_id")

    op.drop_table("consents_passed_on")
    with op.batch_alter_table("suppression_history", schema=None) as batch_op:
        batch_op.drop_index("ix_suppression_history_address")

    op.drop_table("suppression_history")
