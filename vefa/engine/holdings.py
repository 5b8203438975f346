"""Everything that is held of one customer, table by table: what they are shown of it, and what becomes of it when they
are forgotten. One list for both, so that nothing is told and kept, or removed and never told.

Rows of the ledger and of the journeys stay, because numbers that stood in messages must not be given out again; what
could lead from them to a person does not stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa

from vefa.consent.tables import iys_pushes
from vefa.crm import points
from vefa.crm import tables as crm
from vefa.crm.answers import channel_answers
from vefa.crm.consent_echoes import consents_passed_on
from vefa.crm.coupon_uses import coupon_keys, coupon_uses, order_codes
from vefa.crm.former_addresses import former_addresses
from vefa.crm.identifiers import customer_aliases, guest_objects, guests, identifiers, identity_changes
from vefa.crm.states import STATEFUL, object_states
from vefa.crm.suppression_history import suppression_history
from vefa.crm.tag_tables import tag_lists
from vefa.crm.ticket_messages import ticket_messages
from vefa.crm.wishes import topic_refusals, wishes
from vefa.engine.tables import considered, enrolments, journeys, occasions, reentry_slots, segment_members
from vefa.errands.tables import errands
from vefa.ledger.tables import send_history, sends
from vefa.rewards.tables import coupons, redemptions

Which = Callable[[int], sa.ColumnElement[bool]]
Fate = Literal["removed", "stripped", "kept"]


@dataclass(frozen=True)
class Holding:
    """One table. `whose` chooses a customer's rows; `strip` is what a stripped row holds instead of what it held.

    `told` are the columns that the customer is shown, by the name they are shown under; none: it says nothing that
    other tables do not say.
    """

    name: str
    table: sa.Table
    whose: Which
    fate: Fate
    told: tuple[str, ...] = ()
    strip: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


def _own(table: sa.Table) -> Which:
    return lambda customer: table.c.customer_id == customer


def _of_orders(table: sa.Table) -> Which:
    return lambda customer: table.c.order_id.in_(sa.select(crm.orders.c.id).where(crm.orders.c.customer_id == customer))


def _of_tickets(table: sa.Table) -> Which:
    return lambda customer: table.c.ticket_id.in_(
        sa.select(crm.tickets.c.id).where(crm.tickets.c.customer_id == customer)
    )


def _events(customer: int) -> sa.ColumnElement[bool]:
    return sa.or_(_own(crm.events)(customer), _of_orders(crm.events)(customer))


def _considered(customer: int) -> sa.ColumnElement[bool]:
    return considered.c.event_id.in_(sa.select(crm.events.c.id).where(_events(customer)))


def _occasions(customer: int) -> sa.ColumnElement[bool]:
    return occasions.c.enrolment_id.in_(sa.select(enrolments.c.id).where(enrolments.c.customer_id == customer))


def _states(customer: int) -> sa.ColumnElement[bool]:
    s = object_states.c
    mine = (
        sa.and_(s.kind == kind, s.object_id.in_(sa.select(table.c.id).where(table.c.customer_id == customer)))
        for kind, (table, _) in STATEFUL.items()
    )
    return sa.or_(*mine)


def _history(customer: int) -> sa.ColumnElement[bool]:
    return send_history.c.send_id.in_(sa.select(sends.c.id).where(sends.c.customer_id == customer))


def _redemptions(customer: int) -> sa.ColumnElement[bool]:
    """Orders in which one of their coupons was used."""
    return redemptions.c.coupon_id.in_(sa.select(coupons.c.id).where(coupons.c.customer_id == customer))


def _point_uses(customer: int) -> sa.ColumnElement[bool]:
    mine = sa.select(points.point_moves.c.id).where(points.point_moves.c.customer_id == customer)
    return points.point_uses.c.spend_id.in_(mine)


def _suppressions(customer: int) -> sa.ColumnElement[bool]:
    k, x = crm.contacts.c, crm.suppressions.c
    return sa.exists().where(k.customer_id == customer, k.channel == x.channel, k.address_key == x.address_key)


def _history_of_stops(customer: int) -> sa.ColumnElement[bool]:
    k, h = crm.contacts.c, suppression_history.c
    return sa.exists().where(k.customer_id == customer, k.channel == h.channel, k.address_key == h.address_key)


def _names(customer: int) -> sa.Select[Any]:
    """What names the customer: their id, and the addresses of guests who are attached to them."""
    mine = sa.select(crm.customers.c.outside_id).where(crm.customers.c.id == customer)
    return sa.union_all(mine, sa.select(guests.c.name).where(guests.c.customer_id == customer)).subquery().select()


def _named(table: sa.Table, column: str = "name") -> Which:
    return lambda customer: table.c[column].in_(_names(customer))


def _changes(customer: int) -> sa.ColumnElement[bool]:
    return sa.or_(identity_changes.c.kept_id == customer, identity_changes.c.gone_id == customer)


def _nameless(table: sa.Table) -> Any:
    """A number that nobody outside knows, in place of the shop's own."""
    return sa.literal("forgotten-") + sa.cast(table.c.id, sa.Text)


