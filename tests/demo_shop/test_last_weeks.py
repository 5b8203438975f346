"""In its last two weeks there is work for every journey."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.demo_shop.made import CUSTOMERS, END, START, Rows, contents
from vefa.crm.demo_shop import make_demo_shop
from vefa.database import metadata, open_database
from vefa.settings import Settings

RECENT = END - timedelta(days=14)


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
