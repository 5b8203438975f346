"""What customers choose themselves."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "forgotten",
        sa.Column("person_key", sa.Text(), nullable=False, comment="BLAKE2 of the shop's own number of the customer"),
        sa.Column("forgotten_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_key", name=op.f("pk_forgotten")),
        comment="customers who were forgotten, as hashes: imports leave their rows out",
    )
    op.create_table(
        "topic_refusals",
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False, comment="a name of config/topics.yaml"),
        sa.Column("refused_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_topic_refusals_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", "topic", name=op.f("pk_topic_refusals")),
        comment="topics that customers want nothing commercial of",
    )
    op.create_table(
        "wishes",
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("language", sa.Text(), nullable=True, comment="wins over what an import says"),
        sa.Column("paused_until", sa.BigInteger(), nullable=True, comment="nothing commercial before"),
        sa.Column(
            "link_mailed_at",
            sa.BigInteger(),
            nullable=True,
            comment="they asked for a link to what is known of them: not again at once",
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_wishes_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_wishes")),
        comment="what customers chose themselves",
    )
    with op.batch_alter_table("customers", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("forgotten_at", sa.BigInteger(), nullable=True, comment="nothing personal is left of them")
        )


def downgrade() -> None:
    with op.batch_alter_table("customers", schema=None) as batch_op:
        batch_op.drop_column("forgotten_at")

    op.drop_table("wishes")
    op.drop_table("topic_refusals")
    op.drop_table("forgotten")
