"""One customer who has one of everything, inside a journey of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from vefa.crm import facts, tables
from vefa.crm.answers import channel_answers
from vefa.crm.happenings import mark_stale, record_events
from vefa.crm.identity import address_key, bucket
from vefa.crm.points import point_moves, tier_changes
from vefa.database import writing
from vefa.engine.plans import journey_row, pinned, store_plan
from vefa.engine.tables import enrolments
from vefa.ledger.tables import sends
from vefa.plan.loyalty import Level, Programme
from vefa.plan.plans import Plan
from vefa.plan.steps import Message
from vefa.plan.ways_in import DateTrigger, EventTrigger, Trigger
from vefa.rewards.redemptions import find_redemptions
from vefa.rewards.tables import coupons
from vefa.settings import Shop

SHOP = Shop(founded_on=date(2015, 4, 1), zone="Europe/Istanbul")
LOYALTY = Programme(date(2026, 1, 1), worth=Decimal("0.10"), levels=(Level("bronze", 0), Level("gold", 500)))
OUTSIDE = {"source": "shop", "outside_id": "1"}


def make_shop_of_one(engine: sa.Engine, now: datetime, triggers: Sequence[str]) -> dict[str, Any]:
    """The shop, the customer's number, and by trigger the pinned plan and the enrolment's number."""
    with writing(engine) as connection:
        ids = _facts(connection, now)
        _sayings(connection, now)
        _points(connection, now)
        _learned(connection, now)
        pins, inside = {}, {}
        for trigger in triggers:
            plan = Plan(
                trigger, trigger, _trigger(trigger), (Message("hello", "hello", None, None, "hello", "commercial"),)
            )
            store_plan(connection, plan, now)
            pins[trigger] = pinned(connection, journey_row(connection, trigger).plan_id or 0)
            inside[trigger] = _enrol(connection, pins[trigger], ids, now)
    find_redemptions(engine, now)
    facts.refresh(engine, now, SHOP)
    return {"shop": SHOP, "customer": 1, "pins": pins, "enrolments": inside}


def _trigger(name: str) -> Trigger:
    if name == "date":
        return DateTrigger("customer.birth_date", 0, time(9))
    return EventTrigger(name, name.partition(".")[0])


def _facts(connection: sa.Connection, now: datetime) -> dict[str, int]:
    def at(name: str, days: int) -> dict[str, datetime]:
        moment = now - timedelta(days=days)
        return {f"{name}_at": moment, f"{name}_known_at": moment}

    person = {
        "id": 1, "outside_id": "1", "first_name": "Ayşe", "last_name": "Işık", "gender": "female",
        "birth_date": date(1990, 2, 1), "language": "tr", "country": "TR", "city": "İzmir", "zone": "Europe/Istanbul",
        "preferred_channel": "email", "created_at": now - timedelta(days=400), "known_at": now - timedelta(days=400),
        "bucket": bucket("1"),
    }  # fmt: skip
    connection.execute(sa.insert(tables.customers).values(person))
    product = {**OUTSIDE, "id": 1, "name": "Cezve", "category": "Mutfak", "price": 100, "currency": "TRY"}
    connection.execute(sa.insert(tables.products).values(product))
    order = {**OUTSIDE, "customer_id": 1, "number": "TR-1", "total": Decimal("250.50"), "currency": "TRY"}
    last = {**order, "id": 2, "outside_id": "2", "coupon_code": "VEFA-2", **at("placed", 20), **at("shipped", 19)}
    last |= {**at("delivered", 17), **at("cancelled", 1)}
    third = {**order, "id": 3, "outside_id": "3", "coupon_code": "VEFA-1", **at("placed", 3)}
    for row in ({**order, "id": 1, **at("placed", 90)}, last, third):
        connection.execute(sa.insert(tables.orders).values(row))
        line = {"order_id": row["id"], "line": 1, "product_id": 1, "quantity": 2, "unit_price": 100}
        connection.execute(sa.insert(tables.order_lines).values(line))
    own = {**OUTSIDE, "id": 7, "order_id": 2}
    rows: dict[sa.Table, dict[str, Any]] = {
        tables.deliveries: {
            "carrier": "Kargo", "tracking": "K1", "promised_at": now, **at("shipped", 19), **at("delivered", 17)
        },
        tables.returns: {
            "customer_id": 1, "reason": "small", "amount": Decimal(90), "currency": "TRY",
            **at("requested", 9), **at("received", 5), **at("refunded", 4),
        },
        tables.refunds: {"customer_id": 1, "amount": Decimal(90), "currency": "TRY", **at("refunded", 4)},
        tables.tickets: {
            "customer_id": 1, "subject": "late", "category": "delivery", "agent": "Can", "csat": 4,
            **at("opened", 9), **at("answered", 8), **at("resolved", 2),
        },
        tables.reviews: {"customer_id": 1, "rating": 5, "text": "iyi", **at("posted", 2)},
    }  # fmt: skip
    for table, row in rows.items():
        connection.execute(sa.insert(table).values(own | row))
    for number, survey in enumerate(("nps", "csat"), 1):
        answer = {**OUTSIDE, "id": number, "outside_id": survey, "customer_id": 1, "survey": survey, "score": 5}
        connection.execute(sa.insert(tables.survey_answers).values(answer | at("answered", 2)))
    told = {"survey": "why", "score": 1, "choice": "price", "comment": "dear", "send_id": 1, **at("answered", 1)}
    asked = {**OUTSIDE, "id": 3, "outside_id": "1.why", "customer_id": 1, "order_id": 2, "object_kind": "order"}
    connection.execute(sa.insert(tables.survey_answers).values(asked | told | {"object_id": 2}))
    for kind in ("customer", "order", "delivery", "return", "ticket", "review", "survey"):
        record_events(connection, kind, None)
    mark_stale(connection, [1])
    return {"order": 2, "delivery": 7, "return": 7, "ticket": 7, "review": 7}


def _points(connection: sa.Connection, now: datetime) -> None:
    then = now - timedelta(days=20)
    move = {"key": "x", "customer_id": 1, "debit": "issued", "credit": "customer", "points": 30, "kind": "earn"}
    move |= {"at": then, "earned_at": then, "runs_out_at": now + timedelta(days=9), "posted_at": then, "order_id": 2}
    connection.execute(sa.insert(point_moves).values(move))
    connection.execute(sa.insert(tier_changes).values(customer_id=1, since=then, tier="bronze"))


def _learned(connection: sa.Connection, now: datetime) -> None:
    counts = {"emails": 5, "emails_answered": 2, "sms": 5, "sms_answered": 0}
    learned = {"customer_id": 1, "channel": "email", "learned_at": now - timedelta(days=1), **counts}
    connection.execute(sa.insert(channel_answers).values(learned))


def _sayings(connection: sa.Connection, now: datetime) -> None:
    then = now - timedelta(days=30)
    for channel, address in (("email", "a@ornek.example"), ("sms", "+905321112233")):
        contact = {"customer_id": 1, "channel": channel, "address": address, "address_key": address_key(address)}
        connection.execute(sa.insert(tables.contacts).values(contact))
        said = {"customer_id": 1, "channel": channel, "purpose": "commercial", "granted": True, "source": "checkout"}
        connection.execute(sa.insert(tables.consents).values(said | {"occurred_at": then, "known_at": then}))
    connection.execute(sa.insert(tables.tags).values(customer_id=1, tag="x", since=then))
    for kind in ("opened", "clicked"):
        event = {
            "source": "sendgrid",
            "type": f"email.{kind}",
            "object_kind": "send",
            "object_key": "1",
            "object_id": 1,
        }
        connection.execute(
            sa.insert(tables.events).values(event | {"customer_id": 1, "occurred_at": now, "known_at": now})
        )


def _enrol(connection: sa.Connection, pin: Any, ids: dict[str, int], now: datetime) -> int:
    kind = getattr(pin.plan.trigger, "object_kind", None)
    then = now - timedelta(days=10)
    row = {
        "journey_id": pin.journey_id, "customer_id": 1, "entry_key": 1, "plan_id": pin.id, "entered_at": then,
        "enrolled_at": then, "object_kind": kind, "object_id": ids.get(kind or ""), "order_id": 2 if kind else None,
        "trigger_date": None if kind else date(2026, 2, 1), "state": "active", "step": pin.number("hello"),
        "arrived_at": then, "due_at": then,
    }  # fmt: skip
    number = int(connection.execute(sa.insert(enrolments).values(row)).inserted_primary_key[0])
    send = {"enrolment_id": number, "step": pin.number("hello"), "journey_id": pin.journey_id, "plan_id": pin.id}
    send |= {"template": "hello", "customer_id": 1, "purpose": "commercial", "state": "sent"}
    connection.execute(sa.insert(sends).values(send | {"due_at": then, "not_before": then}))
    coupon = {"code": f"VEFA-{number}", "enrolment_id": number, "step": 1, "customer_id": 1, "terms": {}}
    connection.execute(sa.insert(coupons).values(coupon | {"made_at": then, "valid_until": now}))
    return number
