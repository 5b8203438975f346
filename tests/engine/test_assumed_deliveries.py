"""A parcel of which nobody reports the arrival has arrived some days after it left, where the shop says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from vefa.crm.happenings import record_events
from vefa.crm.identity import bucket
from vefa.crm.tables import customers, deliveries, events, moment_reports, orders
from vefa.database import reading, writing
from vefa.engine.assumed_deliveries import assume_deliveries, overdue_parcels
from vefa.errors import SettingsError
from vefa.settings import Deliveries, load_settings

DAY = timedelta(days=1)
LEFT = datetime(2026, 3, 2, 9, tzinfo=UTC)
RULES = Deliveries.model_validate(
    {"delivered_after": "5 days", "carriers": {"Aras Kargo": "2 days"}, "countries": {"DE": "8 days"}}
)


def put(engine: sa.Engine, number: str, *, country: str = "TR", carriers: tuple[str | None, ...] = (None,)) -> None:
    """An order that left on the second of March, in a parcel with each carrier; none: the shop knows no parcels."""
    with writing(engine) as connection:

        def add(table: sa.Table, **values: Any) -> int:
            key = connection.execute(sa.insert(table).values(**values)).inserted_primary_key
            assert key is not None
            return int(key[0])

        known = {"zone": "UTC", "known_at": LEFT, "bucket": bucket(number), "country": country}
        customer = add(customers, outside_id=f"c{number}", **known)
        named = {"source": "shop", "number": number, "total": 10, "currency": "TRY"}
        moments = {"placed_at": LEFT, "placed_known_at": LEFT, "shipped_at": LEFT, "shipped_known_at": LEFT}
        order = add(orders, outside_id=number, customer_id=customer, **named, **moments)
        for place, carrier in enumerate(carriers):
            way = {"shipped_at": LEFT, "shipped_known_at": LEFT, "carrier": carrier, "source": "shop"}
            add(deliveries, outside_id=f"{number}-{place}", order_id=order, **way)
        record_events(connection, "order", [order])


def arrived(engine: sa.Engine) -> dict[str, tuple[int, bool]]:
    """By order: after how many days it arrived, and whether that is assumed."""
    o = orders.c
    with reading(engine) as connection:
        rows = connection.execute(sa.select(o.number, o.delivered_at, o.assumed_delivered_at))
        return {
            row.number: ((row.delivered_at - LEFT).days, row.delivered_at == row.assumed_delivered_at)
            for row in rows
            if row.delivered_at is not None
        }


def test_it_arrives_after_the_days_of_its_carrier_its_country_or_the_shop(engine: sa.Engine) -> None:
    put(engine, "plain", carriers=("PTT",))
    put(engine, "quick", carriers=("ARAS KARGO",))
    put(engine, "abroad", country="DE", carriers=("DHL",))
    put(engine, "two", carriers=("Aras Kargo", "PTT"))
    put(engine, "without", carriers=())

    assert assume_deliveries(engine, RULES, LEFT + DAY) == 0
    assert assume_deliveries(engine, RULES, LEFT + 2 * DAY) == 2
    assert arrived(engine) == {"quick": (2, True)}
    assume_deliveries(engine, RULES, LEFT + 9 * DAY)
    assert arrived(engine) == {
        "quick": (2, True),
        "plain": (5, True),
        "two": (5, True),
        "without": (5, True),
        "abroad": (8, True),
    }
    assert assume_deliveries(engine, RULES, LEFT + 9 * DAY) == 0
    with reading(engine) as connection:
        found = connection.execute(
            sa.select(events.c.object_key, events.c.known_at).where(events.c.type == "order.delivered")
        )
        assert {row.object_key: row.known_at for row in found}["quick"] == LEFT + 2 * DAY


def test_it_is_off_unless_said_and_leaves_parcels_that_a_carrier_speaks_of(engine: sa.Engine) -> None:
    put(engine, "spoken")
    row = {"source": "shop", "kind": "delivery", "outside_id": "spoken-0", "moment": "delivered"}
    with writing(engine) as connection:
        connection.execute(sa.insert(moment_reports).values(**row, updated_at=LEFT, rank=1, at=None))

    assert assume_deliveries(engine, Deliveries(), LEFT + 30 * DAY) == 0
    assert assume_deliveries(engine, RULES, LEFT + 30 * DAY) == 0


def test_how_many_parcels_are_never_heard_of_is_known(engine: sa.Engine) -> None:
    put(engine, "a")
    put(engine, "b", carriers=())

    with reading(engine) as connection:
        early, later = overdue_parcels(connection, LEFT + 10 * DAY), overdue_parcels(connection, LEFT + 20 * DAY)
    assert (early.shipped, early.silent) == (0, 0)
    assert (later.shipped, later.silent) == (2, 2)


@pytest.mark.parametrize("length", ["soon", "0 days", "400 days", "5"])
def test_what_is_no_length_is_refused(shop_root: Any, length: str) -> None:
    (shop_root / "config" / "settings.yaml").write_text(f"deliveries: {{ delivered_after: {length} }}")

    with pytest.raises(SettingsError, match="write one such as 5 days"):
        load_settings(shop_root)
