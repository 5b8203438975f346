"""What files say of an order's contents: several codes in a cell, parts of pieces, and lines that cannot be read."""

from __future__ import annotations

from typing import Any

from tests.importers.small_sources import write_csv
from vefa.crm.importers.map_files import make_map

FOUND = "select outside_id, total / 10000, lines_incomplete from orders order by 1"
LINES = """
    select o.outside_id, l.line, l.quantity, l.variant
    from order_lines l join orders o on o.id = l.order_id order by 1, 2
"""
CODES = "select o.outside_id, c.code from order_codes c join orders o on o.id = c.order_id order by 1, c.place"


def orders_map(total: Any) -> Any:
    return make_map(
        {
            "inputs": {"orders": {"file": "orders.csv"}, "lines": {"file": "lines.csv"}},
            "targets": [
                {
                    "into": "products",
                    "input": "lines",
                    "columns": {"outside_id": {"constant": "p"}, "name": {"constant": "Kumaş"}},
                },
                {
                    "into": "orders",
                    "input": "orders",
                    "columns": {
                        "outside_id": "id",
                        "total": total,
                        "currency": {"constant": "TRY"},
                        "coupon_code": "coupons",
                        "placed_at": {"constant": "2026-02-01"},
                    },
                },
                {
                    "into": "order_lines",
                    "input": "lines",
                    "columns": {
                        "order": "order",
                        "line": "line",
                        "product": {"constant": "p"},
                        "quantity": {"column": "quantity", "decimal": ","},
                        "unit_price": "price",
                        "variant": "variant",
                    },
                },
            ],
        },
        "test",
        "test.yaml",
    )


def write(source: Any, *lines: str, coupons: str = "") -> None:
    write_csv(source / "orders.csv", "id,total,coupons", f'o1,40,"{coupons}"', "o2,7,")
    write_csv(source / "lines.csv", "order,line,quantity,price,variant", *lines)


def test_parts_of_pieces_and_several_codes_are_kept(imported, rows, source):
    write(source, 'o1,1,"2,25",10,L', 'o1,2,"0,5",0.0001,', "o2,1,3,2,", coupons="hosgeldin, GIFT-1")
    given = orders_map({"from_lines": True})

    summary = imported(given)
    again = imported(given)
    codes = rows(CODES)
    write(source, 'o1,1,"2,25",10,L', 'o1,2,"0,5",0.0001,', "o2,1,3,2,", coupons="GIFT-1")
    imported(given)

    assert [tuple(row) for row in rows(LINES)] == [
        ("o1", 1, 22_500, "L"),
        ("o1", 2, 5_000, None),
        ("o2", 1, 30_000, None),
    ]
    assert rows("select total from orders order by outside_id") == [(225_001,), (60_000,)]  # a half rounds up
    assert codes == [("o1", "hosgeldin"), ("o1", "GIFT-1")]
    assert rows(CODES) == [("o1", "GIFT-1")]
    assert rows("select coupon_code from orders order by outside_id") == [("GIFT-1",), (None,)]
    assert (summary.rejected, again.changes) == (0, 0)


def test_an_order_that_lacks_a_line_keeps_its_own_total_and_is_marked_until_it_is_whole(imported, rows, source):
    write(source, "o1,1,four,10,", "o1,2,1,20,", "o2,1,1,7,")
    imported(orders_map("total"))
    marked = [(row[0], row[1], bool(row[2])) for row in rows(FOUND)]
    write(source, "o1,1,2,10,", "o1,2,1,20,", "o2,1,1,7,")
    imported(orders_map("total"))

    assert marked == [("o1", 40, True), ("o2", 7, False)]
    assert [(row[0], bool(row[2])) for row in rows(FOUND)] == [("o1", False), ("o2", False)]


def test_an_order_that_is_worth_its_lines_is_a_reject_where_one_of_them_is(imported, rows, source):
    write(source, "o1,1,four,10,", "o1,2,1,20,", "o2,1,1,7,")
    refused = imported(orders_map({"from_lines": True}))
    before = rows(FOUND)
    write(source, "o1,1,2,10,", "o1,2,1,20,", "o2,1,1,7,")
    imported(orders_map({"from_lines": True}))
    whole = [(row[0], row[1]) for row in rows(FOUND)]
    write(source, "o1,1,2,10,", "o1,2,one,20,", "o2,1,1,7,")
    imported(orders_map({"from_lines": True}))

    assert refused.targets["orders"].rejected == {"a line of it is wrong, and its total is the sum of its lines": 1}
    assert (refused.targets["orders"].new, [row[0] for row in before]) == (1, ["o2"])
    assert whole == [("o1", 40), ("o2", 7)]
    assert [(row[0], row[1], bool(row[2])) for row in rows(FOUND)] == [("o1", 40, True), ("o2", 7, False)]