_NULL = sa.null()
_JOURNEY = sa.select(journeys.c.name)

#: In the order in which they are forgotten: whatever is found by another table's rows comes before it.
HOLDINGS: tuple[Holding, ...] = (
    Holding("identity_changes", identity_changes, _changes, "removed"),
    Holding("guest_objects", guest_objects, _named(guest_objects), "removed"),
    Holding("identifiers", identifiers, _named(identifiers), "removed"),
    Holding("merged_ids", customer_aliases, _named(customer_aliases, "kept"), "removed"),
    Holding("guests", guests, _own(guests), "removed"),
    Holding("occasions", occasions, _occasions, "removed"),
    Holding("considered", considered, _considered, "removed"),
    Holding("events", crm.events, _events, "removed", ("type", "source", "object_key", "occurred_at", "data")),
    Holding(
        "message_history",
        send_history,
        _history,
        "stripped",
        ("at", "what", "detail"),
        {"detail": _NULL},
    ),
    Holding(
        "messages",
        sends,
        _own(sends),
        "stripped",
        ("template", "purpose", "medium", "locale", "state", "reason", "due_at", "claimed_at", "settled_at"),
        {
            "provider_id": _NULL,
            "locale": _NULL,
            "reason": sa.case((sends.c.state == "failed", _NULL), else_=sends.c.reason),
        },
        {"journey": _JOURNEY.where(journeys.c.id == sends.c.journey_id).scalar_subquery()},
    ),
    Holding(
        "journeys",
        enrolments,
        _own(enrolments),
        "stripped",
        ("entered_at", "state", "reason", "left_at", "goal_at"),
        {"object_kind": _NULL, "object_id": _NULL, "order_id": _NULL, "trigger_date": _NULL},
        {"journey": _JOURNEY.where(journeys.c.id == enrolments.c.journey_id).scalar_subquery()},
    ),
    Holding(
        "errands",
        errands,
        _own(errands),
        "stripped",
        ("kind", "target", "state", "queued_at", "settled_at"),
        {
            "body": _NULL,
            "text": _NULL,
            "state": sa.case((errands.c.state == "queued", "skipped"), else_=errands.c.state),
            "owner": sa.case((errands.c.state == "queued", _NULL), else_=errands.c.owner),
            "reason": sa.case(
                (errands.c.state == "queued", "forgotten"), (errands.c.state == "failed", _NULL), else_=errands.c.reason
            ),
        },
        {"journey": _JOURNEY.where(journeys.c.id == errands.c.journey_id).scalar_subquery()},
    ),
    Holding("named_codes", coupon_uses, _of_orders(coupon_uses), "stripped", (), {"news_at": _NULL}),
    Holding("keys_of_codes", coupon_keys, _of_orders(coupon_keys), "removed"),
    Holding("codes", order_codes, _of_orders(order_codes), "removed", ("place", "code")),
    Holding(
        "coupons_used",
        redemptions,
        _redemptions,
        "kept",
        ("at", "counts", "again", "late", "small", "not_theirs"),
        more={"code": sa.select(coupons.c.code).where(coupons.c.id == redemptions.c.coupon_id).scalar_subquery()},
    ),
    Holding("coupons", coupons, _own(coupons), "stripped", ("code", "terms", "made_at", "valid_from", "valid_until")),
    Holding(
        "points",
        points.point_moves,
        _own(points.point_moves),
        "stripped",
        ("at", "kind", "rule", "points", "runs_out_at", "reason"),
        {"reason": _NULL},
    ),
    Holding("points_used", points.point_uses, _point_uses, "kept"),
    Holding("tiers", points.tier_changes, _own(points.tier_changes), "removed", ("tier", "since")),
    Holding("points_due", points.points_due, _own(points.points_due), "removed"),
    Holding(
        "point_redemptions",
        points.redemptions,
        _own(points.redemptions),
        "stripped",
        ("outside_id", "points", "redeemed_at"),
        {"outside_id": _nameless(points.redemptions), "fingerprint": ""},
    ),
    Holding("reentry", reentry_slots, _own(reentry_slots), "removed"),
    Holding("segments", segment_members, _own(segment_members), "removed"),
    Holding(
        "deliveries",
        crm.deliveries,
        _of_orders(crm.deliveries),
        "stripped",
        ("outside_id", "carrier", "tracking", "promised_at", "shipped_at", "delivered_at"),
        {"outside_id": _nameless(crm.deliveries), "fingerprint": "", "carrier": _NULL, "tracking": _NULL},
    ),
    Holding(
        "refunds",
        crm.refunds,
        _of_orders(crm.refunds),
        "stripped",
        ("outside_id", "reason", "amount", "currency", "refunded_at"),
        {"outside_id": _nameless(crm.refunds), "fingerprint": "", "reason": _NULL},
    ),
    Holding("states", object_states, _states, "removed", ("kind", "state", "changed_at")),
    Holding(
        "returns",
        crm.returns,
        _own(crm.returns),
        "removed",
        ("outside_id", "reason", "amount", "currency", "requested_at", "received_at", "refunded_at"),
    ),
    Holding(
        "ticket_messages",
        ticket_messages,
        _of_tickets(ticket_messages),
        "removed",
        ("outside_id", "author", "text", "said_at"),
    ),
    Holding(
        "tickets",
        crm.tickets,
        _own(crm.tickets),
        "removed",
        ("outside_id", "subject", "category", "csat", "opened_at", "answered_at", "resolved_at"),
    ),
    Holding("reviews", crm.reviews, _own(crm.reviews), "removed", ("outside_id", "rating", "text", "posted_at")),
    Holding(
        "survey_answers",
        crm.survey_answers,
        _own(crm.survey_answers),
        "removed",
        ("survey", "score", "choice", "comment", "answered_at", "corrected_at"),
    ),
    Holding(
        "order_lines",
        crm.order_lines,
        _of_orders(crm.order_lines),
        "kept",
        ("line", "quantity", "unit_price", "variant"),
        more={
            "order": sa.select(crm.orders.c.number)
            .where(crm.orders.c.id == crm.order_lines.c.order_id)
            .scalar_subquery(),
            "product": sa.select(crm.products.c.name)
            .where(crm.products.c.id == crm.order_lines.c.product_id)
            .scalar_subquery(),
        },
    ),
    Holding(
        "orders",
        crm.orders,
        _own(crm.orders),
        "stripped",
        ("number", "total", "currency", "coupon_code", "placed_at", "shipped_at", "delivered_at", "cancelled_at"),
        {
            "customer_id": _NULL,
            "outside_id": _nameless(crm.orders),
            "number": _nameless(crm.orders),
            "fingerprint": "",
            "coupon_code": _NULL,
        },
    ),
    Holding("tags", crm.tags, _own(crm.tags), "removed", ("tag", "origin", "since", "until")),
    Holding("tag_lists", tag_lists, _own(tag_lists), "removed"),
    Holding("roll_up", crm.facts, _own(crm.facts), "removed"),
    Holding("stale_roll_up", crm.stale_facts, _own(crm.stale_facts), "removed"),
    Holding(
        "answers",
        channel_answers,
        _own(channel_answers),
        "removed",
        ("channel", "emails", "emails_answered", "sms", "sms_answered", "learned_at"),
    ),
    Holding("wishes", wishes, _own(wishes), "removed", ("language", "paused_until", "link_mailed_at")),
    Holding("refused_topics", topic_refusals, _own(topic_refusals), "removed", ("topic", "refused_at")),
    Holding("refused_tracking", crm.tracking_refusals, _own(crm.tracking_refusals), "removed", ("since",)),
    Holding(
        "told_to_iys",
        iys_pushes,
        _own(iys_pushes),
        "removed",
        ("channel", "granted", "source", "said_at", "state", "changed_at"),
    ),
    Holding(
        "consents_passed_on",
        consents_passed_on,
        _own(consents_passed_on),
        "removed",
        ("target", "channel", "granted", "occurred_at", "passed_on_at"),
    ),
    Holding(
        "consents",
        crm.consents,
        _own(crm.consents),
        "removed",
        ("channel", "purpose", "granted", "source", "text_version", "evidence", "occurred_at"),
    ),
    Holding(
        "stops",
        crm.suppressions,
        _suppressions,
        "stripped",
        ("channel", "purpose", "reason", "evidence", "occurred_at"),
        {"evidence": _NULL},
    ),
    Holding(
        "former_addresses",
        former_addresses,
        _own(former_addresses),
        "removed",
        ("channel", "address", "left_at"),
    ),
    Holding(
        "lifted_stops",
        suppression_history,
        _history_of_stops,
        "stripped",
        ("what", "channel", "purpose", "reason", "evidence", "stopped_at", "signal", "note", "at"),
        {"evidence": _NULL, "note": _NULL},
    ),
    Holding("addresses", crm.contacts, _own(crm.contacts), "removed", ("channel", "address", "undeliverable")),
    Holding(
        "customer",
        crm.customers,
        lambda customer: crm.customers.c.id == customer,
        "stripped",
        (
            *("outside_id", "first_name", "last_name", "gender", "birth_date", "language", "country", "city", "zone"),
            *("preferred_channel", "created_at", "known_at"),
        ),
        {
            "outside_id": _nameless(crm.customers),
            "fingerprint": "",
            "zone": "UTC",
            "bucket": 0,
            **dict.fromkeys(("first_name", "last_name", "gender", "birth_date", "language", "country", "city"), _NULL),
            **dict.fromkeys(("preferred_channel", "created_at"), _NULL),
        },
    ),
)

