"""Every field a condition or a moment may name, and every event a journey may wait for: one declaration each.

A field has one home: the customer, the trigger's own object, a coupon, the trigger itself, or the shop. The
questions to the store answer exactly these fields, no more and no fewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FieldType = Literal["text", "number", "money", "time", "date", "bool", "list"]
Home = Literal["customer", "order", "delivery", "return", "ticket", "review", "survey", "coupon", "trigger", "shop"]


@dataclass(frozen=True)
class Field:
    """One field: what it holds, whose it is, and whether it may be empty or is only known as it is today."""

    name: str
    type: FieldType
    home: Home
    meaning: str
    nullable: bool = False
    history: bool = True
    sql: bool = True
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class EventType:
    """One kind of event, and the kind of object it is about (None: about the customer alone)."""

    name: str
    object_kind: str | None
    meaning: str


def _today(name: str, type: FieldType, meaning: str, choices: tuple[str, ...] = ()) -> Field:
    return Field(name, type, "customer", meaning, nullable=True, history=False, choices=choices)


_CUSTOMER = (
    Field("customer.outside_id", "text", "customer", "the shop's own number of the customer", history=False),
    _today("customer.first_name", "text", "first name"),
    _today("customer.last_name", "text", "last name"),
    _today("customer.gender", "text", "gender", choices=("female", "male", "other")),
    Field("customer.age", "number", "customer", "full years since birth", nullable=True),
    _today("customer.birth_date", "date", "date of birth"),
    _today("customer.language", "text", "language, such as tr or en"),
    _today("customer.country", "text", "country as two letters, such as TR"),
    _today("customer.city", "text", "city"),
    Field("customer.zone", "text", "customer", "time zone, such as Europe/Istanbul", history=False),
    Field("customer.created_at", "time", "customer", "when they signed up", nullable=True),
    _today("customer.preferred_channel", "text", "where they like to be written to", choices=("email", "sms")),
    _today("customer.agent", "text", "who of the shop's staff looked after their latest ticket"),
    _today(
        "customer.answers_on", "text", "where they answer rather, as far as it can be told", choices=("email", "sms")
    ),
    Field("customer.tags", "list", "customer", "marks put on by journeys or by the shop"),
)

_HISTORY = (
    Field("orders.count", "number", "customer", "orders so far, cancelled ones left out"),
    Field("orders.revenue", "money", "customer", "worth of all orders, in the shop's currency"),
    Field("orders.average", "money", "customer", "average worth of an order", nullable=True),
    Field("orders.first_at", "time", "customer", "when they first ordered", nullable=True),
    Field("orders.last_at", "time", "customer", "when they last ordered", nullable=True),
    Field("orders.typical_gap", "number", "customer", "usual days from one order to the next", nullable=True),
    Field(
        "orders.gaps_since_last",
        "number",
        "customer",
        "time since the last order, counted in their own usual gaps",
        nullable=True,
    ),
    Field("orders.categories", "list", "customer", "categories they have bought from"),
    Field("orders.products", "list", "customer", "products they have bought, by the shop's own numbers"),
    Field("rfm.recency", "number", "customer", "1 (long ago) to 5 (lately): last order", nullable=True),
    Field("rfm.frequency", "number", "customer", "1 (seldom) to 5 (often): orders", nullable=True),
    Field("rfm.monetary", "number", "customer", "1 (little) to 5 (much): worth", nullable=True),
    Field("returns.count", "number", "customer", "returns so far"),
    Field("tickets.count", "number", "customer", "complaints and questions so far"),
    Field("tickets.open", "number", "customer", "complaints and questions not yet resolved"),
    Field("reviews.count", "number", "customer", "reviews written so far"),
    Field("feedback.nps", "number", "customer", "last answer, 0 to 10: would recommend us", nullable=True),
    Field("feedback.csat", "number", "customer", "last answer, 1 to 5: how content", nullable=True),
    Field("email.last_opened_at", "time", "customer", "when they last opened an e-mail", nullable=True),
    Field("email.last_clicked_at", "time", "customer", "when they last clicked in an e-mail", nullable=True),
    Field("consent.email", "bool", "customer", "agreed to commercial e-mail"),
    Field("consent.sms", "bool", "customer", "agreed to commercial SMS"),
    Field("loyalty.points", "number", "customer", "points they have now"),
    Field("loyalty.worth", "money", "customer", "what these points are worth", nullable=True),
    Field("loyalty.tier", "text", "customer", "tier of the loyalty programme, such as gold", nullable=True),
    Field("loyalty.next_tier", "text", "customer", "the tier above theirs", nullable=True),
    Field("loyalty.to_next_tier", "number", "customer", "points that they lack for it", nullable=True),
    Field("loyalty.expiring", "number", "customer", "points that run out next"),
    Field("loyalty.expires_at", "time", "customer", "last moment at which these can be spent", nullable=True),
)

_ORDER = (
    Field("order.number", "text", "order", "order number as the customer reads it", history=False),
    Field("order.total", "money", "order", "worth of the order"),
    Field("order.currency", "text", "order", "currency of the order, such as TRY"),
    Field("order.placed_at", "time", "order", "when it was ordered"),
    Field("order.shipped_at", "time", "order", "when it left the shop", nullable=True),
    Field("order.delivered_at", "time", "order", "when its last parcel arrived", nullable=True),
    Field("order.cancelled_at", "time", "order", "when it was cancelled", nullable=True),
    Field("order.refunded_at", "time", "order", "when money of it last went back", nullable=True),
    Field("order.refunded_amount", "money", "order", "what has gone back of it so far"),
    Field("order.coupon_code", "text", "order", "coupon it was paid with, the first of several", nullable=True),
    Field("order.coupon_codes", "list", "order", "all coupons it was paid with"),
    Field("order.only_gift_cards", "bool", "order", "nothing in it but gift cards"),
    Field("order.is_first", "bool", "order", "the customer's first order"),
    Field("order.items", "number", "order", "pieces in the order, with parts such as 0.5"),
    Field("order.categories", "list", "order", "categories of its products"),
    Field("order.products", "list", "order", "its products, by the shop's own numbers"),
    Field("order.points", "number", "order", "points that it has brought, without those taken back"),
)

_DELIVERY = (
    Field("delivery.carrier", "text", "delivery", "who carries the parcel", nullable=True),
    Field("delivery.tracking", "text", "delivery", "tracking number", nullable=True),
    Field("delivery.promised_at", "time", "delivery", "when it was promised for", nullable=True),
    Field("delivery.shipped_at", "time", "delivery", "when the parcel left", nullable=True),
    Field("delivery.delivered_at", "time", "delivery", "when the parcel arrived", nullable=True),
)

_RETURN = (
    Field("return.reason", "text", "return", "why it comes back", nullable=True),
    Field("return.amount", "money", "return", "sum to be refunded", nullable=True),
    Field(
        "return.state",
        "text",
        "return",
        "how it stands: requested, received, refunded, or as the shop says; in whenever, what it has just become",
    ),
    Field("return.requested_at", "time", "return", "when the return was asked for"),
    Field("return.received_at", "time", "return", "when the goods came back", nullable=True),
    Field("return.refunded_at", "time", "return", "when the money went back", nullable=True),
)

_TICKET = (
    Field("ticket.subject", "text", "ticket", "what it is about", nullable=True),
    Field("ticket.category", "text", "ticket", "kind of complaint or question", nullable=True),
    Field("ticket.agent", "text", "ticket", "who looks after it", nullable=True),
    Field("ticket.csat", "number", "ticket", "1 to 5: how content with the help", nullable=True),
    Field(
        "ticket.state",
        "text",
        "ticket",
        "how it stands: opened, answered, resolved, or as the shop says; in whenever, what it has just become",
    ),
    Field("ticket.opened_at", "time", "ticket", "when it was opened"),
    Field("ticket.answered_at", "time", "ticket", "when it was first answered", nullable=True),
    Field("ticket.resolved_at", "time", "ticket", "when it was resolved", nullable=True),
)

_REVIEW = (
    Field("review.rating", "number", "review", "1 to 5 stars", nullable=True),
    Field("review.text", "text", "review", "what they wrote", nullable=True),
    Field("review.posted_at", "time", "review", "when it was written"),
)

_SURVEY = (
    Field("survey.name", "text", "survey", "which survey was answered", nullable=True),
    Field("survey.score", "number", "survey", "the answer: 1 to 5, 0 to 10, or the option's place", nullable=True),
    Field("survey.choice", "text", "survey", "the option that was chosen, by its name", nullable=True),
    Field("survey.comment", "text", "survey", "what they wrote besides", nullable=True),
    Field("survey.answered_at", "time", "survey", "when they answered", nullable=True),
)

_REST = (
    Field("coupon.code", "text", "coupon", "the code this journey gave"),
    Field("coupon.used", "bool", "coupon", "an order was paid with it"),
    Field("coupon.valid_until", "time", "coupon", "last moment it can be used", nullable=True),
    Field("trigger.date", "date", "trigger", "this year's day, in a journey with a date trigger"),
    Field("trigger.years", "number", "trigger", "full years on that day: 1 on the first anniversary", nullable=True),
    Field("trigger.at", "time", "trigger", "when that happened which brought them in"),
    Field("shop.founded_on", "date", "shop", "the shop's own birthday", nullable=True),
)

FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        *_CUSTOMER,
        *_HISTORY,
        *_ORDER,
        *_DELIVERY,
        *_RETURN,
        *_TICKET,
        *_REVIEW,
        *_SURVEY,
        *_REST,
    )
}

EVENTS: dict[str, EventType] = {
    event.name: event
    for event in (
        EventType("order.placed", "order", "an order was placed"),
        EventType("order.shipped", "order", "an order left the shop"),
        EventType("order.delivered", "order", "the last parcel of an order arrived"),
        EventType("order.cancelled", "order", "an order was cancelled"),
        EventType("order.refunded", "order", "money of an order went back, a part of it or all"),
        EventType("delivery.shipped", "delivery", "a parcel left the shop"),
        EventType("delivery.delivered", "delivery", "a parcel arrived"),
        EventType("return.requested", "return", "the customer wants to send something back"),
        EventType("return.received", "return", "returned goods came back"),
        EventType("return.refunded", "return", "the money of a return went back"),
        EventType("return.state_changed", "return", "a return has come to another state, such as approved or received"),
        EventType("ticket.opened", "ticket", "a complaint or question came in"),
        EventType("ticket.answered", "ticket", "a complaint or question was first answered"),
        EventType("ticket.resolved", "ticket", "a complaint or question was resolved"),
        EventType("ticket.state_changed", "ticket", "a complaint or question has come to another state"),
        EventType("review.posted", "review", "a review was written"),
        EventType("survey.answered", "survey", "a survey was answered"),
        EventType("loyalty.redeemed", "redemption", "points were spent"),
        EventType("loyalty.tier_changed", None, "the customer came to another tier, up or down"),
        EventType("loyalty.tier_raised", None, "the customer came to a higher tier"),
        EventType("points.expiring", None, "points of the customer run out soon"),
        EventType("customer.created", "customer", "somebody signed up"),
        EventType("coupon.redeemed", "coupon", "a coupon of ours was used in an order"),
        EventType("email.opened", "send", "an e-mail of ours was opened by a person"),
        EventType("email.clicked", "send", "a link in an e-mail of ours was clicked"),
    )
}

#: Events that come several times for one object, each a fact of its own that somebody can enter by.
REPEATED_EVENTS = frozenset({"order.refunded"})

#: Events that vefa itself makes of other facts: nobody outside can tell of them.
OWN_EVENTS = frozenset({"loyalty.tier_changed", "loyalty.tier_raised", "points.expiring"})

#: Objects that are an order or belong to one: an event about one of them is "about the same order" as another.
OF_AN_ORDER = frozenset({"order", "delivery", "return", "ticket", "review"})

#: Events that vefa finds out by itself: nobody can send them.
OWN_OBJECTS = frozenset({"send", "coupon"})

#: Which objects' fields are at hand when the trigger brings an object of that kind.
REACH: dict[str, frozenset[str]] = {
    "order": frozenset({"order", "delivery"}),
    "delivery": frozenset({"delivery", "order"}),
    "return": frozenset({"return", "order", "delivery"}),
    "ticket": frozenset({"ticket", "order", "delivery"}),
    "review": frozenset({"review", "order", "delivery"}),
    # beside it, where a message of the journey asks one itself
    "survey": frozenset({"survey"}),
}

OBJECT_KINDS = frozenset(REACH)

#: Fields that have a value once that event has happened, though they may be empty at other times.
FILLED_BY: dict[str, frozenset[str]] = {
    "order.shipped": frozenset({"order.shipped_at"}),
    "order.delivered": frozenset({"order.delivered_at"}),
    "order.cancelled": frozenset({"order.cancelled_at"}),
    "order.refunded": frozenset({"order.refunded_at"}),
    "delivery.shipped": frozenset({"delivery.shipped_at"}),
    # of the order's several parcels this may not be the last, so order.delivered_at may still be empty
    "delivery.delivered": frozenset({"delivery.delivered_at"}),
    "return.received": frozenset({"return.received_at"}),
    "return.refunded": frozenset({"return.refunded_at"}),
    "ticket.answered": frozenset({"ticket.answered_at"}),
    "ticket.resolved": frozenset({"ticket.resolved_at"}),
    "survey.answered": frozenset({"survey.name", "survey.score", "survey.answered_at"}),
    "customer.created": frozenset({"customer.created_at"}),
    "order.placed": frozenset({"orders.first_at", "orders.last_at"}),
}

#: Named in the language, not yet answered by the store.
LATER_FIELDS: frozenset[str] = frozenset({"alive.probability", "alive.expected_orders_90d"})
