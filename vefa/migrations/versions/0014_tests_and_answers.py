"""Tests on messages, and by which medium customers answer."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


#: What the tables' comments say of `send_history`, before and since.
_BEFORE = (
    "whatever did not go straight from queued to sent",
    "deferred | released | unknown | settled late",
)
_SINCE = (
    "whatever did not go straight from queued to sent, and why a message went by its medium",
    "deferred | released | unknown | settled late | by email | by sms …",
)


def upgrade() -> None:
    op.create_table(
        "channel_answers",
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False, comment="email | sms: where they answer rather"),
        sa.Column("emails", sa.Integer(), nullable=False, comment="that they were sent in the last year"),
        sa.Column("emails_answered", sa.Integer(), nullable=False, comment="in which they followed a link"),
        sa.Column("sms", sa.Integer(), nullable=False, comment="that they were sent in the last year"),
        sa.Column("sms_answered", sa.Integer(), nullable=False, comment="after which they wrote back"),
        sa.Column(
            "learned_at", sa.BigInteger(), nullable=False, comment="as of then; it serves no earlier reading (rule 24)"
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_channel_answers_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_channel_answers")),
        comment="by which medium customers answer, as far as it can be told",
    )
    op.create_table(
        "test_decisions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("journey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "plan_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="the plan by which it was decided",
        ),
        sa.Column(
            "step",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="step_names.id of the step's id",
        ),
        sa.Column("trial", sa.BigInteger(), nullable=False, comment="sends.trial: a wave, or what is tested"),
        sa.Column("by", sa.Text(), nullable=False, comment="clicked | opened | goal"),
        sa.Column("chosen", sa.Text(), nullable=False, comment="the variant that everybody else gets"),
        sa.Column(
            "counts", sa.JSON(), nullable=False, comment="of each variant what it was decided by: [sent, reacted]"
        ),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["journey_id"], ["journeys.id"], name=op.f("fk_test_decisions_journey_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_test_decisions_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_decisions")),
        sa.UniqueConstraint("journey_id", "step", "trial", name="uq_test_decisions_trial"),
        comment="what did best in a test, decided once and for all",
    )
    with op.batch_alter_table("sends", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("variant", sa.Text(), nullable=True, comment="of the step's test; null where it has none")
        )
        batch_op.add_column(
            sa.Column(
                "trial",
                sa.BigInteger(),
                nullable=True,
                comment="the run of the test, for those on whom it is tried; null: not one of them",
            )
        )
        batch_op.create_index(
            "ix_sends_trial",
            ["journey_id", "step", "trial"],
            unique=False,
            sqlite_where=sa.text("trial IS NOT NULL"),
            postgresql_where=sa.text("trial IS NOT NULL"),
        )
    if op.get_context().dialect.name == "postgresql":
        _comment_on_history(_BEFORE, _SINCE)


def downgrade() -> None:
    with op.batch_alter_table("sends", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_sends_trial",
            sqlite_where=sa.text("trial IS NOT NULL"),
            postgresql_where=sa.text("trial IS NOT NULL"),
        )
        batch_op.drop_column("trial")
        batch_op.drop_column("variant")

    op.drop_table("test_decisions")
    op.drop_table("channel_answers")
    if op.get_context().dialect.name == "postgresql":
        _comment_on_history(_SINCE, _BEFORE)


def _comment_on_history(old: tuple[str, str], new: tuple[str, str]) -> None:
    """Only PostgreSQL keeps comments; SQLite would make the table anew for them."""
    op.create_table_comment("send_history", new[0], existing_comment=old[0])
    op.alter_column("send_history", "what", existing_type=sa.Text(), existing_comment=old[1], comment=new[1])
