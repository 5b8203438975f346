"""Who is one with whom."""

# A statement for each table and index; the words of some are long.

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customer_aliases",
        sa.Column("outside_id", sa.Text(), nullable=False, comment="an id that the shop has merged away"),
        sa.Column("kept", sa.Text(), nullable=False, comment="the id that stands for it for ever"),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("outside_id", name=op.f("pk_customer_aliases")),
        comment="ids of merged customers: what comes later under them is the kept customer's",
    )
    with op.batch_alter_table("customer_aliases", schema=None) as batch_op:
        batch_op.create_index("ix_customer_aliases_kept", ["kept"], unique=False)

    op.create_table(
        "guest_objects",
        sa.Column("kind", sa.Text(), nullable=False, comment="order | return | ticket | … | event"),
        sa.Column("object_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="guests.name"),
        sa.PrimaryKeyConstraint("kind", "object_id", name=op.f("pk_guest_objects")),
        comment="what came in under an address alone, so that it can follow the address",
    )
    with op.batch_alter_table("guest_objects", schema=None) as batch_op:
        batch_op.create_index("ix_guest_objects_name", ["name"], unique=False)

    op.create_table(
        "identifiers",
        sa.Column("name", sa.Text(), nullable=False, comment="the shop's id, or guest:KEY"),
        sa.Column("channel", sa.Text(), nullable=False, comment="email | sms"),
        sa.Column("address_key", sa.Text(), nullable=False, comment="as in contacts"),
        sa.Column("own", sa.Boolean(), nullable=False, comment="stood in the customer's own record; else in an order"),
        sa.PrimaryKeyConstraint("name", "channel", "address_key", name=op.f("pk_identifiers")),
        comment="every address that a name was ever seen with",
    )
    with op.batch_alter_table("identifiers", schema=None) as batch_op:
        batch_op.create_index("ix_identifiers_address_key", ["address_key"], unique=False)

    op.create_table(
        "guests",
        sa.Column("name", sa.Text(), nullable=False, comment="guest:KEY"),
        sa.Column("channel", sa.Text(), nullable=False, comment="what the key is of: email | sms"),
        sa.Column(
            "customer_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="whose orders these are now",
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_guests_customer_id")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_guests")),
        comment="names that are an address alone, and the customer they are attached to",
    )
    with op.batch_alter_table("guests", schema=None) as batch_op:
        batch_op.create_index("ix_guests_customer_id", ["customer_id"], unique=False)

    op.create_table(
        "identity_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="merge | detach"),
        sa.Column(
            "kept_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="of a detachment: who has the orders now",
        ),
        sa.Column(
            "gone_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="of a detachment: who had them",
        ),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["gone_id"], ["customers.id"], name=op.f("fk_identity_changes_gone_id")),
        sa.ForeignKeyConstraint(["kept_id"], ["customers.id"], name=op.f("fk_identity_changes_kept_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_changes")),
        comment="what resolution has found and the engine must carry out before anybody is written to",
    )
    with op.batch_alter_table("identity_changes", schema=None) as batch_op:
        batch_op.create_index("ix_identity_changes_gone_id", ["gone_id"], unique=False)
        batch_op.create_index("ix_identity_changes_kept_id", ["kept_id"], unique=False)

    # Guests of before: whom their address names now is looked up when they, or their address, are next seen.
    op.execute(
        "INSERT INTO guests (name, channel, customer_id) SELECT c.outside_id, k.channel, c.id FROM customers c "
        "JOIN contacts k ON k.customer_id = c.id AND c.outside_id = 'guest:' || k.address_key"
    )
    op.execute(
        "INSERT INTO guest_objects (kind, object_id, name) SELECT 'order', o.id, g.name FROM orders o "
        "JOIN guests g ON g.customer_id = o.customer_id"
    )


def downgrade() -> None:
    with op.batch_alter_table("identity_changes", schema=None) as batch_op:
        batch_op.drop_index("ix_identity_changes_kept_id")
        batch_op.drop_index("ix_identity_changes_gone_id")

    op.drop_table("identity_changes")
    with op.batch_alter_table("guests", schema=None) as batch_op:
        batch_op.drop_index("ix_guests_customer_id")

    op.drop_table("guests")
    with op.batch_alter_table("identifiers", schema=None) as batch_op:
        batch_op.drop_index("ix_identifiers_address_key")

    op.drop_table("identifiers")
    with op.batch_alter_table("guest_objects", schema=None) as batch_op:
        batch_op.drop_index("ix_guest_objects_name")

    op.drop_table("guest_objects")
    with op.batch_alter_table("customer_aliases", schema=None) as batch_op:
        batch_op.drop_index("ix_customer_aliases_kept")

    op.drop_table("customer_aliases")
