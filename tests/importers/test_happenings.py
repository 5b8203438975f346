"""Facts make events, once each, by their key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from vefa.crm import tables as t
from vefa.crm.happenings import FACT_TABLES, mark_stale, record_events
from vefa.database import writing

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
EVENT = (t.events.c.type, t.events.c.object_key, t.events.c.customer_id, t.events.c.occurred_at)


@pytest.fixture
def facts(engine: sa.Engine) -> sa.Engine:
    """A customer with two orders, of which one has arrived in a parcel, and an order of nobody."""
    with writing(engine) as connection:
        customer = {"outside_id": "c1", "zone": "UTC", "created_at": NOW, "known_at": NOW, "bucket": 1}
        connection.execute(t.customers.insert(), customer)
        orders = [
            {
                "source": "s",
                "outside_id": f"o{number}",
                "customer_id": 1 if number else None,
                "number": "1",
                "total": 1,
                "currency": "TRY",
                "placed_at": NOW,
                "placed_known_at": NOW,
                "delivered_at": NOW if number == 1 else None,
                "delivered_known_at": NOW if number == 1 else None,
            }
            for number in range(3)
        ]
        connection.execute(t.orders.insert(), orders)
        parcel = {"source": "s", "outside_id": "d1", "order_id": 2, "shipped_at": NOW, "shipped_known_at": NOW}
        connection.execute(t.deliveries.insert(), parcel)
    return engine


def test_every_moment_that_has_come_makes_one_event(facts):
    with writing(facts) as connection:
        made = {kind: record_events(connection, kind, None) for kind in FACT_TABLES}
        events = connection.execute(sa.select(*EVENT).order_by(t.events.c.type, t.events.c.object_key)).all()

    assert (made["customer"], made["order"], made["delivery"], made["return"]) == (1, 4, 1, 0)
    assert [tuple(event) for event in events] == [
        ("customer.created", "c1", 1, NOW),
        ("delivery.shipped", "d1", 1, NOW),
        ("order.delivered", "o1", 1, NOW),
        ("order.placed", "o0", None, NOW),
        ("order.placed", "o1", 1, NOW),
        ("order.placed", "o2", 1, NOW),
    ]


def test_only_the_rows_that_are_named_make_events(facts):
    with writing(facts) as connection:
        assert record_events(connection, "order", []) == 0
        assert record_events(connection, "order", [2]) == 2
        assert record_events(connection, "order", [1, 2, 3]) == 2


@pytest.mark.rule(7)
def test_a_correction_changes_the_event_and_not_when_it_became_known(facts):
    later = NOW + timedelta(days=2)
    with writing(facts) as connection:
        record_events(connection, "order", None)
        changed = {"delivered_at": later, "delivered_known_at": later}
        connection.execute(t.orders.update().where(t.orders.c.id == 2).values(changed))
        assert record_events(connection, "order", None) == 1
        event = connection.execute(sa.select(t.events).where(t.events.c.type == "order.delivered")).one()

    assert (event.occurred_at, event.known_at, event.occurrence) == (later, NOW, 0)


def test_customers_are_marked_stale_once(facts):
    with writing(facts) as connection:
        mark_stale(connection, [1, 1])
        mark_stale(connection, [1, 99])
        mark_stale(connection, [])
        assert connection.execute(sa.select(t.stale_facts)).all() == [(1,)]
