"""`vefa import --dry-run` and `vefa rejects`, as somebody on a terminal sees them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.cli.conftest import Vefa
from vefa.cli.app import app
from vefa.cli.rejects import printable

MAP = """
inputs: {rows: {file: rows.csv}}
targets:
  - into: customers
    columns: {outside_id: id, first_name: name}
  - into: orders
    columns: {outside_id: id, customer: id, total: total, currency: currency, placed_at: {constant: "2026-02-01"}}
"""


@pytest.fixture
def source(little_root: Path, tmp_path: Path) -> str:
    (little_root / "config" / "importers").mkdir(parents=True)
    (little_root / "config" / "importers" / "own.yaml").write_text(MAP)
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "rows.csv").write_text(
        'id,name,currency,total\nc1,Ayşe,TRY,5\nc2,Can,TRY,"1.234,50"\n"c\x1b[31m3",Su,TRY,\x1b[2J\n'
    )
    return str(folder)


@pytest.fixture
def vefa(little_root: Path) -> Vefa:
    def run(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, ["--root", str(little_root), *arguments])
        assert result.exit_code == code, result.output
        return result

    return run


def test_what_was_not_taken_is_listed_with_its_cure(vefa: Vefa, source: str) -> None:
    dry = vefa("import", "own", source, "--dry-run", code=1).stdout
    done = vefa("import", "own", source, code=1)
    listed = vefa("rejects").stdout

    assert "Nothing was written" in dry and 'write decimal: ",", thousands: "."' in " ".join(dry.split())
    assert "vefa rejects --import 1" in done.stdout
    assert "imports.unusable_share" in " ".join(done.stderr.split())
    assert "1.234,50" in listed and "orders.total" in listed
    assert "\x1b" not in listed + dry


def test_rejects_are_told_as_json_and_chosen_by_reason(vefa: Vefa, source: str) -> None:
    vefa("import", "own", source, code=1)

    told = json.loads(vefa("rejects", "--reason", "number", "--most", "1", "--json").stdout)

    assert told["total"] == 1
    assert (told["rejects"][0]["line"], told["rejects"][0]["field"]) == (3, "total")
    assert vefa("rejects", "--file", "none.csv").stdout == "No row was refused.\n"


def test_what_no_terminal_should_obey_is_written_out() -> None:
    assert printable("\x1b[2J Ayşe\u202e") == "\\x1b[2J Ayşe\\u202e"
