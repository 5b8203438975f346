"""The register of consents."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "iys_progress",
        sa.Column("name", sa.Text(), nullable=False, comment="changes IYS | changes HS | offered | spread | token"),
        sa.Column("mark", sa.Text(), nullable=True, comment="the cursor; of the token its sealed text"),
        sa.Column(
            "at",
            sa.BigInteger(),
            nullable=True,
            comment="changes: all that was said to İYS until then is here; token: when it ends",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_iys_progress")),
        comment="how far we have come with İYS",
    )
    op.create_table(
        "iys_recipients",
        sa.Column("channel", sa.Text(), nullable=False, comment="email | sms"),
        sa.Column("address_key", sa.Text(), nullable=False, comment="as in contacts: never the address itself"),
        sa.Column("recipient_type", sa.Text(), nullable=False, comment="BIREYSEL | TACIR (a merchant)"),
        sa.Column(
            "status",
            sa.Text(),
            nullable=True,
            comment="ONAY | RET: the newest change that İYS told of; null: it told of none",
        ),
        sa.Column("said_at", sa.BigInteger(), nullable=True, comment="when that was said"),
        sa.Column("source", sa.Text(), nullable=True, comment="where: HS_WEB, IYS_KISAMESAJ …"),
        sa.Column(
            "approved",
            sa.Boolean(),
            nullable=True,
            comment="whether it stood as ONAY when we last asked; null: never asked",
        ),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("channel", "address_key", "recipient_type", name=op.f("pk_iys_recipients")),
        comment="İYS's word on an address, as far as we have heard it",
    )
    op.create_table(
        "iys_pushes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("consent_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("recipient_type", sa.Text(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="HS_…"),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.Column("due_by", sa.BigInteger(), nullable=False, comment="three business days after it was said"),
        sa.Column("state", sa.Text(), nullable=False, comment="waiting | sent | done | needless | refused | late"),
        sa.Column("request_id", sa.Text(), nullable=True, comment="İYS's number of the request that it went with"),
        sa.Column("place", sa.Integer(), nullable=True, comment="its place in that request"),
        sa.Column("problem", sa.Text(), nullable=True, comment="İYS's code, or a word of ours"),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["consent_id"], ["consents.id"], name=op.f("fk_iys_pushes_consent_id")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_iys_pushes_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_iys_pushes")),
        sa.UniqueConstraint("consent_id", name=op.f("uq_iys_pushes_consent_id")),
        comment="words that were said to us and İYS must hear of",
    )
    with op.batch_alter_table("iys_pushes", schema=None) as batch_op:
        batch_op.create_index("ix_iys_pushes_address", ["channel", "address_key"], unique=False)
        batch_op.create_index("ix_iys_pushes_customer_id", ["customer_id"], unique=False)
        batch_op.create_index(
            "ix_iys_pushes_open",
            ["state", "due_by"],
            unique=False,
            sqlite_where=sa.text("state != 'done'"),
            postgresql_where=sa.text("state != 'done'"),
        )
        batch_op.create_index("ix_iys_pushes_request_id", ["request_id"], unique=False)

    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "text_version",
                sa.Text(),
                nullable=True,
                comment="which words they agreed to: a version that the shop keeps",
            )
        )


def downgrade() -> None:
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.drop_column("text_version")

    with op.batch_alter_table("iys_pushes", schema=None) as batch_op:
        batch_op.drop_index("ix_iys_pushes_request_id")
        batch_op.drop_index(
            "ix_iys_pushes_open", sqlite_where=sa.text("state != 'done'"), postgresql_where=sa.text("state != 'done'")
        )
        batch_op.drop_index("ix_iys_pushes_customer_id")
        batch_op.drop_index("ix_iys_pushes_address")

    op.drop_table("iys_pushes")
    op.drop_table("iys_recipients")
    op.drop_table("iys_progress")
