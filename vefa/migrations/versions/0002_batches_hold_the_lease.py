"""Batches hold the lease, and messages are queued in them."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_QUEUED = "state = 'queued'"
_LOOSE = "state = 'queued' AND batch_id IS NULL"
_SEND_LEASE = "wall clock: of a reservation or a claim"
_STATES = "queued reserved claimed sent skipped failed unknown"
_OWNER = "who reserved it: settlements are fenced by it"
_LEASED = "state IN ('reserved', 'claimed')"


def _where(text: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(text), "postgresql_where": sa.text(text)}


def upgrade() -> None:
    with op.batch_alter_table("batches") as batch_op:
        batch_op.add_column(sa.Column("plan_id", _ID, nullable=False, server_default="0"))
        batch_op.add_column(
            sa.Column("step", _ID, nullable=False, server_default="0", comment="step_names.id of the step's key")
        )
        batch_op.add_column(
            sa.Column(
                "size", sa.Integer(), nullable=False, server_default="0", comment="messages that were put into it"
            )
        )
        batch_op.add_column(
            sa.Column(
                "lease_until", sa.BigInteger(), nullable=True, comment="wall clock: of the reservation or the claim"
            )
        )
        batch_op.alter_column(
            "owner",
            existing_type=sa.Text(),
            nullable=True,
            comment="who reserved it, once and for all: settlements are fenced by it; null: nobody yet",
        )
        batch_op.alter_column("reserved_at", existing_type=sa.BigInteger(), nullable=True)
        batch_op.alter_column("settled_at", existing_type=sa.BigInteger(), comment="nothing is left to do")
        batch_op.drop_column("channel")
    with op.batch_alter_table("batches") as batch_op:
        for column in ("plan_id", "step"):
            batch_op.alter_column(column, existing_type=_ID, server_default=None)
        batch_op.alter_column("size", existing_type=sa.Integer(), server_default=None)

    # What is claimed keeps its lease, now in its batch; whatever was only reserved is queued again.
    op.execute(
        "UPDATE batches SET lease_until = (SELECT MAX(s.lease_until) FROM sends s"
        " WHERE s.batch_id = batches.id AND s.state = 'claimed')"
    )
    op.execute("UPDATE batches SET settled_at = COALESCE(settled_at, reserved_at) WHERE lease_until IS NULL")
    op.execute("UPDATE batches SET settled_at = NULL WHERE lease_until IS NOT NULL")
    op.execute("UPDATE sends SET state = 'queued', batch_id = NULL WHERE state = 'reserved'")

    for index in ("ix_sends_leased", "ix_sends_queue", "ix_sends_customer_id"):
        op.drop_index(index, "sends")
    op.drop_column("sends", "lease_until")
    op.create_index("ix_sends_customer_id", "sends", ["customer_id"])
    op.create_index("ix_sends_queue", "sends", ["journey_id", "not_before"], **_where(_LOOSE))
    op.create_index("ix_sends_doubts", "sends", ["journey_id", "step"], **_where("doubts > 0"))
    op.create_index("ix_batches_open", "batches", ["journey_id", "step"], **_where("settled_at IS NULL"))
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            "COMMENT ON TABLE batches IS 'messages that are sent together: queued as a batch, or gathered into one'"
        )
        _comment_on_sends(
            f"{_STATES}; queued in a leased batch is reserved",
            "the batch that it was queued in or reserved for; its lease is the batch's",
        )


def downgrade() -> None:
    for index in ("ix_sends_doubts", "ix_sends_queue", "ix_sends_customer_id"):
        op.drop_index(index, "sends")
    op.add_column("sends", sa.Column("lease_until", sa.BigInteger(), comment=_SEND_LEASE))
    op.execute("UPDATE sends SET state = 'queued', batch_id = NULL WHERE state IN ('queued', 'reserved')")
    op.execute(
        "UPDATE sends SET lease_until = (SELECT b.lease_until FROM batches b WHERE b.id = sends.batch_id)"
        " WHERE state = 'claimed'"
    )
    op.execute("DELETE FROM batches WHERE owner IS NULL")
    op.create_index("ix_sends_customer_id", "sends", ["customer_id", "claimed_at"])
    op.create_index("ix_sends_queue", "sends", ["journey_id", "not_before"], **_where(_QUEUED))
    op.create_index("ix_sends_leased", "sends", ["lease_until"], **_where(_LEASED))

    op.drop_index("ix_batches_open", "batches")
    with op.batch_alter_table("batches") as batch_op:
        batch_op.add_column(sa.Column("channel", sa.Text(), nullable=True))
        batch_op.alter_column("reserved_at", existing_type=sa.BigInteger(), nullable=False)
        batch_op.alter_column("settled_at", existing_type=sa.BigInteger(), comment=None)
        batch_op.alter_column("owner", existing_type=sa.Text(), nullable=False, comment=_OWNER)
        for column in ("lease_until", "size", "step", "plan_id"):
            batch_op.drop_column(column)
    if op.get_context().dialect.name == "postgresql":
        op.execute("COMMENT ON TABLE batches IS NULL")
        _comment_on_sends(_STATES, None)


def _comment_on_sends(state: str, batch_id: str | None) -> None:
    """Only PostgreSQL keeps comments; SQLite would make the table anew for them."""
    op.alter_column("sends", "state", existing_type=sa.Text(), comment=state)
    op.alter_column("sends", "batch_id", existing_type=_ID, comment=batch_id)
