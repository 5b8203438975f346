"""Consents that are passed on to the shop."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consent_cursors",
        sa.Column("target", sa.Text(), nullable=False, comment="shopify, or a tool's name"),
        sa.Column("kind", sa.Text(), nullable=False, comment="shopify_consent | consent, as in errands"),
        sa.Column(
            "seen",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="consents.id: rows up to it were looked at",
        ),
        sa.Column("since", sa.BigInteger(), nullable=False, comment="when it was switched on"),
        sa.PrimaryKeyConstraint("target", "kind", name=op.f("pk_consent_cursors")),
        comment="how far the log of consents was passed on to shop systems",
    )


def downgrade() -> None:
    op.drop_table("consent_cursors")
