"""A bad row damages nothing that is not its own, and what is wrong is told with its cure."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.importers.small_sources import one_table_map, write_csv
from vefa.crm import tables as t
from vefa.crm.importers.map_files import make_map
from vefa.crm.importers.maps import Column
from vefa.crm.importers.rejecting import hint_of
from vefa.crm.importers.tallies import Tally
from vefa.database import reading

ORDERS: dict[str, Any] = {
    "outside_id": "order",
    "total": {"constant": 9},
    "currency": {"constant": "TRY"},
    "placed_at": {"constant": "2026-02-01"},
}
LINE: dict[str, Any] = {"order": "order", "product": "product", "quantity": "quantity", "unit_price": {"constant": 1}}
LINES = (
    "select o.outside_id, l.line, l.quantity / 10000 from order_lines l"
    " join orders o on o.id = l.order_id order by 1, 2"
)
HEADER = "order,line,product,quantity"
WHOLE = ["o1,1,p1,1", "o1,2,p1,2", "o2,1,p1,3", "o2,2,p1,4"]


def lines_map(line: Any = "line", **more: Any) -> Any:
    return one_table_map("order_lines", {**LINE, "line": line}, **{"whole": True, **more})


@pytest.fixture
def shop(imported, source: Path, settings) -> Any:
    """Two orders of two lines each; imports them again from these rows, whatever share of them is bad."""
    write_csv(source / "rows.csv", HEADER, *WHOLE)
    imported(one_table_map("products", {"outside_id": {"constant": "p1"}, "name": {"constant": "Kahve"}}))
    imported(one_table_map("orders", ORDERS))
    imported(lines_map())
    trusting = settings.model_copy(update={"imports": settings.imports.model_copy(update={"unusable_share": 1})})

    def again(given: Any, *rows: str, **options: Any) -> Any:
        write_csv(source / "rows.csv", HEADER, *rows)
        return imported(given, **{"settings": trusting, **options})

    return again


def stored(rows: Any) -> list[tuple[str, int, int]]:
    return [(order, line, int(quantity)) for order, line, quantity in rows(LINES)]


BEFORE = [("o1", 1, 1), ("o1", 2, 2), ("o2", 1, 3), ("o2", 2, 4)]


@pytest.mark.parametrize("bad", ["o1,2,p1,two", "o1,2,p9,2", "o1,two,p1,2"])
def test_a_line_that_cannot_be_read_removes_none_of_its_order_and_all_vanished_ones_of_others(shop, rows, bad):
    shop(lines_map(), "o1,1,p1,7", bad, "o2,1,p1,3")

    assert stored(rows) == [("o1", 1, 7), ("o1", 2, 2), ("o2", 1, 3)]


@pytest.mark.parametrize("bad", ["o1,2,p1", ",2,p1,2", f"{'o' * 300},2,p1,2"])
def test_a_row_that_may_be_anybodys_removes_nothing(shop, rows, bad):
    shop(lines_map(), "o1,1,p1,7", bad, "o2,1,p1,3")

    assert stored(rows) == [("o1", 1, 7), ("o1", 2, 2), ("o2", 1, 3), ("o2", 2, 4)]


@pytest.mark.parametrize("bad", ["o1,1,p1,one", "o1,1,p1"])
def test_lines_that_are_numbered_as_they_come_do_not_take_each_others_places(shop, rows, bad):
    summary = shop(lines_map({"ordinal": True}), bad, "o1,2,p1,2", "o2,1,p1,3", "o2,2,p1,8")

    assert stored(rows) == [("o1", 1, 1), ("o1", 2, 2), ("o2", 1, 3), ("o2", 2, 8)]
    assert summary.targets["order_lines"].counted == {"kept as they were": 1}


def test_a_file_of_which_much_cannot_be_used_removes_nothing(shop, rows, settings):
    bad = [f"o1,{line},p9,1" for line in range(3, 5)]

    summary = shop(lines_map(), "o2,1,p1,3", *bad, settings=settings)

    assert stored(rows) == BEFORE
    assert summary.unusable == {"order_lines": 0.6667}
    write_csv_rows = ["o2,1,p1,3", *[f"o2,{line},p1,1" for line in range(3, 30)], "o1,1,p1,1"]
    assert shop(lines_map(), *write_csv_rows, settings=settings).unusable == {}
    assert ("o1", 2, 2) not in stored(rows)


def test_who_asked_to_be_forgotten_makes_no_file_unusable():
    assert Tally(read=2, rejected=Counter({"forgotten": 1})).unusable_share() == 0
    assert Tally(read=2, misshapen=2, rejected=Counter({"no id": 1})).unusable_share() == 0.75


def test_a_sum_of_which_a_part_is_missing_is_no_sum(shop, imported, rows, source):
    write_csv(source / "customers.csv", "id", "c1")
    imported(one_table_map("customers", {"outside_id": {"constant": "c1"}}))
    columns = {
        "outside_id": "order",
        "customer": {"constant": "c1"},
        "amount": {"column": "quantity", "pick": "sum"},
        "requested_at": {"constant": "2026-02-03"},
    }

    summary = shop(one_table_map("returns", columns), "r1,,,5", "r1,,,five", "r2,,,1", "r2,,,2", chunk_rows=1)

    assert [(row.outside_id, int(row.amount)) for row in rows(sa.select(t.returns))] == [("r2", 3)]
    assert summary.targets["returns"].rejected == {"wrong number": 1, "another row of it is wrong": 1}


def test_an_order_of_whose_parcels_one_cannot_be_read_has_not_arrived(shop, rows):
    columns = {"outside_id": "line", "order": "order", "delivered_at": "quantity"}
    given = one_table_map("deliveries", columns, sets_orders=True)

    shop(given, "o1,d1,,2026-02-05", "o1,d2,,soon", "o2,d3,,2026-02-05")

    assert rows("select outside_id from orders where delivered_at is not null") == [("o2",)]


def test_a_dry_run_says_what_would_change_and_writes_nothing(imported, source, engine):
    write_csv(source / "rows.csv", "id,name,total", *(f"c{n},Ayşe,{'x' if n > 2 else n}" for n in range(1, 15)))
    order = {"outside_id": "id", "customer": "id", "total": "total", "currency": {"constant": "TRY"}}
    given = make_map(
        {
            "inputs": {"rows": {"file": "rows.csv"}},
            "targets": [
                {"into": "customers", "columns": {"outside_id": "id", "first_name": "name"}},
                {"into": "orders", "columns": {**order, "placed_at": {"constant": "2026-02-01"}}},
                {"into": "products", "columns": {"outside_id": {"constant": "p1"}, "name": {"constant": "Kahve"}}},
                {
                    "into": "order_lines",
                    "columns": {
                        "order": "id",
                        "line": {"constant": 1},
                        "product": {"constant": "p1"},
                        "quantity": {"constant": 1},
                        "unit_price": {"constant": 1},
                    },
                },
                {
                    "into": "reviews",
                    "columns": {
                        "outside_id": "id",
                        "order": "id",
                        "product": {"constant": "p1"},
                        "posted_at": {"constant": "2026-02-02"},
                    },
                },
            ],
        },
        "test",
        "test.yaml",
    )

    dry = imported(given, dry=True)

    with reading(engine) as connection:
        counts = [
            connection.scalar(sa.select(sa.func.count()).select_from(table)) for table in t.metadata.sorted_tables
        ]
    assert sum(number or 0 for number in counts) == 0
    assert len(dry.samples) == 10 + 10 + 10
    assert {each.reason for each in dry.samples} == {
        "wrong number",
        "unknown order",
    }
    assert [each.key for each in dry.would_change if each.target == "orders"] == ["c1", "c2"]
    done = imported(given)
    assert dry.targets == done.targets
    assert imported(given, dry=True).targets == imported(given).targets


HINTS = [
    ("money", "wrong number", "1.234,50", 'write decimal: ",", thousands: "."'),
    ("money", "wrong number", "12,5", 'write decimal: ","'),
    ("money", "wrong number", "1,234.50", 'write thousands: ","'),
    ("money", "wrong number", "1 234,50", 'write decimal: ",", thousands: " "'),
    ("money", "wrong number", "12 TL", 'write strip: " TL"'),
    ("money", "wrong number", "₺1.234,50", 'write strip: "₺", decimal: ",", thousands: "."'),
    ("money", "wrong number", "free", None),
    ("time", "impossible date", "31.12.2025 10:30", 'write format: "%d.%m.%Y %H:%M"'),
    ("time", "impossible date", "05/06/2025", 'write format: "%d/%m/%Y" or "%m/%d/%Y"'),
    ("time", "impossible date", "1443651125", "write format: epoch"),
    ("birthday", "impossible date", "05/31", 'write format: "%m/%d"'),
    ("id", "unknown order", "#1001", 'write strip: "#"'),
    ("id", "unknown order", "1001.0", "write id: true"),
    ("address", "broken e-mail", "a@ornek.example; b@ornek.example", 'write split: {by: ";", take: 1}'),
    ("address", "broken phone", "(0171) 390 18 20", "write country: with the column that holds the number's country"),
    ("boolean", "neither yes nor no", "abone", "write a map: with this word and what it means"),
    ("time", "no placed_at", "", "write a default:, or where: with present: true"),
]


@pytest.mark.parametrize(("kind", "reason", "text", "hint"), HINTS)
def test_a_reject_names_the_key_that_would_mend_it(kind: str, reason: str, text: str, hint: str | None) -> None:
    assert hint_of(kind, reason, text, Column(column="x"), "TR") == hint
