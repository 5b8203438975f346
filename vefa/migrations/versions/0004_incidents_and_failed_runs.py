"""Incidents and failed runs."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("journey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="bounces | complaints | unknowns | failed runs"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False, comment="messages, or runs, that went wrong"),
        sa.Column("of", sa.Integer(), nullable=False, comment="of so many"),
        sa.Column(
            "told_at",
            sa.BigInteger(),
            nullable=True,
            comment="the owner was told; null: not yet, or nobody can be told",
        ),
        sa.Column("ended_at", sa.BigInteger(), nullable=True, comment="the journey runs again; null: still open"),
        sa.ForeignKeyConstraint(["journey_id"], ["journeys.id"], name=op.f("fk_incidents_journey_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
        comment="why a journey was paused by itself; one open at a time, so that its owner is told once",
    )
    with op.batch_alter_table("incidents", schema=None) as batch_op:
        batch_op.create_index(
            "uq_incidents_open",
            ["journey_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "run_failures",
        sa.Column("journey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False, comment="in a row"),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["journey_id"], ["journeys.id"], name=op.f("fk_run_failures_journey_id")),
        sa.PrimaryKeyConstraint("journey_id", name=op.f("pk_run_failures")),
    )


def downgrade() -> None:
    op.drop_table("run_failures")
    with op.batch_alter_table("incidents", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_incidents_open", sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL")
        )

    op.drop_table("incidents")
