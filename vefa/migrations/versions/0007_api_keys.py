"""API keys."""

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
        "api_keys",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="whose ids its orders and events have"),
        sa.Column("hash", sa.Text(), nullable=False, comment="SHA-256 of the key, in hex"),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True, comment="to the minute"),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True, comment="null: it opens"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_keys_hash")),
        sa.UniqueConstraint("name", name=op.f("uq_api_keys_name")),
        comment="who may send events; the keys themselves are nowhere",
    )


def downgrade() -> None:
    op.drop_table("api_keys")
