"""A map that is wrong says where and what, all at once; a source that does not fit its map likewise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.importers.small_sources import one_table_map, write_csv
from vefa.crm.importers.map_files import find_map, load_map
from vefa.errors import ImportMapError


def refused(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ImportMapError) as caught:
        load_map(path)
    return str(caught.value).replace(str(path), "map.yaml")


PART = "inputs:\n  rows: { file: rows.csv }\ntargets:\n  - into: customers\n    columns: "


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            PART + "{ outside_id: id }\nzon: UTC",
            'map.yaml: map: unknown key "zon". Did you mean "zone"?',
        ),
        (
            PART + "{ outside_id: { colum: id } }",
            'map.yaml: targets.0.columns.outside_id: unknown key "colum". Did you mean "column"?',
        ),
        (
            PART + "{ outside_id: id, firstname: ad }",
            'map.yaml: targets.0: unknown column of customers "firstname". Did you mean "first_name"?',
        ),
        (PART + "{ city: city }", "map.yaml: targets.0: customers needs outside_id"),
        (
            PART + "{ outside_id: id }\n    where: { id: { start_with: C } }",
            'map.yaml: targets.0.where.id: unknown key "start_with". Did you mean "starts_with"?',
        ),
        (
            PART.replace("customers", "costumers") + "{ outside_id: id }",
            'map.yaml: targets.0.into: unknown target "costumers". Did you mean "customers"?',
        ),
        (
            PART + "{ outside_id: id }\nzone: Europe/Istambul",
            'map.yaml: zone: "Europe/Istambul" is no IANA time zone; write one such as Europe/Istanbul',
        ),
        (
            PART + "{ outside_id: id }\n    input: row",
            'map.yaml: targets: unknown input "row". Did you mean "rows"?',
        ),
        (
            PART + "{ outside_id: { column: id, constant: x } }",
            "map.yaml: targets.0.columns.outside_id: needs exactly one of column, constant, template, "
            "multiply, from_lines, ordinal, at_import",
        ),
        ("[1, 2]", "map.yaml: must hold `key: value` lines"),
    ],
)
def test_a_wrong_map_says_where_and_what(tmp_path, text, sentence):
    assert sentence in refused(tmp_path / "map.yaml", text).splitlines()


def test_every_mistake_is_told_at_once(tmp_path):
    problems = refused(tmp_path / "map.yaml", PART + "{ outside_id: { colum: id } }\nzone: Nowhere\nabot: x")

    assert len(problems.splitlines()) >= 3


def test_an_importer_that_is_not_there_is_named_with_its_neighbour(settings, shop_root):
    folder = shop_root / "config" / "importers"
    folder.mkdir()
    (folder / "woocommerce.yaml").write_text(PART + "{ outside_id: id }")

    assert find_map(settings, "woocommerce").source == "woocommerce"
    with pytest.raises(ImportMapError, match=r'Unknown importer "woocomerce"\. Did you mean "woocommerce"'):
        find_map(settings, "woocomerce")


def test_a_column_that_the_file_does_not_have_is_told_with_its_neighbour(imported, source):
    write_csv(source / "rows.csv", "customer_no,name", "1,Ece")

    with pytest.raises(ImportMapError, match=r'unknown column "customer_nr"\. Did you mean "customer_no"'):
        imported(one_table_map("customers", {"outside_id": "customer_nr"}))


def test_a_wrong_delimiter_is_suspected(imported, source):
    write_csv(source / "rows.csv", "id;name", "1;Ece")

    with pytest.raises(ImportMapError, match=r'has one column only .* try delimiter: ";"'):
        imported(one_table_map("customers", {"outside_id": "id", "first_name": "name"}))


def test_a_wrong_encoding_is_told(imported, source):
    (source / "rows.csv").write_bytes("id,name\n1,Işıl\n".encode("iso-8859-9"))

    with pytest.raises(ImportMapError, match="not written in utf-8-sig"):
        imported(one_table_map("customers", {"outside_id": "id", "first_name": "name"}))


def test_a_folder_without_the_file_is_told(imported, source):
    with pytest.raises(ImportMapError, match=r"holds no rows\.csv, which input rows needs"):
        imported(one_table_map("customers", {"outside_id": "id"}))


def test_files_are_not_looked_for_in_a_database(imported):
    with pytest.raises(ImportMapError, match="input rows is a file"):
        imported(one_table_map("customers", {"outside_id": "id"}), "sqlite:///nowhere.db")
