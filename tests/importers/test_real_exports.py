"""What real shops export: orders in several rows, ids that Excel has marked, phone fields of two numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.importers.small_sources import one_table_map, write_csv
from vefa.crm.importers.addresses import Phone, parse_phone
from vefa.crm.importers.map_files import make_map

ORDERS: dict[str, Any] = {
    "into": "orders",
    "where": {"Total": {"present": True}},
    "columns": {
        "outside_id": "Id",
        "number": "Name",
        "total": "Total",
        "currency": {"constant": "TRY"},
        "placed_at": {"constant": "2026-02-01"},
    },
}
LINES: dict[str, Any] = {
    "into": "order_lines",
    "columns": {
        "order": "Id",
        "line": {"ordinal": True},
        "product": {"constant": "p1"},
        "quantity": "Quantity",
        "unit_price": {"constant": 1},
    },
}
PRODUCTS: dict[str, Any] = {"into": "products", "columns": {"outside_id": {"constant": "p1"}, "name": "Name"}}
FOUND = """
    select o.outside_id, l.line, l.quantity / 10000 from order_lines l join orders o on o.id = l.order_id order by 1, 2
"""


def orders_map(**wanted: Any) -> Any:
    return make_map(
        {"inputs": {"rows": {"file": "rows.csv", **wanted}}, "targets": [PRODUCTS, ORDERS, LINES]}, "test", "test.yaml"
    )


@pytest.mark.parametrize("wanted", [{}, {"fill_down": ["Id"], "fill_within": "Name"}])
@pytest.mark.parametrize("chunk_rows", [1, 100])
def test_rows_that_continue_an_order_are_its_lines(imported, rows, source, wanted, chunk_rows):
    write_csv(
        source / "rows.csv",
        "Name,Id,Total,Quantity",
        "#1,'5001,10,1",
        "#1,,,2",
        "#2,,10,3",  # an order without an id, and its line: nobody's
        "#2,,,4",
        "#3,5003,10,5",
        "#3,,,6",
    )

    summary = imported(orders_map(**wanted), chunk_rows=chunk_rows)

    assert [tuple(map(int, row)) for row in rows(FOUND)] == [(5001, 1, 1), (5001, 2, 2), (5003, 1, 5), (5003, 2, 6)]
    assert summary.targets["orders"].rejected == {"no id": 1}
    assert summary.targets["order_lines"].rejected == {"no order": 2}


def test_of_two_numbers_the_first_is_taken_and_the_rest_is_counted(imported, rows, source):
    write_csv(
        source / "rows.csv",
        "id,phone",
        "c1,0532 111 00 61 / 0533 111 00 62",
        "c2,0212 555 00 63 dahili 12",
        "c3,'+905321110064",
    )
    write_csv(source / "customers.csv", "id", "c1", "c2", "c3")
    imported(one_table_map("customers", {"outside_id": "id"}))

    summary = imported(
        one_table_map("contacts", {"customer": "id", "channel": {"constant": "sms"}, "address": "phone"})
    )

    assert [row.address for row in rows("select address from contacts order by customer_id")] == [
        "+905321110061",
        "+902125550063",
        "+905321110064",
    ]
    assert summary.targets["contacts"].counted == {"second number left out": 1, "extension left out": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0532 111 00 61", Phone("+905321110061")),
        ("0532 111 00 61 - 0533 111 00 62", Phone("+905321110061", "second number")),
        ("0532 111 00 61 veya 62", Phone("+905321110061", "second number")),
        ("0532 111 00 61; +49 30 901820", Phone("+905321110061", "second number")),
        ("+1 212 555 0163 x44", Phone("+12125550163", "extension")),
        ("0212 555 00 63 (dahili: 5)", Phone("+902125550063", "extension")),
        ("0532 111 00 61 0533", None),
        ("yok", None),
    ],
)
def test_a_phone_field_begins_with_a_number_or_holds_none(text: str, expected: Phone | None) -> None:
    assert parse_phone(text, "TR") == expected


def test_an_id_longer_than_an_index_holds_stops_nothing_else(imported, rows, source: Path):
    write_csv(source / "rows.csv", "id,name", "x" * 5000 + ",a", "c2,b")

    summary = imported(one_table_map("customers", {"outside_id": "id", "first_name": "name"}))

    assert summary.targets["customers"].rejected == {"too long": 1}
    assert [row.outside_id for row in rows("select outside_id from customers")] == ["c2"]
