"""Products that go together and guides."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "link_makings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "as_of", sa.BigInteger(), nullable=False, comment="orders known by then; no earlier message reads it"
        ),
        sa.Column("state", sa.Text(), nullable=False, comment="making | ready | gone"),
        sa.Column(
            "orders", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="that were read"
        ),
        sa.Column(
            "links", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="that were found"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_makings")),
        comment="one a night; the newest ready one that is not after the message is read",
    )
    with op.batch_alter_table("link_makings", schema=None) as batch_op:
        batch_op.create_index("ix_link_makings_as_of", ["as_of"], unique=False)

    op.create_table(
        "product_links",
        sa.Column(
            "making_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="a row of link_makings",
        ),
        sa.Column(
            "product_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="what was bought",
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="together: in one order | next: in the order after it"),
        sa.Column("place", sa.SmallInteger(), autoincrement=False, nullable=False, comment="1 is the strongest"),
        sa.Column(
            "other_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="what goes with it",
        ),
        sa.Column("weight", sa.Integer(), nullable=False, comment="thousandths: how sure it is that this is no chance"),
        sa.Column("times", sa.Integer(), nullable=False, comment="orders, or pairs of orders, that hold both"),
        sa.ForeignKeyConstraint(["other_id"], ["products.id"], name=op.f("fk_product_links_other_id")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_product_links_product_id")),
        sa.PrimaryKeyConstraint("making_id", "product_id", "kind", "place", name=op.f("pk_product_links")),
        comment="the strongest of each product only",
    )
    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("guide_url", sa.Text(), nullable=True, comment="a page that shows how it is used")
        )


def downgrade() -> None:
    op.drop_table("product_links")
    with op.batch_alter_table("link_makings", schema=None) as batch_op:
        batch_op.drop_index("ix_link_makings_as_of")

    op.drop_table("link_makings")

    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.drop_column("guide_url")
