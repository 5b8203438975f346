"""What an import costs goes by its files: neither by what the shop holds already, nor by the file's own square."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.importers.small_sources import NOW, one_table_map, write_rows
from vefa.crm import facts
from vefa.crm.importers.maps import ImportMap
from vefa.crm.importers.runs import run_import
from vefa.crm.tables import stale_facts
from vefa.database import reading
from vefa.settings import Settings

ORDERS = ("order", "customer", "total", "at")


def people_map() -> ImportMap:
    """Customers with their addresses, from one table."""
    given = one_table_map("customers", {"outside_id": "customer"})
    contacts = one_table_map(
        "contacts", {"customer": "customer", "channel": {"constant": "email"}, "address": "address"}
    )
    return given.model_copy(update={"targets": (*given.targets, *contacts.targets)})


def orders_map() -> ImportMap:
    columns = {"outside_id": "order", "customer": "customer", "total": "total", "placed_at": "at"}
    return one_table_map("orders", {**columns, "currency": {"constant": "TRY"}})


@pytest.fixture
def people(imported: Any, source: Path) -> None:
    rows = [(f"c{n}", f"c{n}@ornek.example") for n in range(20)]
    write_rows(source / "rows.csv", ("customer", "address"), rows)
    imported(people_map())


def test_a_days_file_makes_only_that_days_customers_stale(
    imported: Any, people: None, source: Path, engine: sa.Engine, settings: Settings
) -> None:
    first = [(f"o{n}", f"c{n}", "10", "2026-01-01 10:00") for n in range(20)]
    write_rows(source / "rows.csv", ORDERS, first)
    imported(orders_map())
    facts.refresh(engine, NOW + timedelta(days=1), settings.shop)

    write_rows(
        source / "rows.csv", ORDERS, [first[0], ("o1", "c1", "99", "2026-01-01 10:00"), ("o20", "c2", *first[2][2:])]
    )
    told = imported(orders_map()).targets["orders"]

    with reading(engine) as connection:
        stale = connection.scalar(sa.select(sa.func.count()).select_from(stale_facts))
    assert (told.new, told.changed, told.unchanged) == (1, 1, 1)
    assert stale == 2


def test_who_belongs_to_an_imported_row_is_found_without_reading_all_of_them(
    sqlite_engine: sa.Engine, settings: Settings, source: Path
) -> None:
    write_rows(source / "rows.csv", ("customer", "address"), [("c1", "c1@ornek.example")])
    plans: list[str] = []

    def explain(_c: Any, cursor: Any, statement: str, parameters: Any, _x: Any, many: bool) -> None:
        if statement.startswith("INSERT INTO chosen_") and not many:
            found = cursor.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[-1] for row in found)

    sa.event.listen(sqlite_engine, "before_cursor_execute", explain)
    run_import(sqlite_engine, people_map(), str(source), NOW, False, settings)

    assert any("coming_" in step for step in plans)
    assert not any(step.startswith(("SCAN coming_", "SCAN stored", "SCAN the_")) for step in plans), plans
