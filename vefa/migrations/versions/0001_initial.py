"""Initial."""

# ruff: noqa: PLR0915  # a statement for each table and index

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False, comment="who reserved it: settlements are fenced by it"),
        sa.Column("journey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("reserved_at", sa.BigInteger(), nullable=False),
        sa.Column("claimed_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_table(
        "breakers",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("open_until", sa.BigInteger(), nullable=False, comment="wall clock"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_breakers")),
        comment="channels that nothing may go by until mended (rule 15)",
    )
    op.create_table(
        "considered",
        sa.Column("journey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=False,
            comment="entered | holdout | where | audience | reentry | too old | … (rule 3)",
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("journey_id", "event_id", name=op.f("pk_considered")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("considered", schema=None) as batch_op:
        batch_op.create_index("ix_considered_at", ["journey_id", "at"], unique=False)

    op.create_table(
        "customers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("outside_id", sa.Text(), nullable=False, comment="the shop's own number of the customer"),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("gender", sa.Text(), nullable=True, comment="female | male | other"),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True, comment="BCP 47, such as tr or en"),
        sa.Column("country", sa.Text(), nullable=True, comment="ISO 3166-1 alpha-2"),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("zone", sa.Text(), nullable=False, comment="IANA time zone; the shop's where none was given"),
        sa.Column("preferred_channel", sa.Text(), nullable=True, comment="email | sms"),
        sa.Column("created_at", sa.BigInteger(), nullable=True, comment="signed up"),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "bucket", sa.BigInteger(), nullable=False, comment="31-bit BLAKE2 of outside_id: all chance comes from it"
        ),
        sa.Column("fingerprint", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sa.UniqueConstraint("outside_id", name=op.f("uq_customers_outside_id")),
    )
    with op.batch_alter_table("customers", schema=None) as batch_op:
        batch_op.create_index("ix_customers_created_at", ["created_at"], unique=False)
        batch_op.create_index("ix_customers_zone", ["zone"], unique=False)

    op.create_table(
        "imports",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("summary", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    op.create_table(
        "journeys",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="draft | live | paused | closing | gone (rule 22)"),
        sa.Column(
            "file_status",
            sa.Text(),
            nullable=True,
            comment="what the file said last; a pause by hand outlives deploys that do not change it",
        ),
        sa.Column(
            "plan_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="the plan that newcomers get",
        ),
        sa.Column("live_since", sa.BigInteger(), nullable=True, comment="nothing older enters (rule 4)"),
        sa.Column(
            "entry_from",
            sa.BigInteger(),
            nullable=True,
            comment="live_since less backfill, or the end of the last pause",
        ),
        sa.Column("last_tick_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "lease_owner", sa.Text(), nullable=True, comment="two runs of one journey never work at the same time"
        ),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journeys")),
        sa.UniqueConstraint("name", name=op.f("uq_journeys_name")),
    )
    op.create_table(
        "products",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("outside_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("brand", sa.Text(), nullable=True),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("in_stock", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("source", "outside_id", name=op.f("uq_products_source_outside_id")),
    )
    op.create_table(
        "reentry_slots",
        sa.Column("journey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("entry_key", sa.BigInteger(), nullable=False, comment="who holds the slot"),
        sa.Column("next_at", sa.BigInteger(), nullable=True, comment="null: never again"),
        sa.PrimaryKeyConstraint("journey_id", "customer_id", name=op.f("pk_reentry_slots")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "segment_members",
        sa.Column("journey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("journey_id", "customer_id", name=op.f("pk_segment_members")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "suppressions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=True, comment="commercial; null for every purpose"),
        sa.Column(
            "reason", sa.Text(), nullable=False, comment="bounced | complained | unsubscribed | blocked | manual"
        ),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressions")),
    )
    with op.batch_alter_table("suppressions", schema=None) as batch_op:
        batch_op.create_index("ix_suppressions_address", ["channel", "address_key"], unique=False)

    op.create_table(
        "consents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False, comment="email | sms"),
        sa.Column("purpose", sa.Text(), nullable=False, comment="commercial | transactional"),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="where it was said: HS_WEB, checkout, import …"),
        sa.Column("evidence", sa.Text(), nullable=True, comment="text version, form, call record, import line"),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_consents_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
        sa.UniqueConstraint("customer_id", "channel", "purpose", "occurred_at", "granted", name="uq_consents_said"),
        comment="append-only: the latest known word counts",
    )
    op.create_table(
        "contacts",
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False, comment="email | sms"),
        sa.Column("address", sa.Text(), nullable=False, comment="ASCII e-mail address, or E.164 number"),
        sa.Column(
            "address_key",
            sa.Text(),
            nullable=False,
            comment="BLAKE2 of the lower-cased address: for suppression and doubles",
        ),
        sa.Column("undeliverable", sa.Text(), nullable=True, comment="why nothing can be sent there, else null"),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_contacts_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", "channel", name=op.f("pk_contacts")),
    )
    with op.batch_alter_table("contacts", schema=None) as batch_op:
        batch_op.create_index("ix_contacts_address_key", ["address_key"], unique=False)

    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False, comment="order.placed, ticket.opened, …"),
        sa.Column(
            "object_kind", sa.Text(), nullable=True, comment="order | delivery | return | ticket | review | send | …"
        ),
        sa.Column(
            "object_key",
            sa.Text(),
            nullable=False,
            comment="the object's outside id; the sender's event id where there is no object",
        ),
        sa.Column(
            "object_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="the object's row here",
        ),
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="the order that the object is, or belongs to: same-order questions need no join",
        ),
        sa.Column("occurrence", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "customer_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="null: nobody to write to",
        ),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_events_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("source", "type", "object_key", "occurrence", name="uq_events_key"),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(
            "ix_events_customer_id_type_occurred_at", ["customer_id", "type", "occurred_at"], unique=False
        )
        batch_op.create_index("ix_events_order_id", ["order_id", "type"], unique=False)
        batch_op.create_index("ix_events_type_known_at", ["type", "known_at"], unique=False)

    op.create_table(
        "facts",
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("orders_count", sa.Integer(), nullable=False),
        sa.Column("orders_revenue", sa.BigInteger(), nullable=False),
        sa.Column("orders_first_at", sa.BigInteger(), nullable=True),
        sa.Column("orders_last_at", sa.BigInteger(), nullable=True),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column(
            "until",
            sa.BigInteger(),
            nullable=True,
            comment="the row is past when something known from then on comes in",
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_facts_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_facts")),
        comment="roll-ups of a customer's orders as of a moment (rule 24)",
    )
    with op.batch_alter_table("facts", schema=None) as batch_op:
        batch_op.create_index("ix_facts_as_of", ["as_of"], unique=False)
        batch_op.create_index("ix_facts_orders_count", ["orders_count"], unique=False)
        batch_op.create_index("ix_facts_orders_first_at", ["orders_first_at"], unique=False)
        batch_op.create_index("ix_facts_orders_last_at", ["orders_last_at"], unique=False)
        batch_op.create_index("ix_facts_orders_revenue", ["orders_revenue"], unique=False)
        batch_op.create_index("ix_facts_until", ["until"], unique=False)

    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("outside_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "customer_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="null: bought without an account",
        ),
        sa.Column("number", sa.Text(), nullable=False, comment="as the customer reads it"),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("coupon_code", sa.Text(), nullable=True),
        sa.Column("placed_at", sa.BigInteger(), nullable=False),
        sa.Column("placed_known_at", sa.BigInteger(), nullable=False),
        sa.Column("shipped_at", sa.BigInteger(), nullable=True),
        sa.Column("shipped_known_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True, comment="the last parcel"),
        sa.Column("delivered_known_at", sa.BigInteger(), nullable=True),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=True),
        sa.Column("cancelled_known_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_orders_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint("source", "outside_id", name=op.f("uq_orders_source_outside_id")),
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index("ix_orders_coupon_code", ["coupon_code"], unique=False)
        batch_op.create_index("ix_orders_customer_id_placed_at", ["customer_id", "placed_at"], unique=False)

    op.create_table(
        "plans",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("journey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="the plan as JSON"),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["journey_id"], ["journeys.id"], name=op.f("fk_plans_journey_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("journey_id", "hash", name=op.f("uq_plans_journey_id_hash")),
    )
    op.create_table(
        "rejects",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("import_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_rejects_import_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejects")),
    )
    with op.batch_alter_table("rejects", schema=None) as batch_op:
        batch_op.create_index("ix_rejects_import_id", ["import_id"], unique=False)

    op.create_table(
        "stale_facts",
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_stale_facts_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_stale_facts")),
        comment="whose roll-ups must be made anew: written in the transaction that changes their orders",
    )
    op.create_table(
        "step_names",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("journey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="a step's key or id"),
        sa.ForeignKeyConstraint(["journey_id"], ["journeys.id"], name=op.f("fk_step_names_journey_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step_names")),
        sa.UniqueConstraint("journey_id", "name", name=op.f("uq_step_names_journey_id_name")),
        comment="numbers for steps, the same in every plan of the journey",
    )
    op.create_table(
        "survey_answers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("outside_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("survey", sa.Text(), nullable=False, comment="nps | csat"),
        sa.Column("score", sa.SmallInteger(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_known_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_survey_answers_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_answers")),
        sa.UniqueConstraint("source", "outside_id", name=op.f("uq_survey_answers_source_outside_id")),
    )
    with op.batch_alter_table("survey_answers", schema=None) as batch_op:
        batch_op.create_index("ix_survey_answers_customer_id", ["customer_id", "survey", "answered_at"], unique=False)

    op.create_table(
        "tags",
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_tags_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", "tag", name=op.f("pk_tags")),
    )
    with op.batch_alter_table("tags", schema=None) as batch_op:
        batch_op.create_index("ix_tags_tag", ["tag"], unique=False)

    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("outside_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), server_default="", nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=True),
        sa.Column("tracking", sa.Text(), nullable=True),
        sa.Column("promised_at", sa.BigInteger(), nullable=True),
        sa.Column("shipped_at", sa.BigInteger(), nullable=True),
        sa.Column("shipped_known_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_known_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_deliveries_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("source", "outside_id", name=op.f("uq_deliveries_source_outside_id")),
        comment="one parcel a row",
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index("ix_deliveries_order_id", ["order_id"], unique=False)

    op.create_table(
        "enrolments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("journey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "entry_key", sa.BigInteger(), nullable=False, comment="what entered them: object, year, day, occurrence …"
        ),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "entered_at",
            sa.BigInteger(),
            nullable=False,
            comment="the trigger's own moment: goals, exits, happened count from it",
        ),
        sa.Column("enrolled_at", sa.BigInteger(), nullable=False, comment="the tick's now"),
        sa.Column("object_kind", sa.Text(), nullable=True),
        sa.Column("object_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="the order that the object is, or belongs to",
        ),
        sa.Column("trigger_date", sa.Date(), nullable=True, comment="this year's day, for date triggers"),
        sa.Column("state", sa.Text(), nullable=False, comment="active | finished | left | holdout"),
        sa.Column("reason", sa.Text(), nullable=True, comment="why they left"),
        sa.Column("left_at", sa.BigInteger(), nullable=True),
        sa.Column("goal_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "step",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="step_names.id of the step's key",
        ),
        sa.Column(
            "phase",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="0 just arrived, 1 waiting or queued",
        ),
        sa.Column("arrived_at", sa.BigInteger(), nullable=False, comment="the logical arrival at the step (rule 5)"),
        sa.Column("due_at", sa.BigInteger(), nullable=True, comment="null: held by a message"),
        sa.Column(
            "wait_basis",
            sa.BigInteger(),
            nullable=True,
            comment="the field's value that due_at was computed from (rule 6)",
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_enrolments_customer_id")),
        sa.ForeignKeyConstraint(["journey_id"], ["journeys.id"], name=op.f("fk_enrolments_journey_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_enrolments_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolments")),
        sa.UniqueConstraint("journey_id", "customer_id", "entry_key", name="uq_enrolments_entry"),
    )
    with op.batch_alter_table("enrolments", schema=None) as batch_op:
        batch_op.create_index("ix_enrolments_customer_id", ["customer_id"], unique=False)
        batch_op.create_index(
            "ix_enrolments_due",
            ["journey_id", "due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'active'"),
            postgresql_where=sa.text("state = 'active'"),
        )
        batch_op.create_index("ix_enrolments_goal", ["journey_id", "entered_at"], unique=False)
        batch_op.create_index(
            "ix_enrolments_step",
            ["plan_id", "step", "due_at"],
            unique=False,
            sqlite_where=sa.text("state = 'active'"),
            postgresql_where=sa.text("state = 'active'"),
        )

    op.create_table(
        "order_lines",
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_lines_order_id")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_order_lines_product_id")),
        sa.PrimaryKeyConstraint("order_id", "line", name=op.f("pk_order_lines")),
    )
    with op.batch_alter_table("order_lines", schema=None) as batch_op:
        batch_op.create_index("ix_order_lines_product_id", ["product_id"], unique=False)

    op.create_table(
        "returns",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("outside_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True, comment="to be refunded"),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("requested_known_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=True),
        sa.Column("received_known_at", sa.BigInteger(), nullable=True),
        sa.Column("refunded_at", sa.BigInteger(), nullable=True),
        sa.Column("refunded_known_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_returns_customer_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_returns_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returns")),
        sa.UniqueConstraint("source", "outside_id", name=op.f("uq_returns_source_outside_id")),
    )
    with op.batch_alter_table("returns", schema=None) as batch_op:
        batch_op.create_index("ix_returns_customer_id", ["customer_id"], unique=False)
        batch_op.create_index("ix_returns_order_id", ["order_id"], unique=False)

    op.create_table(
        "reviews",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("outside_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("rating", sa.SmallInteger(), nullable=True, comment="1 to 5"),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("posted_at", sa.BigInteger(), nullable=False),
        sa.Column("posted_known_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_reviews_customer_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_reviews_order_id")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_reviews_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("source", "outside_id", name=op.f("uq_reviews_source_outside_id")),
    )
    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.create_index("ix_reviews_customer_id", ["customer_id"], unique=False)

    op.create_table(
        "tickets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("outside_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("csat", sa.SmallInteger(), nullable=True, comment="1 to 5"),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_known_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("answered_known_at", sa.BigInteger(), nullable=True),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("resolved_known_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_tickets_customer_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_tickets_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sa.UniqueConstraint("source", "outside_id", name=op.f("uq_tickets_source_outside_id")),
    )
    with op.batch_alter_table("tickets", schema=None) as batch_op:
        batch_op.create_index("ix_tickets_customer_id", ["customer_id"], unique=False)

    op.create_table(
        "coupons",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("enrolment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("step", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False, comment="percent | amount, currency | free_shipping, minimum"),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("valid_days", sa.Integer(), nullable=True),
        sa.Column("valid_seconds", sa.Integer(), nullable=True),
        sa.Column("valid_from", sa.BigInteger(), nullable=True, comment="the claim of its first message (rule 18)"),
        sa.Column("valid_until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_coupons_customer_id")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolments.id"], name=op.f("fk_coupons_enrolment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupons")),
        sa.UniqueConstraint("code", name=op.f("uq_coupons_code")),
        sa.UniqueConstraint("enrolment_id", "step", name=op.f("uq_coupons_enrolment_id_step")),
    )
    with op.batch_alter_table("coupons", schema=None) as batch_op:
        batch_op.create_index("ix_coupons_customer_id", ["customer_id"], unique=False)

    op.create_table(
        "sends",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("enrolment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "step",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="step_names.id of the step's id",
        ),
        sa.Column("journey_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "plan_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="the plan it was queued under (rule 21)",
        ),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("medium", sa.Text(), nullable=True, comment="email | sms; null until the claim chooses"),
        sa.Column("state", sa.Text(), nullable=False, comment="queued reserved claimed sent skipped failed unknown"),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=False, comment="when the customer came to the step"),
        sa.Column("not_before", sa.BigInteger(), nullable=False, comment="deferred until then"),
        sa.Column(
            "expires_at",
            sa.BigInteger(),
            nullable=True,
            comment="skipped(expired) from then on; every defer sets it (rule 15)",
        ),
        sa.Column("attempt", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column(
            "doubts",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="attempts that may have reached the provider",
        ),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True, comment="wall clock: of a reservation or a claim"),
        sa.Column(
            "claimed_at", sa.BigInteger(), nullable=True, comment="business time of the last claim: caps count from it"
        ),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("template_hash", sa.Text(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_sends_customer_id")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolments.id"], name=op.f("fk_sends_enrolment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sends")),
        sa.UniqueConstraint("enrolment_id", "step", name="uq_sends_enrolment_step"),
    )
    with op.batch_alter_table("sends", schema=None) as batch_op:
        batch_op.create_index("ix_sends_batch_id", ["batch_id"], unique=False)
        batch_op.create_index("ix_sends_customer_id", ["customer_id", "claimed_at"], unique=False)
        batch_op.create_index(
            "ix_sends_leased",
            ["lease_until"],
            unique=False,
            sqlite_where=sa.text("state IN ('reserved', 'claimed')"),
            postgresql_where=sa.text("state IN ('reserved', 'claimed')"),
        )
        batch_op.create_index(
            "ix_sends_queue",
            ["journey_id", "not_before"],
            unique=False,
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        )

    op.create_table(
        "send_history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("send_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False, comment="deferred | released | unknown | settled late"),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["send_id"], ["sends.id"], name=op.f("fk_send_history_send_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_send_history")),
        comment="whatever did not go straight from queued to sent",
    )
    with op.batch_alter_table("send_history", schema=None) as batch_op:
        batch_op.create_index("ix_send_history_send_id", ["send_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("send_history", schema=None) as batch_op:
        batch_op.drop_index("ix_send_history_send_id")

    op.drop_table("send_history")
    with op.batch_alter_table("sends", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_sends_queue", sqlite_where=sa.text("state = 'queued'"), postgresql_where=sa.text("state = 'queued'")
        )
        batch_op.drop_index(
            "ix_sends_leased",
            sqlite_where=sa.text("state IN ('reserved', 'claimed')"),
            postgresql_where=sa.text("state IN ('reserved', 'claimed')"),
        )
        batch_op.drop_index("ix_sends_customer_id")
        batch_op.drop_index("ix_sends_batch_id")

    op.drop_table("sends")
    with op.batch_alter_table("coupons", schema=None) as batch_op:
        batch_op.drop_index("ix_coupons_customer_id")

    op.drop_table("coupons")
    with op.batch_alter_table("tickets", schema=None) as batch_op:
        batch_op.drop_index("ix_tickets_customer_id")

    op.drop_table("tickets")
    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.drop_index("ix_reviews_customer_id")

    op.drop_table("reviews")
    with op.batch_alter_table("returns", schema=None) as batch_op:
        batch_op.drop_index("ix_returns_order_id")
        batch_op.drop_index("ix_returns_customer_id")

    op.drop_table("returns")
    with op.batch_alter_table("order_lines", schema=None) as batch_op:
        batch_op.drop_index("ix_order_lines_product_id")

    op.drop_table("order_lines")
    with op.batch_alter_table("enrolments", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_enrolments_step", sqlite_where=sa.text("state = 'active'"), postgresql_where=sa.text("state = 'active'")
        )
        batch_op.drop_index("ix_enrolments_goal")
        batch_op.drop_index(
            "ix_enrolments_due", sqlite_where=sa.text("state = 'active'"), postgresql_where=sa.text("state = 'active'")
        )
        batch_op.drop_index("ix_enrolments_customer_id")

    op.drop_table("enrolments")
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_index("ix_deliveries_order_id")

    op.drop_table("deliveries")
    with op.batch_alter_table("tags", schema=None) as batch_op:
        batch_op.drop_index("ix_tags_tag")

    op.drop_table("tags")
    with op.batch_alter_table("survey_answers", schema=None) as batch_op:
        batch_op.drop_index("ix_survey_answers_customer_id")

    op.drop_table("survey_answers")
    op.drop_table("step_names")
    op.drop_table("stale_facts")
    with op.batch_alter_table("rejects", schema=None) as batch_op:
        batch_op.drop_index("ix_rejects_import_id")

    op.drop_table("rejects")
    op.drop_table("plans")
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index("ix_orders_customer_id_placed_at")
        batch_op.drop_index("ix_orders_coupon_code")

    op.drop_table("orders")
    with op.batch_alter_table("facts", schema=None) as batch_op:
        batch_op.drop_index("ix_facts_until")
        batch_op.drop_index("ix_facts_orders_revenue")
        batch_op.drop_index("ix_facts_orders_last_at")
        batch_op.drop_index("ix_facts_orders_first_at")
        batch_op.drop_index("ix_facts_orders_count")
        batch_op.drop_index("ix_facts_as_of")

    op.drop_table("facts")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index("ix_events_type_known_at")
        batch_op.drop_index("ix_events_order_id")
        batch_op.drop_index("ix_events_customer_id_type_occurred_at")

    op.drop_table("events")
    with op.batch_alter_table("contacts", schema=None) as batch_op:
        batch_op.drop_index("ix_contacts_address_key")

    op.drop_table("contacts")
    op.drop_table("consents")
    with op.batch_alter_table("suppressions", schema=None) as batch_op:
        batch_op.drop_index("ix_suppressions_address")

    op.drop_table("suppressions")
    op.drop_table("segment_members")
    op.drop_table("reentry_slots")
    op.drop_table("products")
    op.drop_table("journeys")
    op.drop_table("imports")
    with op.batch_alter_table("customers", schema=None) as batch_op:
        batch_op.drop_index("ix_customers_zone")
        batch_op.drop_index("ix_customers_created_at")

    op.drop_table("customers")
    with op.batch_alter_table("considered", schema=None) as batch_op:
        batch_op.drop_index("ix_considered_at")

    op.drop_table("considered")
    op.drop_table("breakers")
    op.drop_table("batches")
