"""The made-up shop is the same every time, and looks like a shop."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.demo_shop.made import CUSTOMERS, END, START, Rows, contents
from vefa.crm import tables
from vefa.crm.demo_shop import DemoShopSummary, make_demo_shop
from vefa.crm.demo_shop.catalogue import ARTICLES
from vefa.crm.demo_shop.shop import GROUP
from vefa.database import reading
from vefa.errors import UserError
from vefa.settings import Settings


def test_the_same_arguments_make_the_same_rows_on_both_databases(
    engine: sa.Engine, settings: Settings, shop: tuple[Rows, DemoShopSummary]
) -> None:
    summary = make_demo_shop(engine, CUSTOMERS, 24, 7, settings, END)

    assert summary == shop[1]
    assert contents(engine) == shop[0]


def test_another_seed_makes_another_shop(engine: sa.Engine, settings: Settings, rows: Rows) -> None:
    make_demo_shop(engine, CUSTOMERS, 24, 8, settings, END)

    assert contents(engine)["orders"] != rows["orders"]


def test_a_shop_of_several_groups_keeps_its_numbers_apart(engine: sa.Engine, settings: Settings) -> None:
    heard: list[tuple[int, int]] = []

    summary = make_demo_shop(
        engine, GROUP + 60, 6, 7, settings, END, progress=lambda done, of: heard.append((done, of))
    )
    with reading(engine) as connection:
        orders = connection.scalars(sa.select(tables.orders.c.id).order_by(tables.orders.c.id)).all()
        late = connection.scalar(sa.select(sa.func.count()).where(tables.orders.c.customer_id > GROUP))

    assert heard == [(GROUP, GROUP + 60), (GROUP + 60, GROUP + 60)]
    assert orders == list(range(1, summary.orders + 1))
    assert late


def test_the_summary_counts_the_rows(shop: tuple[Rows, DemoShopSummary]) -> None:
    rows, summary = shop

    for name in DemoShopSummary.__dataclass_fields__:
        assert getattr(summary, name) == len(rows[name]), name
    assert summary.customers == CUSTOMERS
    assert summary.products == len(ARTICLES) == 120


def test_the_next_row_of_the_shop_gets_the_next_number(engine: sa.Engine, settings: Settings) -> None:
    summary = make_demo_shop(engine, 40, 6, 7, settings, END)

    with engine.begin() as connection:
        new = connection.execute(
            tables.products.insert()
            .values(source="shop", outside_id="1", name="Çaydanlık")
            .returning(tables.products.c.id)
        ).scalar_one()

    assert new == summary.products + 1


def test_a_store_in_use_is_refused(engine: sa.Engine, settings: Settings) -> None:
    make_demo_shop(engine, 20, 6, 7, settings, END)

    with pytest.raises(UserError, match="already has customers or products"):
        make_demo_shop(engine, 20, 6, 7, settings, END)


def test_nothing_happens_before_the_history_or_after_its_end(rows: Rows) -> None:
    for name in ("customers", "orders", "deliveries", "returns", "tickets", "reviews", "survey_answers", "events"):
        for row in rows[name]:
            moments = [value for key, value in row.items() if isinstance(value, datetime) and key != "promised_at"]
            assert min(moments) >= START and max(moments) <= END, (name, row)


def test_a_history_is_known_as_it_happens(rows: Rows) -> None:
    for name in ("orders", "deliveries", "returns", "tickets", "reviews", "survey_answers"):
        for row in rows[name]:
            for key in row:
                if key.endswith("_known_at"):
                    assert row[key] == row[key.replace("_known_at", "_at")]
    assert all(row["known_at"] == row["created_at"] for row in rows["customers"])
    assert all(row["known_at"] == row["occurred_at"] for row in [*rows["consents"], *rows["events"]])


def test_an_end_on_29_february_makes_only_dates_that_exist(engine: sa.Engine, settings: Settings) -> None:
    make_demo_shop(engine, 400, 12, 7, settings, datetime(2024, 2, 29, 12, tzinfo=UTC))

    born = [row["birth_date"] for row in contents(engine)["customers"] if row["birth_date"]]
    assert all(isinstance(day, date) for day in born)


def test_an_order_comes_to_the_sum_of_its_lines(rows: Rows) -> None:
    sums: Counter[int] = Counter()
    for line in rows["order_lines"]:
        sums[line["order_id"]] += line["quantity"] * line["unit_price"]

    assert {row["id"]: row["total"] for row in rows["orders"]} == dict(sums)
    assert all(row["total"] > 0 and row["total"] * 100 % 1 == 0 for row in rows["orders"])


def test_no_product_is_twice_in_one_order(rows: Rows) -> None:
    pairs = [(line["order_id"], line["product_id"]) for line in rows["order_lines"]]

    assert len(pairs) == len(set(pairs))


def test_parcels_take_one_to_eight_days_by_the_customers_calendar(rows: Rows) -> None:
    hours = {"TR": 3, "DE": 1, "FR": 1, "NL": 1, "GB": 0, "US": -5, "AE": 4, "SA": 3}
    country = {row["id"]: row["country"] for row in rows["customers"]}
    buyer = {row["id"]: country[row["customer_id"]] for row in rows["orders"]}
    lags = set()
    for parcel in rows["deliveries"]:
        if parcel["delivered_at"]:
            offset = timedelta(hours=hours[buyer[parcel["order_id"]]])
            days = [(parcel[name] + offset).date() for name in ("shipped_at", "delivered_at")]
            lags.add((days[1] - days[0]).days)

    assert lags == set(range(1, 9))


def test_an_order_is_delivered_with_its_last_parcel(rows: Rows) -> None:
    parcels: dict[int, list[datetime | None]] = {}
    for parcel in rows["deliveries"]:
        parcels.setdefault(parcel["order_id"], []).append(parcel["delivered_at"])
    several = 0
    for order in rows["orders"]:
        arrived = parcels.get(order["id"], [])
        several += len(arrived) > 1
        whole = [moment for moment in arrived if moment]
        # A parcel that is not shipped yet has no row: then the order stays open although all that went has come.
        assert order["delivered_at"] in ({max(whole), None} if arrived and len(whole) == len(arrived) else {None})

    assert several > 50


def test_some_parcels_never_come_and_some_orders_are_cancelled(rows: Rows) -> None:
    old = [row for row in rows["orders"] if row["placed_at"] < END - timedelta(days=30)]
    lost = [row for row in old if row["shipped_at"] and not row["delivered_at"]]
    cancelled = [row for row in rows["orders"] if row["cancelled_at"]]

    assert lost and len(lost) < 0.03 * len(old)
    assert cancelled and not any(row["shipped_at"] for row in cancelled)


def test_returns_are_asked_for_within_14_days_of_the_delivery(rows: Rows) -> None:
    orders = {row["id"]: row for row in rows["orders"]}

    for row in rows["returns"]:
        order = orders[row["order_id"]]
        assert timedelta() < row["requested_at"] - order["delivered_at"] < timedelta(days=14)
        assert 0 < row["amount"] <= order["total"]
        assert (row["currency"], row["customer_id"]) == (order["currency"], order["customer_id"])
        stages = [row[name] for name in ("requested_at", "received_at", "refunded_at")]
        there = [stage for stage in stages if stage]
        assert there == sorted(there) and stages[: len(there)] == there
    assert any(row["refunded_at"] for row in rows["returns"])


def test_tickets_are_opened_answered_and_resolved_and_some_stay_open(rows: Rows) -> None:
    for row in rows["tickets"]:
        stages = [row[name] for name in ("opened_at", "answered_at", "resolved_at")]
        there = [stage for stage in stages if stage]
        assert there == sorted(there) and stages[: len(there)] == there
        assert row["csat"] is None or (row["resolved_at"] and 1 <= row["csat"] <= 5)
    open_ones = [row for row in rows["tickets"] if not row["resolved_at"]]
    assert open_ones and len(open_ones) < 0.3 * len(rows["tickets"])


def test_tickets_hold_what_was_said(rows: Rows) -> None:
    told: dict[int, list[sa.RowMapping]] = {}
    for row in rows["ticket_messages"]:
        told.setdefault(row["ticket_id"], []).append(row)
    for ticket in rows["tickets"]:
        first, *rest = told[ticket["id"]]
        assert (first["author"], first["said_at"]) == ("customer", ticket["opened_at"])
        assert first["text"].startswith(ticket["subject"])
        assert bool(rest) == bool(ticket["answered_at"])
        assert [row["said_at"] for row in rest] == sorted(row["said_at"] for row in rest)
        assert all(row["said_at"] <= END for row in rest)
        assert {row["agent"] for row in rest if row["author"] == "agent"} <= {ticket["agent"]}
        assert not any("{" in row["text"] for row in rest)


def test_reviews_and_answers_lie_on_their_scales(rows: Rows) -> None:
    bought = {(line["order_id"], line["product_id"]) for line in rows["order_lines"]}
    scales = {"nps": range(11), "csat": range(1, 6)}

    assert {row["survey"] for row in rows["survey_answers"]} == set(scales)
    assert all(row["score"] in scales[row["survey"]] for row in rows["survey_answers"])
    assert all(row["rating"] in range(1, 6) and row["text"] for row in rows["reviews"])
    assert all((row["order_id"], row["product_id"]) in bought for row in rows["reviews"])


def test_every_moment_is_an_event_and_none_is_twice(rows: Rows) -> None:
    keys = [(row["type"], row["object_key"], row["occurrence"]) for row in rows["events"]]
    stages = {
        "customers": ("created",),
        "orders": ("placed", "shipped", "delivered", "cancelled"),
        "deliveries": ("shipped", "delivered"),
        "returns": ("requested", "received", "refunded"),
        "tickets": ("opened", "answered", "resolved"),
        "reviews": ("posted",),
        "survey_answers": ("answered",),
    }
    moments = sum(row[f"{stage}_at"] is not None for name in stages for row in rows[name] for stage in stages[name])
    changes = sum(row["n"] > 0 for row in rows["object_states"])

    assert len(keys) == len(set(keys)) == moments + changes


def test_all_who_ordered_have_their_roll_ups_to_be_made(rows: Rows) -> None:
    stale = {row["customer_id"] for row in rows["stale_facts"]}

    assert stale == {row["customer_id"] for row in rows["orders"]}


def test_buying_has_a_long_tail(rows: Rows) -> None:
    orders = Counter(row["customer_id"] for row in rows["orders"])
    by_count = Counter(orders.values())

    assert CUSTOMERS - len(orders) > 0.1 * CUSTOMERS
    assert by_count[1] > 0.3 * CUSTOMERS
    assert max(orders.values()) > 20


def test_returns_and_tickets_come_to_states_each_of_which_is_a_change(rows: Rows) -> None:
    states = Counter((row["kind"], row["state"]) for row in rows["object_states"])
    changes = Counter(row["type"] for row in rows["events"])
    later = {(row["kind"], row["object_id"], row["n"]): row["changed_at"] for row in rows["object_states"]}

    for state in ("requested", "approved", "shipped", "received", "refunded"):
        assert states["return", state], state
    for state in ("opened", "answered", "waiting", "resolved"):
        assert states["ticket", state], state
    for kind in ("return", "ticket"):
        numbered = [row for row in rows["object_states"] if row["kind"] == kind and row["n"]]
        assert changes[f"{kind}.state_changed"] == len(numbered)
        assert all(row["changed_at"] >= later[kind, row["object_id"], 0] for row in numbered)
