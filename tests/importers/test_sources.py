"""Excel, JSON and SQL sources, columns of a second file, and files that are written otherwise than the map says."""

from __future__ import annotations

import gzip
import json
import sqlite3
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from tests.importers.small_sources import NOW, one_table_map, write_csv
from vefa.crm.importers.chunks import Chunk
from vefa.crm.importers.map_files import make_map
from vefa.crm.importers.maps import ImportMap
from vefa.crm.importers.sources import chunks_of
from vefa.errors import ImportMapError

ORDER: dict[str, Any] = {
    "outside_id": "id",
    "total": {"column": "total", "decimal": ",", "thousands": "."},
    "currency": {"constant": "TRY"},
    "placed_at": {"column": "placed", "format": "%d.%m.%Y"},
}
FOUND = "select outside_id, total, placed_at from orders order by outside_id"


def input_map(columns: dict[str, Any] | None = None, into: str = "orders", **wanted: Any) -> ImportMap:
    content = {"inputs": {"rows": wanted}, "targets": [{"into": into, "columns": columns or ORDER}]}
    return make_map(content, "test", "test.yaml")


def cells(given: ImportMap, path: Path | str, *names: str) -> list[tuple[str, ...]]:
    found: list[Chunk] = list(chunks_of(given, "rows", str(path), set(names), 2))
    return [row for chunk in found for row in zip(*(chunk.frame[name] for name in names), strict=True)]


def workbook(path: Path, *rows: tuple[Any, ...], sheet: str = "Sheet") -> Path:
    book = Workbook()
    book.active.append(("not", "this"))
    chosen = book.create_sheet(sheet)
    for row in rows:
        chosen.append(row)
    book.save(path)
    return path


def test_excel_cells_are_what_is_typed_in_them(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "a.xlsx",
        (),
        ("id", "at", " x ", None),
        (233000.0, date(2026, 1, 5), 1234.5),
        ("007", datetime.fromisoformat("2026-01-05T10:30:00"), True),
        (),
        ("'0532", date(2026, 1, 5), None),
        sheet="Orders",
    )

    found = cells(input_map(file="a.xlsx", sheet="Orders"), path, "id", "at", "x")

    assert found == [
        ("233000", "2026-01-05", "1234.5"),
        ("007", "2026-01-05T10:30:00", "true"),
        ("0532", "2026-01-05", ""),
    ]


def test_marks_and_formats_are_for_texts_and_not_for_typed_cells(imported, rows, source):
    workbook(
        source / "a.xlsx",
        ("id", "total", "placed"),
        (1, 1234.5, date(2026, 1, 5)),
        ("2", "1.234,5", "05.01.2026"),
        (3, 7, date(2026, 1, 5)),
        sheet="S",
    )
    (source / "a.jsonl").write_text('{"id": 4, "total": 1234.5, "placed": "05.01.2026"}\n')

    imported(input_map(file="a.xlsx", sheet="S"))
    imported(input_map(file="a.jsonl"))

    found = rows(FOUND)
    assert [int(row[1]) for row in found] == [12_345_000, 12_345_000, 70_000, 12_345_000]
    assert len({row[2] for row in found}) == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.xls", b"\xd0\xcf\x11\xe0old", "old Excel file"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0locked", "locked by a password"),
        ("a.xlsx", b"PK\x03\x04broken", "damaged"),
        ("a.xlsx", b"id,total", "no Excel file"),
        ("a.csv", b"PK\x03\x04", "call it .xlsx"),
        ("a.json", b"{}", "must hold a list"),
        ("a.json", b"[" * 2000, "no JSON"),
        ("a.json", b"[1]", "must be an object"),
        ("a.csv", b"id;total;placed\n", 'delimiter: ";"'),
        ("a.csv", "id\ttotal\tplaced\n".encode("utf-16"), "encoding: utf-16"),
        ("a.csv", "id,total,placed,şehir\n1,2,3,İğdır'ın çoğu güneşli\n".encode("cp1254"), "encoding: cp1254"),
        ("a.csv.gz", gzip.compress(b"id|total|placed\n", mtime=0), 'delimiter: "|"'),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ImportMapError) as told:
        cells(input_map(file=name), tmp_path / name, "id", "total", "placed")

    assert words in str(told.value)


def test_a_sheet_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", ("id",), sheet="Siparişler")

    with pytest.raises(ImportMapError, match="Siparişler"):
        cells(input_map(file="a.xlsx", sheet="Sipariler"), path, "id")


