"""What a customer asks for by mail or telephone is done by hand."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Vefa


def test_export_writes_what_is_known_of_one_customer(little_shop: Path, vefa: Vefa) -> None:
    told = json.loads(vefa(little_shop, "export", "A-1").stdout)
    assert told["customer"][0]["outside_id"] == "A-1"

    file = little_shop / "ada.json"
    assert vefa(little_shop, "export", "A-1", "--to", str(file)).exit_code == 0
    assert json.loads(file.read_bytes()) == told


def test_forget_asks_first_and_then_nobody_is_there(little_shop: Path, vefa: Vefa) -> None:
    assert vefa(little_shop, "forget", "A-1").exit_code != 0
    assert vefa(little_shop, "why", "A-1").exit_code == 0

    done = vefa(little_shop, "forget", "A-1", "--yes", "--json")

    assert json.loads(done.stdout)["removed"]["addresses"] == 1
    gone = vefa(little_shop, "why", "A-1")
    assert (gone.exit_code, "no customer with that number" in gone.stderr) == (1, True)
    assert vefa(little_shop, "export", "A-1").exit_code == 1
