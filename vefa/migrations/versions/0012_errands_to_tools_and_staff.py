"""Errands to tools and staff."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "errands",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="webhook | notify"),
        sa.Column("target", sa.Text(), nullable=False, comment="the tool's name, or the team's"),
        sa.Column(
            "place",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="0, and 1, 2, … for others of the team",
        ),
        sa.Column(
            "recipient",
            sa.Text(),
            nullable=True,
            comment="the one of the team by e-mail; null: not known yet, or a tool",
        ),
        sa.Column(
            "enrolment_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="null: no journey's",
        ),
        sa.Column("journey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "step",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="step_names.id of the step's id",
        ),
        sa.Column(
            "at_step",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="step_names.id of the step's key, where its words stand",
        ),
        sa.Column(
            "occasion", sa.Text(), server_default="", nullable=False, comment="where a step is passed more than once"
        ),
        sa.Column("key", sa.Text(), nullable=True, comment="what makes one of no journey the only one of its kind"),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("text", sa.Text(), nullable=True, comment="its words, where no step has them"),
        sa.Column(
            "shop_hours", sa.Boolean(), server_default=sa.false(), nullable=False, comment="only while the shop is open"
        ),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="queued claimed done failed unknown skipped; queued and owned is reserved",
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("queued_at", sa.BigInteger(), nullable=False),
        sa.Column("next_try_at", sa.BigInteger(), nullable=False, comment="business time"),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False, comment="tries that were begun"),
        sa.Column("owner", sa.Text(), nullable=True, comment="who has reserved or claimed it"),
        sa.Column("lease_until", sa.BigInteger(), nullable=True, comment="wall clock"),
        sa.Column(
            "body",
            sa.Text(),
            nullable=True,
            comment="what goes over the wire, the same at every try; written with the first claim",
        ),
        sa.Column("claimed_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_errands_customer_id")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolments.id"], name=op.f("fk_errands_enrolment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_errands")),
        sa.UniqueConstraint("enrolment_id", "step", "occasion", "place", name="uq_errands_step"),
        sa.UniqueConstraint("key", "place", name="uq_errands_key"),
        comment="words to tools and to staff: claimed before they go, and never twice",
    )
    with op.batch_alter_table("errands", schema=None) as batch_op:
        batch_op.create_index("ix_errands_customer_id", ["customer_id"], unique=False)
        batch_op.create_index(
            "ix_errands_held",
            ["lease_until"],
            unique=False,
            sqlite_where=sa.text("owner IS NOT NULL"),
            postgresql_where=sa.text("owner IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_errands_queue",
            ["next_try_at"],
            unique=False,
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        )
        batch_op.create_index("ix_errands_settled_at", ["state", "settled_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("errands", schema=None) as batch_op:
        batch_op.drop_index("ix_errands_settled_at")
        batch_op.drop_index(
            "ix_errands_queue", sqlite_where=sa.text("state = 'queued'"), postgresql_where=sa.text("state = 'queued'")
        )
        batch_op.drop_index(
            "ix_errands_held", sqlite_where=sa.text("owner IS NOT NULL"), postgresql_where=sa.text("owner IS NOT NULL")
        )
        batch_op.drop_index("ix_errands_customer_id")

    op.drop_table("errands")
