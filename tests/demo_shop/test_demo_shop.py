"""The made-up shop is the same every time, looks like a shop, and has work for every journey in its last days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
import sqlalchemy as sa
from email_validator import validate_email

from vefa.crm import tables
from vefa.crm.demo_shop import DemoShopSummary, make_demo_shop
from vefa.crm.demo_shop.catalogue import ARTICLES
from vefa.crm.demo_shop.shop import GROUP
from vefa.crm.identity import address_key, bucket
from vefa.database import metadata, open_database, reading
from vefa.errors import UserError
from vefa.settings import Settings

END = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
START = END - timedelta(days=24 * 30.4375)
RECENT = END - timedelta(days=14)
CUSTOMERS = 1000

Rows = dict[str, list[sa.RowMapping]]


def contents(engine: sa.Engine) -> Rows:
    """Everything that a store holds."""
    with reading(engine) as connection:
        return {
            table.name: list(connection.execute(sa.select(table).order_by(*table.primary_key.columns)).mappings())
            for table in metadata.sorted_tables
        }


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rows, DemoShopSummary]]:
    """One shop of a thousand customers that most tests look at."""
    root: Path = tmp_path_factory.mktemp("demo")
    engine = open_database(f"sqlite:///{root / 'demo.db'}")
    metadata.create_all(engine)
    summary = make_demo_shop(engine, CUSTOMERS, 24, 7, Settings(root=root), END)
    yield contents(engine), summary
    engine.dispose()


@pytest.fixture
def rows(shop: tuple[Rows, DemoShopSummary]) -> Rows:
    return shop[0]


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


def test_buckets_and_address_keys_are_the_ones_of_every_customer(rows: Rows) -> None:
    assert all(row["bucket"] == bucket(row["outside_id"]) for row in rows["customers"])
    assert all(row["address_key"] == address_key(row["address"]) for row in rows["contacts"])


def test_addresses_are_valid_belong_to_nobody_and_are_nobody_elses(rows: Rows) -> None:
    addresses = [row["address"] for row in rows["contacts"]]

    assert len(addresses) == len(set(addresses))
    for row in rows["contacts"]:
        if row["channel"] == "email":
            assert row["address"].isascii() and row["address"].endswith(".example")
            validate_email(row["address"], check_deliverability=False)
        else:
            assert row["address"].startswith("+90500") or row["address"][5:].startswith("55501")
            assert phonenumbers.is_valid_number(phonenumbers.parse(row["address"]))


def test_some_customers_have_no_email_or_no_phone(rows: Rows) -> None:
    channels = Counter(row["channel"] for row in rows["contacts"])

    assert 0.85 * CUSTOMERS < channels["email"] < CUSTOMERS
    assert 0.6 * CUSTOMERS < channels["sms"] < 0.85 * CUSTOMERS


def test_most_customers_are_turkish_and_zones_fit_their_countries(rows: Rows) -> None:
    countries = Counter(row["country"] for row in rows["customers"])
    zones = {(row["country"], row["zone"]) for row in rows["customers"]}

    assert 0.8 < countries["TR"] / CUSTOMERS < 0.9
    assert set(countries) >= {"TR", "DE", "GB", "FR", "NL", "US"}
    assert {zone for country, zone in zones if country == "TR"} == {"Europe/Istanbul"}
    assert all(ZoneInfo(zone) for _, zone in zones)


def test_turkish_names_keep_their_letters(rows: Rows) -> None:
    letters = {letter for row in rows["customers"] for letter in row["first_name"] + row["last_name"]}

    assert letters >= set("çğıöşüÇİÖŞÜ")


def test_some_customers_are_born_on_29_february(rows: Rows) -> None:
    leaps = [row["birth_date"] for row in rows["customers"] if row["birth_date"] and row["birth_date"].day == 29]

    assert any(born.month == 2 for born in leaps)


def test_an_end_on_29_february_makes_only_dates_that_exist(engine: sa.Engine, settings: Settings) -> None:
    make_demo_shop(engine, 400, 12, 7, settings, datetime(2024, 2, 29, 12, tzinfo=UTC))

    born = [row["birth_date"] for row in contents(engine)["customers"] if row["birth_date"]]
    assert all(isinstance(day, date) for day in born)


def test_consents_are_a_log_in_which_a_no_comes_after_the_yes(rows: Rows) -> None:
    said: dict[tuple[int, str], list[tuple[datetime, bool]]] = {}
    for row in rows["consents"]:
        said.setdefault((row["customer_id"], row["channel"]), []).append((row["occurred_at"], row["granted"]))
    revoked = [sorted(words) for words in said.values() if len(words) > 1]
    reachable = Counter(row["channel"] for row in rows["contacts"])
    yes = Counter(channel for (_, channel), words in said.items() if any(granted for _, granted in words))

    assert len(revoked) > 20
    assert all([granted for _, granted in words] == [True, False] for words in revoked)
    assert 0.65 < yes["email"] / reachable["email"] < 0.75
    assert 0.5 < yes["sms"] / reachable["sms"] < 0.6


def test_consent_is_asked_only_for_channels_that_there_are(rows: Rows) -> None:
    contacts = {(row["customer_id"], row["channel"]) for row in rows["contacts"]}

    assert {(row["customer_id"], row["channel"]) for row in rows["consents"]} <= contacts


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


def has_anniversary(moment: datetime) -> bool:
    """Whether the day comes back, in a later year, within the last two weeks."""
    return moment < END - timedelta(days=300) and any(
        RECENT <= moment + timedelta(days=365 * years) <= END for years in (1, 2)
    )


def lapses(orders: list[datetime]) -> bool:
    """Whether the last of at least two orders becomes more than 90 days old within the last two weeks."""
    return len(orders) > 1 and RECENT <= max(orders) + timedelta(days=90) <= END


HAPPENINGS: dict[str, Callable[[Rows, dict[int, list[datetime]]], int]] = {
    "sign-ups": lambda rows, _: sum(row["created_at"] >= RECENT for row in rows["customers"]),
    "orders": lambda rows, _: sum(row["placed_at"] >= RECENT for row in rows["orders"]),
    "deliveries": lambda rows, _: sum((row["delivered_at"] or START) >= RECENT for row in rows["orders"]),
    "birthdays": lambda rows, _: sum(
        row["birth_date"] is not None and (row["birth_date"].month, row["birth_date"].day) in _RECENT_DAYS
        for row in rows["customers"]
    ),
    "sign-up anniversaries": lambda rows, _: sum(has_anniversary(row["created_at"]) for row in rows["customers"]),
    "first-order anniversaries": lambda _, orders: sum(has_anniversary(min(placed)) for placed in orders.values()),
    "customers becoming lapsed": lambda _, orders: sum(lapses(placed) for placed in orders.values()),
}
_RECENT_DAYS = {((END - timedelta(days=back)).month, (END - timedelta(days=back)).day) for back in range(14)}


@pytest.mark.parametrize("happening", HAPPENINGS)
@pytest.mark.parametrize("customers", [200, CUSTOMERS])
def test_the_last_two_weeks_have_work_for_every_journey(
    happening: str, customers: int, rows: Rows, request: pytest.FixtureRequest
) -> None:
    if customers != CUSTOMERS:
        rows = request.getfixturevalue("small_shop")
    orders: dict[int, list[datetime]] = {}
    for row in rows["orders"]:
        orders.setdefault(row["customer_id"], []).append(row["placed_at"])

    assert HAPPENINGS[happening](rows, orders) >= customers // 100


@pytest.fixture(scope="module")
def small_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    root: Path = tmp_path_factory.mktemp("small")
    engine = open_database(f"sqlite:///{root / 'demo.db'}")
    metadata.create_all(engine)
    make_demo_shop(engine, 200, 24, 7, Settings(root=root), END)
    yield contents(engine)
    engine.dispose()


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
