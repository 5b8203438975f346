"""Answers to what messages ask."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("survey_answers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("choice", sa.Text(), nullable=True, comment="the option's name"))
        batch_op.add_column(
            sa.Column(
                "send_id",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                nullable=True,
                comment="the message that asked; null: the answer came from outside",
            )
        )
        batch_op.add_column(
            sa.Column(
                "object_kind",
                sa.Text(),
                nullable=True,
                comment="what the asking journey was about: order | return | ticket | …",
            )
        )
        batch_op.add_column(sa.Column("object_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        batch_op.add_column(
            sa.Column(
                "order_id",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                nullable=True,
                comment="the order that the object is, or belongs to",
            )
        )
        batch_op.add_column(sa.Column("corrected_at", sa.BigInteger(), nullable=True, comment="they answered anew"))
        batch_op.add_column(
            sa.Column(
                "routed_to",
                sa.Text(),
                nullable=True,
                comment="the team that is told of it",
            )
        )
        batch_op.create_index("ix_survey_answers_answered_at", ["answered_at"], unique=False)
        batch_op.create_index("ix_survey_answers_send_id", ["send_id"], unique=False)
    _comment("nps | csat | a name of config/surveys.yaml", "of a choice: the option's place")


def downgrade() -> None:
    _comment("nps | csat", None)
    with op.batch_alter_table("survey_answers", schema=None) as batch_op:
        batch_op.drop_index("ix_survey_answers_send_id")
        batch_op.drop_index("ix_survey_answers_answered_at")
        batch_op.drop_column("routed_to")
        batch_op.drop_column("corrected_at")
        batch_op.drop_column("order_id")
        batch_op.drop_column("object_id")
        batch_op.drop_column("object_kind")
        batch_op.drop_column("send_id")
        batch_op.drop_column("choice")


def _comment(survey: str, score: str | None) -> None:
    """SQLite keeps no comments, and would write the whole table anew."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("survey_answers", "survey", existing_type=sa.Text(), comment=survey)
        op.alter_column("survey_answers", "score", existing_type=sa.SmallInteger(), comment=score)
