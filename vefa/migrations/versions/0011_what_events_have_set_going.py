"""What events have set going."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _note_states(kind: str, table: str, moments: tuple[str, ...]) -> None:
    """The states that the moments of what is there already tell, in the order of time; the first is number 0."""
    told = " UNION ALL ".join(
        f"SELECT id, '{name}' AS state, {name}_at AS at, {name}_known_at AS known, {place} AS place FROM {table}"
        f" WHERE {name}_at IS NOT NULL"
        for place, name in enumerate(moments)
    )
    number = "ROW_NUMBER() OVER (PARTITION BY id ORDER BY CASE WHEN place = 0 THEN 0 ELSE 1 END, at, place) - 1"
    op.execute(
        "INSERT INTO object_states (kind, object_id, n, state, origin, changed_at, known_at)"
        f" SELECT '{kind}', id, {number}, state, state, at, COALESCE(known, at) FROM ({told}) AS told"
    )


def upgrade() -> None:
    op.create_table(
        "object_states",
        sa.Column("kind", sa.Text(), nullable=False, comment="ticket | return"),
        sa.Column(
            "object_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column(
            "n", sa.Integer(), autoincrement=False, nullable=False, comment="0: the first state, which is no change"
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False, comment="the moment that tells it (answered …), or said"),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "object_id", "n", name=op.f("pk_object_states")),
        comment="the states of tickets and returns, one after the other",
    )
    op.create_table(
        "occasions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("enrolment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("journey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "whenever",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="step_names.id of the whenever's name",
        ),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False, comment="the event's own moment"),
        sa.Column("noted_at", sa.BigInteger(), nullable=False, comment="the tick's now"),
        sa.Column("state", sa.Text(), nullable=False, comment="waiting | acting | done | left | gone | too late"),
        sa.Column(
            "step",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="step_names.id of the step's key, while acting",
        ),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolments.id"], name=op.f("fk_occasions_enrolment_id")),
        sa.ForeignKeyConstraint(["journey_id"], ["journeys.id"], name=op.f("fk_occasions_journey_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occasions")),
        sa.UniqueConstraint("enrolment_id", "whenever", "event_id", name="uq_occasions_event"),
        comment="events that came to somebody inside, and for which whenever's steps run: once each",
    )
    with op.batch_alter_table("occasions", schema=None) as batch_op:
        batch_op.create_index("ix_occasions_noted_at", ["journey_id", "noted_at"], unique=False)
        batch_op.create_index(
            "ix_occasions_open",
            ["journey_id", "whenever", "state"],
            unique=False,
            sqlite_where=sa.text("state IN ('waiting', 'acting')"),
            postgresql_where=sa.text("state IN ('waiting', 'acting')"),
        )
        batch_op.create_index(
            "uq_occasions_acting",
            ["enrolment_id", "whenever"],
            unique=True,
            sqlite_where=sa.text("state = 'acting'"),
            postgresql_where=sa.text("state = 'acting'"),
        )

    with op.batch_alter_table("returns", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "state", sa.Text(), nullable=True, comment="how it stands, as the shop told it last; see object_states"
            )
        )
        batch_op.add_column(sa.Column("state_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("state_known_at", sa.BigInteger(), nullable=True))

    with op.batch_alter_table("sends", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "occasion",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                server_default="0",
                nullable=False,
                comment="occasions.id; 0: a step of the journey's own walk",
            )
        )
        batch_op.drop_constraint(batch_op.f("uq_sends_enrolment_step"), type_="unique")
        batch_op.create_unique_constraint("uq_sends_enrolment_step", ["enrolment_id", "step", "occasion"])

    with op.batch_alter_table("tickets", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "state", sa.Text(), nullable=True, comment="how it stands, as the shop told it last; see object_states"
            )
        )
        batch_op.add_column(sa.Column("state_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("state_known_at", sa.BigInteger(), nullable=True))

    _note_states("ticket", "tickets", ("opened", "answered", "resolved"))
    _note_states("return", "returns", ("requested", "received", "refunded"))


def downgrade() -> None:
    with op.batch_alter_table("tickets", schema=None) as batch_op:
        batch_op.drop_column("state_known_at")
        batch_op.drop_column("state_at")
        batch_op.drop_column("state")

    with op.batch_alter_table("sends", schema=None) as batch_op:
        batch_op.drop_constraint("uq_sends_enrolment_step", type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_sends_enrolment_step"), ["enrolment_id", "step"])
        batch_op.drop_column("occasion")

    with op.batch_alter_table("returns", schema=None) as batch_op:
        batch_op.drop_column("state_known_at")
        batch_op.drop_column("state_at")
        batch_op.drop_column("state")

    with op.batch_alter_table("occasions", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_occasions_acting",
            sqlite_where=sa.text("state = 'acting'"),
            postgresql_where=sa.text("state = 'acting'"),
        )
        batch_op.drop_index(
            "ix_occasions_open",
            sqlite_where=sa.text("state IN ('waiting', 'acting')"),
            postgresql_where=sa.text("state IN ('waiting', 'acting')"),
        )
        batch_op.drop_index("ix_occasions_noted_at")

    op.drop_table("occasions")
    op.drop_table("object_states")
