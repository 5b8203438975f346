"""A bad row is written down with its line and its reason, and stops nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.importers.small_sources import one_table_map, write_csv
from vefa.crm import tables as t

CUSTOMER = {"outside_id": "id", "birth_date": "born", "zone": "zone"}
ORDER = {
    "outside_id": "id",
    "customer": "customer",
    "total": "total",
    "currency": "currency",
    "placed_at": "placed",
}
REJECTS = sa.select(t.rejects.c.file, t.rejects.c.line, t.rejects.c.reason, t.rejects.c.detail)


@pytest.fixture
def customer(imported, source: Path) -> str:
    """There is a customer `c1`, a product `p1` and an order `o1`."""
    write_csv(source / "rows.csv", "id", "c1")
    imported(one_table_map("customers", {"outside_id": "id"}))
    imported(one_table_map("products", {"outside_id": {"constant": "p1"}, "name": {"constant": "Kahve"}}))
    columns = {
        "outside_id": {"constant": "o1"},
        "total": {"constant": 1},
        "currency": {"constant": "TRY"},
        "placed_at": {"constant": "2026-01-01"},
    }
    imported(one_table_map("orders", columns))
    return "c1"


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        (",c1,5,TRY,2026-01-01", "no id", None),
        ("o9,c1,5,TRY,2026-02-30", "impossible date", "2026-02-30"),
        ("o9,c1,5,TRY,yesterday", "impossible date", "yesterday"),
        ("o9,c1,5,TRY,0001-01-01", "impossible date", "0001-01-01"),
        ("o9,c1,5,TRY,", "no placed_at", None),
        ("o9,c1,five,TRY,2026-01-01", "wrong number", "five"),
        ("o9,c1,NaN,TRY,2026-01-01", "wrong number", "NaN"),
        ("o9,c1,5,XYZ,2026-01-01", "unknown currency", "XYZ"),
        ("o9,nobody,5,TRY,2026-01-01", "unknown customer", "nobody"),
    ],
)
def test_a_bad_order_is_rejected_with_its_line(imported, rows, source, customer, row, reason, detail):
    write_csv(source / "rows.csv", "id,customer,total,currency,placed", "o7,c1,5,TRY,2026-01-01", row)

    summary = imported(one_table_map("orders", ORDER))

    assert rows(REJECTS) == [("rows.csv", 3, reason, detail)]
    assert summary.targets["orders"].rejected == {reason: 1}
    assert summary.targets["orders"].new == 1


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ("o1,p9,1", "unknown product", "p9"),
        ("o9,p1,1", "unknown order", "o9"),
        ("o1,p1,a pair", "wrong number", "a pair"),
    ],
)
def test_a_bad_line_is_rejected(imported, rows, source, customer, row, reason, detail):
    write_csv(source / "rows.csv", "order,product,quantity", row)
    columns = {
        "order": "order",
        "line": {"constant": 1},
        "product": "product",
        "quantity": "quantity",
        "unit_price": {"constant": 2},
    }

    imported(one_table_map("order_lines", columns))

    assert rows(REJECTS) == [("rows.csv", 2, reason, detail)]
    assert rows("select * from order_lines") == []


@pytest.mark.parametrize(
    ("channel", "address", "reason"),
    [
        ("email", "ali@@ornek.example", "broken e-mail"),
        ("email", "ali", "broken e-mail"),
        ("email", "ali..veli@ornek.example", "broken e-mail"),
        ("sms", "12", "broken phone"),
        ("sms", "call me", "broken phone"),
    ],
)
def test_a_broken_address_rejects_the_contact_and_not_the_customer(imported, rows, source, channel, address, reason):
    write_csv(source / "rows.csv", "id,address", f"c1,{address}")
    given = one_table_map("customers", {"outside_id": "id"})
    contact = one_table_map("contacts", {"customer": "id", "channel": {"constant": channel}, "address": "address"})
    both = given.model_copy(update={"targets": (*given.targets, *contact.targets)})

    summary = imported(both)

    assert rows(REJECTS) == [("rows.csv", 2, reason, address)]
    assert (summary.targets["customers"].new, summary.targets["contacts"].new) == (1, 0)


def test_the_line_is_the_files_own_even_after_cells_of_several_lines(imported, rows, source):
    write_csv(source / "rows.csv", "id,born,zone", '"c1",,"Europe/\nIstanbul"', "", "c2,1990-13-01,", "c3,,")

    summary = imported(one_table_map("customers", CUSTOMER))

    assert rows(REJECTS) == [("rows.csv", 5, "impossible date", "1990-13-01")]
    assert summary.targets["customers"].new == 2


def test_a_row_of_another_shape_is_rejected(imported, rows, source):
    write_csv(source / "rows.csv", "id,born,zone", "c1,1990-01-01", "c2,,", "c3,,,,")

    summary = imported(one_table_map("customers", CUSTOMER))

    assert rows(REJECTS) == [
        ("rows.csv", 2, "wrong columns", "2 columns, not 3"),
        ("rows.csv", 4, "wrong columns", "5 columns, not 3"),
    ]
    assert (summary.misshapen, summary.rejected) == ({"rows.csv": 2}, 2)


@pytest.mark.rule(6)
def test_an_unknown_zone_is_the_shops_and_counted(imported, rows, source):
    write_csv(source / "rows.csv", "id,born,zone", "c1,,Mars/Olympus", "c2,,", "c3,,Asia/Tokyo")

    summary = imported(one_table_map("customers", CUSTOMER))

    assert [row[0] for row in rows("select zone from customers order by outside_id")] == [
        "Europe/Istanbul",
        "Europe/Istanbul",
        "Asia/Tokyo",
    ]
    assert summary.targets["customers"].counted == {"unknown zone": 1}


def test_a_map_may_leave_out_what_cannot_be_read(imported, rows, source):
    write_csv(source / "rows.csv", "id,born", "c1,30/02/1990")
    columns = {"outside_id": "id", "birth_date": {"column": "born", "format": "%d/%m/%Y", "on_error": "empty"}}

    summary = imported(one_table_map("customers", columns))

    assert rows("select outside_id, birth_date from customers") == [("c1", None)]
    assert summary.targets["customers"].counted == {"impossible date": 1}


def test_a_return_needs_somebody_who_returns(imported, rows, source, customer):
    write_csv(source / "rows.csv", "id,customer,order", "r1,,o1", "r2,c1,", "r3,c9,")
    columns = {
        "outside_id": "id",
        "customer": "customer",
        "order": "order",
        "requested_at": {"constant": "2026-01-02"},
    }

    summary = imported(one_table_map("returns", columns))

    assert rows(REJECTS) == [
        ("rows.csv", 2, "no customer", None),
        ("rows.csv", 4, "unknown customer", "c9"),
    ]
    assert summary.targets["returns"].new == 1
