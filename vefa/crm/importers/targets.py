"""What an importer can fill: each target's table, columns, key, references and moments, one declaration each."""

from __future__ import annotations

from dataclasses import dataclass, field

import sqlalchemy as sa

from vefa.crm import tables
from vefa.crm.happenings import Kind
from vefa.crm.points import redemptions
from vefa.crm.ticket_messages import ticket_messages

#: What a reference is called in a map, and the table and column that it becomes.
REFERENCES: dict[str, sa.Table] = {
    "customer": tables.customers,
    "order": tables.orders,
    "product": tables.products,
    "ticket": tables.tickets,
}


@dataclass(frozen=True)
class Target:
    """One table to fill.

    `columns` says how each column's text is read (a name in `readings.READERS`). `references` are outside ids of
    other rows; those that must be found are in `required` too. `owner` names the reference to the target whose
    rows are written in the same transaction: an order comes with its lines, a customer with their addresses.
    `compared` are the table's columns that tell a changed row where there is no fingerprint. `whole_by` names the
    column by which rows belong together: where one of them is missing, the others do not tell all.
    """

    name: str
    table: sa.Table
    columns: dict[str, str]
    key: tuple[str, ...]
    required: tuple[str, ...]
    references: tuple[str, ...] = ()
    moments: dict[str, str] = field(default_factory=dict)
    events: Kind | None = None
    owner: str | None = None
    compared: tuple[str, ...] = ()
    whole_by: str | None = None

    @property
    def has_fingerprint(self) -> bool:
        """Whether a row says by its fingerprint that it has nothing new; else its columns are compared."""
        return "fingerprint" in self.table.c

    @property
    def has_source(self) -> bool:
        """Whether rows of several sources live side by side."""
        return "source" in self.table.c and self.name != "consents"

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a map may fill."""
        return (*self.columns, *self.references)


def _moments(*names: str) -> dict[str, str]:
    return {f"{name}_at": f"{name}_known_at" for name in names}


_ALL = (
    Target(
        name="customers",
        table=tables.customers,
        columns={
            "outside_id": "id",
            "first_name": "name",
            "last_name": "name",
            "gender": "gender",
            "birth_date": "birthday",
            "language": "language",
            "country": "country",
            "city": "line",
            "zone": "zone",
            "preferred_channel": "preference",
            "tags": "tags",
            "created_at": "time",
        },
        key=("outside_id",),
        required=("outside_id",),
        events="customer",
    ),
    Target(
        name="contacts",
        table=tables.contacts,
        columns={"channel": "channel", "address": "address", "country": "country"},
        key=("customer", "channel"),
        required=("customer", "channel", "address"),
        references=("customer",),
        owner="customer",
        compared=("address",),
    ),
    Target(
        name="consents",
        table=tables.consents,
        columns={
            "channel": "channel",
            "purpose": "purpose",
            "granted": "boolean",
            "source": "line",
            "text_version": "text",
            "evidence": "text",
            "occurred_at": "time",
            "address": "address",
            "country": "country",
        },
        key=("customer", "channel", "purpose", "occurred_at", "granted"),
        required=("customer", "channel", "purpose", "granted", "source", "occurred_at"),
        references=("customer",),
        moments={"occurred_at": "known_at"},
        owner="customer",
    ),
    Target(
        name="products",
        table=tables.products,
        columns={
            "outside_id": "id",
            "name": "line",
            "category": "line",
            "brand": "line",
            "price": "money",
            "currency": "currency",
            "url": "url",
            "image_url": "url",
            "guide_url": "url",
            "in_stock": "boolean",
            "gift_card": "boolean",
            "tags": "tags",
        },
        key=("outside_id",),
        required=("outside_id", "name"),
    ),
    Target(
        name="orders",
        table=tables.orders,
        columns={
            "outside_id": "id",
            "number": "line",
            "total": "money",
            "currency": "currency",
            "coupon_code": "codes",
            "shop_total": "money",
            "shop_currency": "currency",
            "placed_at": "time",
            "shipped_at": "time",
            "delivered_at": "time",
            "cancelled_at": "time",
        },
        key=("outside_id",),
        required=("outside_id", "total", "currency", "placed_at"),
        references=("customer",),
        moments=_moments("placed", "shipped", "delivered", "cancelled"),
        events="order",
    ),
    Target(
        name="order_lines",
        table=tables.order_lines,
        columns={"line": "whole", "quantity": "quantity", "unit_price": "money", "variant": "line"},
        key=("order", "line"),
        required=("order", "line", "product", "quantity", "unit_price"),
        references=("order", "product"),
        owner="order",
        whole_by="order",
        compared=("product_id", "quantity", "unit_price", "variant"),
    ),
    Target(
        name="deliveries",
        table=tables.deliveries,
        columns={
            "outside_id": "id",
            "carrier": "line",
            "tracking": "line",
            "promised_at": "time",
            "shipped_at": "time",
            "delivered_at": "time",
        },
        key=("outside_id",),
        required=("outside_id", "order"),
        references=("order",),
        moments=_moments("shipped", "delivered"),
        whole_by="order",
        events="delivery",
    ),
    Target(
        name="returns",
        table=tables.returns,
        columns={
            "outside_id": "id",
            "reason": "text",
            "amount": "money",
            "currency": "currency",
            "requested_at": "time",
            "received_at": "time",
            "refunded_at": "time",
            "state": "state",
            "state_at": "time",
        },
        key=("outside_id",),
        required=("outside_id", "customer", "requested_at"),
        references=("customer", "order"),
        moments=_moments("requested", "received", "refunded", "state"),
        whole_by="outside_id",
        events="return",
    ),
    Target(
        name="refunds",
        table=tables.refunds,
        columns={
            "outside_id": "id",
            "amount": "money",
            "currency": "currency",
            "reason": "text",
            "refunded_at": "time",
        },
        key=("outside_id",),
        required=("outside_id", "order", "amount", "refunded_at"),
        references=("customer", "order"),
        moments=_moments("refunded"),
        events="refund",
    ),
    Target(
        name="tickets",
        table=tables.tickets,
        columns={
            "outside_id": "id",
            "subject": "line",
            "category": "line",
            "agent": "line",
            "csat": "stars",
            "opened_at": "time",
            "answered_at": "time",
            "resolved_at": "time",
            "state": "state",
            "state_at": "time",
        },
        key=("outside_id",),
        required=("outside_id", "customer", "opened_at"),
        references=("customer", "order"),
        moments=_moments("opened", "answered", "resolved", "state"),
        events="ticket",
    ),
    Target(
        name="ticket_messages",
        table=ticket_messages,
        columns={"outside_id": "id", "author": "author", "agent": "line", "text": "text", "said_at": "time"},
        key=("outside_id",),
        required=("outside_id", "ticket", "author", "text", "said_at"),
        references=("ticket",),
        moments=_moments("said"),
    ),
    Target(
        name="reviews",
        table=tables.reviews,
        columns={"outside_id": "id", "rating": "stars", "text": "text", "posted_at": "time"},
        key=("outside_id",),
        required=("outside_id", "customer", "posted_at"),
        references=("customer", "order", "product"),
        moments=_moments("posted"),
        events="review",
    ),
    Target(
        name="survey_answers",
        table=tables.survey_answers,
        columns={
            "outside_id": "id",
            "survey": "survey",
            "score": "score",
            "comment": "text",
            "answered_at": "time",
        },
        key=("outside_id",),
        required=("outside_id", "customer", "survey", "score", "answered_at"),
        references=("customer",),
        moments=_moments("answered"),
        events="survey",
    ),
    Target(
        name="redemptions",
        table=redemptions,
        columns={"outside_id": "id", "points": "points", "redeemed_at": "time"},
        key=("outside_id",),
        required=("outside_id", "customer", "points", "redeemed_at"),
        references=("customer", "order"),
        moments=_moments("redeemed"),
        events="redemption",
    ),
    Target(
        name="suppressions",
        table=tables.suppressions,
        columns={
            "channel": "channel",
            "address": "address",
            "country": "country",
            "reason": "suppression",
            "evidence": "text",
            "occurred_at": "time",
        },
        key=("channel", "address_key", "reason", "evidence"),
        required=("channel", "address", "reason"),
    ),
    Target(
        name="events",
        table=tables.events,
        columns={
            "type": "id",
            "object_key": "id",
            "occurrence": "whole",
            "occurred_at": "time",
            "data": "text",
        },
        key=("type", "object_key", "occurrence"),
        required=("type", "object_key", "occurred_at"),
        references=("customer",),
        moments={"occurred_at": "known_at"},
        compared=("occurred_at", "customer_id", "data"),
    ),
)

#: In the order in which they are written: whoever is referred to comes first.
TARGETS: dict[str, Target] = {target.name: target for target in _ALL}