def test_a_query_of_sqlite_is_read_and_nothing_is_written_there(imported, rows, tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as shop:
        shop.execute("create table o (id real, total real, at text)")
        shop.execute("insert into o values (1.0, 1234.5, '05.01.2026'), (2.0, 2, '05.01.2026')")
    before = path.read_bytes()
    query = "select id, total, at as placed, '12:30' as clock from o where total > 0"

    imported(input_map(query=query), f"sqlite:///{path}")

    assert [row[0] for row in rows(FOUND)] == ["1", "2"]
    assert path.read_bytes() == before
    with pytest.raises(ImportMapError, match="readonly"):
        imported(input_map(query="delete from o returning id, total, at as placed"), f"sqlite:///{path}")
    with pytest.raises(ImportMapError, match="no such SQLite database"):
        imported(input_map(table="o"), f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(ImportMapError, match="no driver"):
        imported(input_map(table="o"), "mysql+pymysql://host/shop")


def test_a_column_may_stand_in_a_second_file(imported, rows, source):
    write_csv(source / "people.csv", "mail,number", "Defne@ornek.example,c1", "mert@ornek.example,c2")
    write_csv(source / "orders.csv", "id,mail", "o1,defne@ornek.example", "o2,nobody@ornek.example", "o3,")
    columns = {
        "outside_id": "id",
        "customer": {"column": "mail", "lookup": {"input": "people", "match": "mail", "take": "number"}},
        "total": {"constant": 1},
        "currency": {"constant": "TRY"},
        "placed_at": {"constant": "2026-01-05"},
    }
    given = make_map(
        {
            "inputs": {"people": {"file": "people.csv"}, "orders": {"file": "orders.csv"}},
            "targets": [
                {"into": "customers", "input": "people", "columns": {"outside_id": "number"}},
                {"into": "orders", "input": "orders", "columns": columns},
            ],
        },
        "test",
        "test.yaml",
    )

    summary = imported(given)

    assert rows("select o.outside_id, c.outside_id from orders o join customers c on c.id = o.customer_id") == [
        ("o1", "c1")
    ]
    assert summary.targets["orders"].rejected == {"not in the other file": 1}


def test_a_state_without_a_date_is_known_from_the_import_on_and_once(imported, rows, source, settings):
    write_csv(source / "rows.csv", "id", "c1")
    imported(one_table_map("customers", {"outside_id": {"constant": "c1"}}))
    order = {"outside_id": "id", "customer": {"constant": "c1"}, "total": {"constant": 1}}
    order |= {"currency": {"constant": "TRY"}, "placed_at": {"constant": "2026-01-05"}}
    states = {"delivered_at": ["teslim", "iade"], "cancelled_at": "iptal"}
    moments = {name: {"at_import": {"state": words}} for name, words in states.items()}
    back = {"outside_id": "id", "order": "id", "requested_at": {"at_import": {"state": "iade"}}}
    given = make_map(
        {
            "inputs": {"rows": {"file": "rows.csv"}},
            "targets": [
                {"into": "orders", "columns": {**order, **moments}},
                {"into": "returns", "where": {"state": "iade"}, "columns": back},
            ],
        },
        "test",
        "test.yaml",
    )
    happened = "select type, object_key, occurred_at from events where type <> 'order.placed' order by 1, 2"

    write_csv(source / "rows.csv", "id,state", "o1,teslim", "o2,iptal", "o3,iade", "o4,yeni")
    imported(given)
    first = rows(happened)
    again = imported(given, now=datetime.fromisoformat("2026-03-05T09:00:00+00:00"))
    write_csv(source / "rows.csv", "id,state", "o1,iade", "o4,teslim")
    imported(given, now=datetime.fromisoformat("2026-03-06T09:00:00+00:00"))

    kinds = [row[:2] for row in first if "state" not in row[0]]
    assert kinds == [
        ("order.cancelled", "o2"),
        ("order.delivered", "o1"),
        ("order.delivered", "o3"),
        ("return.requested", "o3"),
    ]
    assert {row[2] for row in first} == {int(NOW.timestamp() * 1_000_000)}
    assert again.changes == 0
    later = [row for row in rows(happened) if row not in first]
    assert [row[:2] for row in later] == [("order.delivered", "o4"), ("return.requested", "o1")]


def test_rows_of_json_stand_where_the_map_says(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"result": {"items": [{"id": 5.0, "to": {"x": None}}]}}))

    assert cells(input_map(file="a.json", rows="result.items"), tmp_path / "a.json", "id", "to.x") == [("5", "")]
