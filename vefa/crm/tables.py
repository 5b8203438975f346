"""The shop's own facts: who bought what, when it arrived, what was said about it.

Everything that happens has the moment it happened (`…_at`) and the moment we learned it (`…_known_at`); a
question asked *as of* some moment sees only what was known by then. Rows from outside are found again by
(`source`, `outside_id`); `fingerprint` tells an importer whether a row says anything new.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint

from vefa.crm import tag_tables
from vefa.database import Id, Instant, Money, Quantity, metadata

Text, Small = sa.Text, sa.SmallInteger
_INCOMPLETE = sa.text("lines_incomplete")


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True)


def _on_the_way(name: str) -> Index:
    """What has left and has not arrived, by when it left."""
    way = sa.text("shipped_at IS NOT NULL AND delivered_at IS NULL")
    return Index(name, "shipped_at", sqlite_where=way, postgresql_where=way)


def _outside() -> list[Column[str]]:
    return [
        Column("source", Text, nullable=False),
        Column("outside_id", Text, nullable=False),
        Column("fingerprint", Text, nullable=False, server_default=""),
    ]


customers = Table(
    "customers",
    metadata,
    _id(),
    Column("outside_id", Text, nullable=False, unique=True, comment="the shop's own number of the customer"),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("gender", Text, comment="female | male | other"),
    Column("birth_date", sa.Date),
    Column("language", Text, comment="BCP 47, such as tr or en"),
    Column("country", Text, comment="ISO 3166-1 alpha-2"),
    Column("city", Text),
    Column("zone", Text, nullable=False, comment="IANA time zone; the shop's where none was given"),
    Column("preferred_channel", Text, comment="email | sms"),
    Column("created_at", Instant, comment="signed up"),
    Column("known_at", Instant, nullable=False),
    Column(
        "bucket",
        sa.BigInteger,
        nullable=False,
        comment="31-bit BLAKE2 of outside_id: all chance comes from it",
    ),
    Column("fingerprint", Text, nullable=False, server_default=""),
    Column("forgotten_at", Instant, comment="nothing personal is left of them"),
    Index("ix_customers_zone", "zone"),
    Index("ix_customers_created_at", "created_at"),
    Index("ix_customers_birth_date", "birth_date"),
)

contacts = Table(
    "contacts",
    metadata,
    Column("customer_id", Id, ForeignKey("customers.id"), primary_key=True),
    Column("channel", Text, primary_key=True, comment="email | sms"),
    Column("address", Text, nullable=False, comment="ASCII e-mail address, or E.164 number"),
    Column(
        "address_key",
        Text,
        nullable=False,
        comment="BLAKE2 of the lower-cased address: for suppression and doubles",
    ),
    Column("undeliverable", Text, comment="why nothing can be sent there, else null"),
    Index("ix_contacts_address_key", "address_key"),
)

consents = Table(
    "consents",
    metadata,
    _id(),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("channel", Text, nullable=False, comment="email | sms"),
    Column("purpose", Text, nullable=False, comment="commercial | transactional"),
    Column("granted", sa.Boolean, nullable=False),
    Column("source", Text, nullable=False, comment="where it was said: HS_WEB, checkout, import …"),
    Column("evidence", Text, comment="text version, form, call record, import line"),
    Column("occurred_at", Instant, nullable=False),
    Column("known_at", Instant, nullable=False),
    Column("text_version", Text, comment="which words they agreed to: a version that the shop keeps"),
    Column("signal", Text, comment="how it came to us: page | shop | import | …; see vefa.crm.lifting"),
    UniqueConstraint("customer_id", "channel", "purpose", "occurred_at", "granted", name="uq_consents_said"),
    comment="append-only: the latest known word counts",
)

suppressions = Table(
    "suppressions",
    metadata,
    _id(),
    Column("channel", Text, nullable=False),
    Column("address_key", Text, nullable=False),
    Column("purpose", Text, comment="commercial; null for every purpose"),
    Column("reason", Text, nullable=False, comment="bounced | complained | unsubscribed | blocked | manual"),
    Column("evidence", Text),
    Column("occurred_at", Instant, nullable=False),
    Column("known_at", Instant, nullable=False),
    Column("until", Instant, comment="it ends by itself; null: it does not"),
    Index("ix_suppressions_address", "channel", "address_key"),
)

tracking_refusals = Table(
    "tracking_refusals",
    metadata,
    Column("customer_id", Id, ForeignKey("customers.id"), primary_key=True),
    Column("since", Instant, nullable=False),
    comment="customers of whom nothing is learned from how they read",
)

products = Table(
    "products",
    metadata,
    _id(),
    *_outside(),
    Column("name", Text, nullable=False),
    Column("category", Text),
    Column("brand", Text),
    Column("price", Money),
    Column("currency", Text),
    Column("url", Text),
    Column("image_url", Text),
    Column("in_stock", sa.Boolean, nullable=False, server_default=sa.true()),
    Column("guide_url", Text, comment="a page that shows how it is used"),
    Column("gift_card", sa.Boolean, nullable=False, server_default=sa.false(), comment="money, no goods"),
    UniqueConstraint("source", "outside_id"),
)

orders = Table(
    "orders",
    metadata,
    _id(),
    *_outside(),
    Column("customer_id", Id, ForeignKey("customers.id"), comment="null: bought without an account"),
    Column("number", Text, nullable=False, comment="as the customer reads it"),
    Column("total", Money, nullable=False),
    Column("currency", Text, nullable=False),
    Column("coupon_code", Text),
    Column("placed_at", Instant, nullable=False),
    Column("placed_known_at", Instant, nullable=False),
    Column("shipped_at", Instant),
    Column("shipped_known_at", Instant),
    Column("delivered_at", Instant, comment="the last parcel"),
    Column("delivered_known_at", Instant),
    Column("cancelled_at", Instant),
    Column("cancelled_known_at", Instant),
    Column("shop_total", Money, comment="as the shop adds it up; null: the same"),
    Column("shop_currency", Text),
    Column("lines_incomplete", sa.Boolean, nullable=False, server_default=sa.false()),
    Column("withdrawn", Text, comment="why it is no order after all: trashed, deleted, voided, test, unpaid"),
    Column("assumed_delivered_at", Instant, comment="an arrival that nobody reported; what is told later differs"),
    UniqueConstraint("source", "outside_id"),
    # All that a roll-up counts: a customer's orders lie side by side here, and anywhere in the table.
    Index(
        "ix_orders_customer_id_placed_at",
        "customer_id",
        "placed_at",
        "placed_known_at",
        "cancelled_known_at",
        "total",
        "currency",
        "shop_total",
        "shop_currency",
    ),
    Index("ix_orders_coupon_code", "coupon_code"),
    _on_the_way("ix_orders_on_the_way"),
    Index("ix_orders_currency", "currency", "shop_currency"),
    Index("ix_orders_lines_incomplete", "placed_known_at", sqlite_where=_INCOMPLETE, postgresql_where=_INCOMPLETE),
)

order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", Id, ForeignKey("orders.id"), primary_key=True),
    Column("line", sa.Integer, primary_key=True),
    Column("product_id", Id, ForeignKey("products.id"), nullable=False),
    Column("quantity", Quantity, nullable=False),
    Column("unit_price", Money, nullable=False),
    Column("variant", Text, comment="which kind of the product: L, red"),
    Index("ix_order_lines_product_id", "product_id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    _id(),
    *_outside(),
    Column("order_id", Id, ForeignKey("orders.id"), nullable=False),
    Column("carrier", Text),
    Column("tracking", Text),
    Column("promised_at", Instant),
    Column("shipped_at", Instant),
    Column("shipped_known_at", Instant),
    Column("delivered_at", Instant),
    Column("delivered_known_at", Instant),
    Column("cancelled_at", Instant, comment="it is no parcel after all"),
    Column("assumed", sa.Boolean, nullable=False, server_default=sa.false(), comment="no carrier has reported it"),
    UniqueConstraint("source", "outside_id"),
    Index("ix_deliveries_order_id", "order_id"),
    _on_the_way("ix_deliveries_on_the_way"),
    comment="one parcel a row",
)

returns = Table(
    "returns",
    metadata,
    _id(),
    *_outside(),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("order_id", Id, ForeignKey("orders.id")),
    Column("reason", Text),
    Column("amount", Money, comment="to be refunded"),
    Column("currency", Text),
    Column("requested_at", Instant, nullable=False),
    Column("requested_known_at", Instant, nullable=False),
    Column("received_at", Instant),
    Column("received_known_at", Instant),
    Column("refunded_at", Instant),
    Column("refunded_known_at", Instant),
    Column("state", Text, comment="how it stands, as the shop told it last; see object_states"),
    Column("state_at", Instant),
    Column("state_known_at", Instant),
    UniqueConstraint("source", "outside_id"),
    Index("ix_returns_customer_id", "customer_id"),
    Index("ix_returns_order_id", "order_id"),
)

refunds = Table(
    "refunds",
    metadata,
    _id(),
    *_outside(),
    Column("customer_id", Id, ForeignKey("customers.id")),
    Column("order_id", Id, ForeignKey("orders.id"), nullable=False),
    Column("reason", Text),
    Column("amount", Money, comment="null: nothing has been paid back yet"),
    Column("currency", Text),
    Column("goods_back", sa.Boolean, nullable=False, server_default=sa.false(), comment="goods came back with it"),
    Column("refunded_at", Instant),
    Column("refunded_known_at", Instant),
    UniqueConstraint("source", "outside_id"),
    Index("ix_refunds_order_id", "order_id", "refunded_known_at"),
    Index("ix_refunds_customer_id", "customer_id"),
    comment="money that went back, one payment a row; goods that come back are returns",
)

tickets = Table(
    "tickets",
    metadata,
    _id(),
    *_outside(),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("order_id", Id, ForeignKey("orders.id")),
    Column("subject", Text),
    Column("category", Text),
    Column("agent", Text),
    Column("csat", Small, comment="1 to 5"),
    Column("opened_at", Instant, nullable=False),
    Column("opened_known_at", Instant, nullable=False),
    Column("answered_at", Instant),
    Column("answered_known_at", Instant),
    Column("resolved_at", Instant),
    Column("resolved_known_at", Instant),
    Column("state", Text, comment="how it stands, as the shop told it last; see object_states"),
    Column("state_at", Instant),
    Column("state_known_at", Instant),
    UniqueConstraint("source", "outside_id"),
    Index("ix_tickets_customer_id", "customer_id"),
)

reviews = Table(
    "reviews",
    metadata,
    _id(),
    *_outside(),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("order_id", Id, ForeignKey("orders.id")),
    Column("product_id", Id, ForeignKey("products.id")),
    Column("rating", Small, comment="1 to 5"),
    Column("text", Text),
    Column("posted_at", Instant, nullable=False),
    Column("posted_known_at", Instant, nullable=False),
    UniqueConstraint("source", "outside_id"),
    Index("ix_reviews_customer_id", "customer_id"),
)

survey_answers = Table(
    "survey_answers",
    metadata,
    _id(),
    *_outside(),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("survey", Text, nullable=False, comment="nps | csat | a name of config/surveys.yaml"),
    Column("score", Small, nullable=False, comment="of a choice: the option's place"),
    Column("comment", Text),
    Column("answered_at", Instant, nullable=False),
    Column("answered_known_at", Instant, nullable=False),
    Column("choice", Text, comment="the option's name"),
    Column("send_id", Id, comment="the message that asked; null: the answer came from outside"),
    Column("object_kind", Text, comment="what the asking journey was about: order | return | ticket | …"),
    Column("object_id", Id),
    Column("order_id", Id, comment="the order that the object is, or belongs to"),
    Column("corrected_at", Instant, comment="they answered anew"),
    Column("routed_to", Text, comment="the team that is told of it"),
    UniqueConstraint("source", "outside_id"),
    Index("ix_survey_answers_customer_id", "customer_id", "survey", "answered_at"),
    Index("ix_survey_answers_send_id", "send_id"),
    Index("ix_survey_answers_answered_at", "answered_at"),
)

events = Table(
    "events",
    metadata,
    _id(),
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False, comment="order.placed, ticket.opened, …"),
    Column("object_kind", Text, comment="order | delivery | return | ticket | review | send | …"),
    Column(
        "object_key",
        Text,
        nullable=False,
        comment="the object's outside id; the sender's event id where there is no object",
    ),
    Column("object_id", Id, comment="the object's row here"),
    Column(
        "order_id",
        Id,
        comment="the order that the object is, or belongs to: same-order questions need no join",
    ),
    Column("occurrence", sa.Integer, nullable=False, server_default="0"),
    Column("customer_id", Id, ForeignKey("customers.id"), comment="null: nobody to write to"),
    Column("occurred_at", Instant, nullable=False),
    Column("known_at", Instant, nullable=False),
    Column("data", sa.JSON),
    # Rule 7: never the time, never the content.
    UniqueConstraint("source", "type", "object_key", "occurrence", name="uq_events_key"),
    Index("ix_events_type_known_at", "type", "known_at"),
    Index("ix_events_order_id", "order_id", "type"),
    Index("ix_events_customer_id_type_occurred_at", "customer_id", "type", "occurred_at"),
)

told_last = Table(
    "told_last",
    metadata,
    Column("source", Text, primary_key=True),
    Column("kind", Text, primary_key=True, comment="order | customer | delivery | return"),
    Column("outside_id", Text, primary_key=True),
    Column("said_at", Instant, nullable=False, comment="the shop's own time of it: older words change nothing back"),
    Column("partial", sa.Boolean, comment="of an order: more parcels are to come"),
    Column("rank", Small, nullable=False, server_default="0", comment="its state's rank: decides at equal said_at"),
    Column("digest", Text, nullable=False, server_default="", comment="of its content: decides at equal rank"),
    Column("withdrawn", Text, comment="why the object does not count: trashed, deleted, voided, test, cancelled"),
    comment="when a shop's webhooks last said something of an object: they may come in any order",
)

moment_reports = Table(
    "moment_reports",
    metadata,
    Column("source", Text, primary_key=True),
    Column("kind", Text, primary_key=True, comment="order | delivery | customer"),
    Column("outside_id", Text, primary_key=True),
    Column("moment", Text, primary_key=True, comment="placed | shipped | delivered | cancelled | created"),
    Column("updated_at", Instant, primary_key=True, comment="of the snapshot that reports it"),
    Column("rank", Small, primary_key=True, autoincrement=False),
    Column("at", Instant, comment="null: it has not happened"),
    comment="what each snapshot of a shop system reports of a moment, append-only; the value follows from all of them",
)

told_early = Table(
    "told_early",
    metadata,
    _id(),
    Column("source", Text, nullable=False),
    Column("order_key", Text, nullable=False, comment="the order that it waits for"),
    Column("kind", Text, nullable=False, comment="as in the inbox, to which it goes back"),
    Column("about", sa.JSON, nullable=False),
    Column("body", sa.LargeBinary, nullable=False),
    Column("received_at", Instant, nullable=False),
    Index("ix_told_early_order_key", "source", "order_key"),
    comment="webhooks about an order that came before the order",
)

tags = tag_tables.tags

facts = Table(
    "facts",
    metadata,
    Column("customer_id", Id, ForeignKey("customers.id"), primary_key=True),
    Column("orders_count", sa.Integer, nullable=False),
    Column("orders_revenue", Money, nullable=False),
    Column("orders_first_at", Instant),
    Column("orders_last_at", Instant),
    Column("as_of", Instant, nullable=False),
    Column("until", Instant, comment="the row is past when something known from then on comes in"),
    Column("orders_unpriced", sa.Integer, nullable=False, server_default="0", comment="of them without a rate"),
    # Each with what is asked beside it, so that "lapsed" and the borders of the fifths never leave the index.
    Index("ix_facts_orders_last_at", "orders_last_at", "orders_count", "orders_first_at"),
    Index("ix_facts_orders_first_at", "orders_first_at"),
    Index("ix_facts_orders_count", "orders_count"),
    Index("ix_facts_orders_revenue", "orders_revenue", "orders_count"),
    Index("ix_facts_until", "until"),
    Index("ix_facts_as_of", "as_of"),
    comment="roll-ups of a customer's orders as of a moment (rule 24)",
)

stale_facts = Table(
    "stale_facts",
    metadata,
    Column("customer_id", Id, ForeignKey("customers.id"), primary_key=True),
    comment="whose roll-ups must be made anew: written in the transaction that changes their orders",
)

#: What stands for the path of an import whose rows came as messages.
BY_MESSAGE = "messages"

imports = Table(
    "imports",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("summary", sa.JSON),
)

rejects = Table(
    "rejects",
    metadata,
    _id(),
    Column("import_id", Id, ForeignKey("imports.id"), nullable=False),
    Column("file", Text, nullable=False),
    Column("line", sa.Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text),
    Column("target", Text, comment="what it would have filled: orders, contacts …"),
    Column("field", Text, comment="the target's column whose value is wrong"),
    Column("hint", Text, comment="the key of the map that would mend it; never holds a value"),
    Index("ix_rejects_import_id", "import_id"),
)
