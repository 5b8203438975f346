"""Pairs of messages about one object that two takers get at the same moment, and what must hold afterwards.

A door's `pair` gives the two messages of round n; `found` gives, by round, what the database says
then, and `right` what it must say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa

from tests.acceptance.small_shop import HOUR, MINUTE, NOON
from tests.engine.vital_rows import send
from tests.engine.worlds import email, make_plan
from tests.races.takers import Message
from vefa.crm import tables as t
from vefa.engine.plans import store_plan
from vefa.ledger.tables import sends

LATER = NOON + HOUR
NOTHING: dict[str, Any] = {}


def _prepared(engine: sa.Engine, count: int) -> None:
    """An empty shop will do."""


@dataclass(frozen=True)
class Door:
    """One kind of race."""

    pair: Callable[[int], tuple[Message, Message]]
    found: Callable[[sa.Connection], Mapping[int, Any]]
    right: Callable[[int], Any]
    prepare: Callable[[sa.Engine, int], None] = _prepared


def _shopify(topic: str, body: Mapping[str, Any]) -> Message:
    return Message("shopify", {"topic": topic}, orjson.dumps(body))


def _woo(topic: str, body: Mapping[str, Any]) -> Message:
    return Message("woocommerce", {"topic": topic}, orjson.dumps(body))


def _order(n: int, changed: datetime = NOON, **more: Any) -> dict[str, Any]:
    customer = {"id": 700_000 + n, "email": f"r{n}@ornek.example", "first_name": "Ece", "last_name": "Tan"}
    return {
        "id": 300_000 + n,
        "name": f"#{n}",
        "email": f"r{n}@ornek.example",
        "created_at": (NOON - HOUR).isoformat(),
        "processed_at": (NOON - HOUR).isoformat(),
        "updated_at": changed.isoformat(),
        "cancelled_at": None,
        "currency": "TRY",
        "total_price": "40.00",
        "financial_status": "paid",
        "fulfillment_status": None,
        "test": False,
        "customer": customer,
        "line_items": [{"id": n, "product_id": 9, "title": "Mum", "quantity": 1, "price": "40.00"}],
        "fulfillments": [],
        "refunds": [],
        **more,
    }


def _parcel(n: int) -> dict[str, Any]:
    return {
        "id": 800_000 + n,
        "order_id": 300_000 + n,
        "status": "success",
        "created_at": NOON.isoformat(),
        "updated_at": NOON.isoformat(),
        "tracking_number": f"T{n}",
    }


def _by_number(connection: sa.Connection, query: Any, base: int) -> dict[int, Any]:
    """The second column of each row by the round that its first column names."""
    return {int(key) - base: value for key, value in connection.execute(query)}


# --- a parcel that comes before its order


def _parcel_and_order(n: int) -> tuple[Message, Message]:
    return _shopify("fulfillments/create", _parcel(n)), _shopify("orders/create", _order(n))


def _shipped(connection: sa.Connection) -> Mapping[int, Any]:
    return _by_number(connection, sa.select(t.orders.c.outside_id, t.orders.c.shipped_at), 300_000)


# --- two snapshots of one order, of one customer


def _two_totals(n: int) -> tuple[Message, Message]:
    old, new = _order(n, NOON), _order(n, NOON + MINUTE, total_price="55.00")
    both = _shopify("orders/updated", old), _shopify("orders/updated", new)
    return both if n % 2 else both[::-1]


def _totals(connection: sa.Connection) -> Mapping[int, Any]:
    return _by_number(connection, sa.select(t.orders.c.outside_id, t.orders.c.total), 300_000)


def _customer(n: int, changed: datetime, name: str) -> Message:
    body = {
        "id": 700_000 + n,
        "email": f"r{n}@ornek.example",
        "first_name": name,
        "state": "enabled",
        "created_at": (NOON - HOUR).isoformat(),
        "updated_at": changed.isoformat(),
    }
    return _shopify("customers/update", body)


def _two_names(n: int) -> tuple[Message, Message]:
    both = _customer(n, NOON, "Old"), _customer(n, NOON + MINUTE, "New")
    return both if n % 2 else both[::-1]


def _names(connection: sa.Connection) -> Mapping[int, Any]:
    return _by_number(connection, sa.select(t.customers.c.outside_id, t.customers.c.first_name), 700_000)


# --- an order that is paid and one that is cancelled: both are told of, in one second each


def _placed_and_cancelled(n: int) -> tuple[Message, Message]:
    gone = _order(n, NOON + MINUTE, cancelled_at=(NOON + MINUTE).isoformat())
    return _shopify("orders/create", _order(n)), _shopify("orders/cancelled", gone)


def _cancelled(connection: sa.Connection) -> Mapping[int, Any]:
    return _by_number(connection, sa.select(t.orders.c.outside_id, t.orders.c.cancelled_at), 300_000)


# --- two orders of one guest


def _guest_order(n: int, second: int) -> Message:
    return _woo(
        "order.created",
        {
            "id": 10 * n + second,
            "status": "processing",
            "currency": "TRY",
            "total": "30.00",
            "date_created_gmt": f"{NOON:%Y-%m-%dT%H:%M:%S}",
            "date_modified_gmt": f"{NOON:%Y-%m-%dT%H:%M:%S}",
            "date_paid_gmt": f"{NOON:%Y-%m-%dT%H:%M:%S}",
            "customer_id": 0,
            "billing": {"first_name": "Can", "email": f"r{n}@ornek.example", "country": "TR"},
            "line_items": [],
        },
    )


def _one_guest(n: int) -> tuple[Message, Message]:
    return _guest_order(n, 1), _guest_order(n, 2)


def _guests(connection: sa.Connection) -> Mapping[int, Any]:
    query = sa.select(t.orders.c.outside_id, t.orders.c.customer_id)
    of_round: dict[int, list[int]] = {}
    for key, customer in connection.execute(query):
        of_round.setdefault(int(key) // 10, []).append(customer)
    return {n: (len(customers), len(set(customers))) for n, customers in of_round.items()}


# --- a yes and a later no to one channel


def _consent(n: int, state: str, at: datetime) -> Message:
    return _shopify(
        "customers/update",
        {
            "id": 700_000 + n,
            "email": f"r{n}@ornek.example",
            "created_at": (NOON - HOUR).isoformat(),
            "updated_at": at.isoformat(),
            "email_marketing_consent": {
                "state": state,
                "opt_in_level": "single_opt_in",
                "consent_updated_at": at.isoformat(),
            },
        },
    )


def _yes_and_no(n: int) -> tuple[Message, Message]:
    both = _consent(n, "subscribed", NOON), _consent(n, "unsubscribed", NOON + MINUTE)
    return both if n % 2 else both[::-1]


def _last_consents(connection: sa.Connection) -> Mapping[int, Any]:
    query = (
        sa.select(t.customers.c.outside_id, t.consents.c.granted)
        .join(t.consents, t.consents.c.customer_id == t.customers.c.id)
        .where(t.consents.c.channel == "email")
        .order_by(t.consents.c.occurred_at)
    )
    return _by_number(connection, query, 700_000)


# --- what the provider tells of one message in doubt, and of one address


def _in_doubt(engine: sa.Engine, count: int) -> None:
    with engine.begin() as connection:
        store_plan(connection, make_plan(email()), NOON)
    send(engine, count, state="unknown")
    with engine.begin() as connection:
        connection.execute(sa.update(sends).values(doubts=1))


def _event(n: int, event: str, at: datetime) -> Message:
    told = {
        "email": f"v{n + 1}@ornek.example",
        "timestamp": int(at.timestamp()),
        "event": event,
        "sg_event_id": f"{event}-{n}",
        "send_id": f"{n + 1}.1",
    }
    return Message("sendgrid", NOTHING, orjson.dumps([told]))


def _dropped_and_delivered(n: int) -> tuple[Message, Message]:
    both = _event(n, "dropped", NOON), _event(n, "delivered", NOON + timedelta(seconds=1))
    return both if n % 2 else both[::-1]


def _ends(connection: sa.Connection) -> Mapping[int, Any]:
    return _by_number(connection, sa.select(sends.c.id, sends.c.state), 1)


DOORS: Mapping[str, Door] = {
    "a parcel and its order": Door(_parcel_and_order, _shipped, lambda n: NOON),
    "two snapshots of one order": Door(_two_totals, _totals, lambda n: 55),
    "two snapshots of one customer": Door(_two_names, _names, lambda n: "New"),
    "an order and its end": Door(_placed_and_cancelled, _cancelled, lambda n: NOON + MINUTE),
    "two orders of one guest": Door(_one_guest, _guests, lambda n: (2, 1)),
    "a yes and a later no": Door(_yes_and_no, _last_consents, lambda n: False),
    "dropped and delivered": Door(_dropped_and_delivered, _ends, lambda n: "sent", _in_doubt),
}
