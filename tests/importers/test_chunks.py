"""What is right for a whole file is right wherever its chunks and batches end, and after a crash."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.importers.small_sources import MAPS, NOW, one_table_map, write_rows
from vefa.crm.importers.map_files import load_map
from vefa.crm.importers.runs import run_import

COLUMNS = ("order", "product", "quantity", "price", "at")


def invoice_map():
    """Orders, lines and products, all from one wide table."""
    given = one_table_map(
        "orders",
        {
            "outside_id": "order",
            "total": {"multiply": ["quantity", "price"], "pick": "sum"},
            "currency": {"constant": "TRY"},
            "placed_at": {"column": "at", "pick": "min"},
        },
    )
    lines = one_table_map(
        "order_lines",
        {
            "order": "order",
            "line": {"ordinal": True},
            "product": "product",
            "quantity": "quantity",
            "unit_price": "price",
        },
    )
    products = one_table_map("products", {"outside_id": "product", "name": {"template": "No. {product}"}})
    return given.model_copy(update={"targets": (*given.targets, *lines.targets, *products.targets)})


@pytest.fixture
def invoices(source: Path) -> Path:
    """Twenty lines of five orders that do not stand together."""
    lines = [(f"o{i % 5}", f"p{i % 3}", 1 + i % 4, f"{i}.25", f"2026-01-01 10:{59 - i:02d}:00") for i in range(20)]
    return write_rows(source / "rows.csv", COLUMNS, lines)


@pytest.mark.parametrize("chunk_rows", [1, 3, 7, 100])
def test_an_order_is_whole_wherever_a_chunk_ends(imported, rows, invoices, chunk_rows):
    imported(invoice_map(), chunk_rows=chunk_rows, batch_keys=2)

    orders = rows(
        "select outside_id, total, placed_at, (select count(*) from order_lines where order_id = orders.id)"
        " from orders order by outside_id"
    )
    noon_less = 1_767_250_800_000_000  # 10:00 in Istanbul
    expected = [
        (
            f"o{k}",
            sum((1 + i % 4) * (i * 10_000 + 2_500) for i in range(k, 20, 5)),
            noon_less + (59 - (15 + k)) * 60_000_000,
            4,
        )
        for k in range(5)
    ]
    assert orders == expected
    lines = rows("select line from order_lines order by order_id, line")
    assert [row[0] for row in lines] == [1, 2, 3, 4] * 5


def test_other_chunks_of_the_same_file_change_nothing(imported, invoices):
    imported(invoice_map(), chunk_rows=100)

    again = imported(invoice_map(), chunk_rows=3)

    assert (again.changes, again.events) == (0, 0)
    assert again.targets["orders"].unchanged == 5
    assert again.targets["order_lines"].unchanged == 20


class PowerCut(Exception):
    """What stops an import in its middle."""


@pytest.mark.parametrize("batches", [1, 2, 3])
def test_after_a_crash_between_batches_a_second_run_makes_good(
    engine, settings, source, rows, imported, invoices, batches
):
    def cut(label: str, done: int, total: int | None) -> None:
        if label == "writing orders" and done == batches:
            raise PowerCut

    with pytest.raises(PowerCut):
        run_import(engine, invoice_map(), str(source), NOW, False, settings, cut, batch_keys=1)
    assert rows("select count(*) from orders") == [(batches,)]
    assert rows("select count(*) from events") == [(batches,)]
    assert rows("select finished_at from imports") == [(None,)]

    summary = imported(invoice_map(), batch_keys=1)

    assert (summary.targets["orders"].new, summary.targets["orders"].unchanged) == (5 - batches, batches)
    assert rows("select count(*) from order_lines") == [(20,)]
    assert rows("select count(*) from events") == [(5,)]


def test_an_order_is_never_seen_without_its_lines(engine, settings, source, invoices):
    seen: list[tuple[int, int]] = []

    def look(label: str, done: int, total: int | None) -> None:
        if label == "writing orders":
            with engine.connect() as connection:
                query = "select (select count(*) from orders), (select count(*) from order_lines)"
                seen.append(tuple(connection.execute(sa.text(query)).one()))

    run_import(engine, invoice_map(), str(source), NOW, False, settings, look, batch_keys=2)

    assert seen == [(2, 8), (4, 16), (5, 20)]


def test_the_last_of_several_rows_of_a_key_holds_even_in_other_chunks(imported, rows, source):
    write_rows(source / "rows.csv", ("id", "city"), [("c1", "Bursa"), ("c2", "Van"), ("c1", "Mersin")])

    for chunk_rows in (1, 2, 9):
        summary = imported(one_table_map("customers", {"outside_id": "id", "city": "city"}), chunk_rows=chunk_rows)

    assert rows("select city from customers order by outside_id") == [("Mersin",), ("Van",)]
    assert summary.changes == 0


def test_a_table_of_a_database_is_a_source_as_well(imported, rows, tmp_path):
    path = tmp_path / "shop.db"
    other = sa.create_engine(f"sqlite:///{path}")
    with other.begin() as connection:
        connection.exec_driver_sql("create table uye (no integer, ad text, kayit date)")
        connection.exec_driver_sql("insert into uye values (7, 'Ece', '2025-05-01'), (null, 'Kim', null)")
    other.dispose()
    given = one_table_map("customers", {"outside_id": "no", "first_name": "ad", "created_at": "kayit"})
    table = given.model_copy(update={"inputs": {"rows": type(given.inputs["rows"])(table="uye")}, "source": "other"})

    summary = imported(table, f"sqlite:///{path}", chunk_rows=1)

    assert rows("select outside_id, first_name from customers") == [("7", "Ece")]
    assert rows("select file, line, reason from rejects") == [("uye", 2, "no id")]
    assert summary.targets["customers"].new == 1


def test_the_maps_that_come_with_the_project_can_be_read():
    assert {load_map(path).name for path in MAPS.glob("*.yaml")} >= {"contoso", "online-retail", "shop-csv"}