#: Tables that came raw, or that name people by the way: what an erasure does with them stands elsewhere.
ELSEWHERE = {
    "inbox": "vefa.engine.raw_traces: searched in every writing",
    "told_early": "vefa.engine.raw_traces",
    "rejects": "vefa.engine.raw_traces",
    "told_last": "vefa.engine.raw_traces: by the numbers of theirs",
    "moment_reports": "vefa.engine.raw_traces: by the numbers of theirs",
    "privacy_requests": "whom one is about is emptied when it is done; a copy that was asked for ends",
    "forgotten": "HMACs, for good",
}
#: Tables that hold nothing of customers, and why.
IMPERSONAL = {
    **dict.fromkeys(("api_keys",), "names of programs"),
    **dict.fromkeys(("batches", "breakers", "paces", "incidents", "run_failures"), "how sending went"),
    **dict.fromkeys(("journeys", "plans", "step_names", "test_decisions"), "the journeys themselves"),
    **dict.fromkeys(("coupon_exports", "coupon_pools", "pool_codes", "pool_shortages"), "codes, of nobody"),
    **dict.fromkeys(("products", "product_links", "product_tags", "link_makings"), "goods"),
    "points_settled": "how far the posting of points has come",
    "source_activity": "how much came from a source in an hour",
    "consent_cursors": "how far the log of consents was passed on, by target",
    "imports": "which file was read, and counts",
    "iys_progress": "how far we have come with İYS",
    "iys_recipients": "what İYS says of a hash of an address: a stop, which stays as suppressions do",
}
