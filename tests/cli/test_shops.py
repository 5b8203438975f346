"""Data in, and the demo: a whole shop from nothing, again and again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Vefa
from vefa.engine.lease import acquire
from vefa.settings import load_settings
from vefa.store import open_store

MAP = """\
about: customers of a till
source: till
inputs:
  customers: { file: customers.csv }
targets:
  - into: customers
    input: customers
    columns: { outside_id: number, first_name: name, country: country }
"""


def test_an_import_tells_what_is_new_and_what_could_not_be_used(little_root: Path, vefa: Vefa) -> None:
    (little_root / "config" / "importers").mkdir()
    (little_root / "config" / "importers" / "till.yaml").write_text(MAP, encoding="utf-8")
    (little_root / "customers.csv").write_text(
        "number,name,country\n1,Ayşe,TR\n2,Bob,DE\n,Nobody,DE\n", encoding="utf-8"
    )

    first = vefa(little_root, "import", "till", str(little_root), "--json")
    again = vefa(little_root, "import", "till", str(little_root))

    assert first.exit_code == 1  # a third of the rows is more than a tenth
    told = json.loads(first.stdout)
    assert set(told) == {"import_id", "name", "path", "targets", "misshapen", "events", "seconds", "unusable"}
    assert (told["targets"]["customers"]["new"], told["targets"]["customers"]["read"]) == (2, 3)
    assert again.exit_code == 1
    assert "unchanged" in again.stdout
    assert vefa(little_root, "import", "til", "x").stderr.startswith("Unknown importer")


def test_a_demo_shop_is_made_once_and_never_over_another(little_root: Path, vefa: Vefa) -> None:
    options = ("demo-shop", "--customers", "30", "--months", "6", "--seed", "3", "--end", "2026-06-01")

    made = vefa(little_root, *options, "--json")
    again = vefa(little_root, *options)

    assert made.exit_code == 0
    assert json.loads(made.stdout)["customers"] == 30
    assert again.exit_code == 1


def _demo(vefa: Vefa, root: Path) -> Any:
    result = vefa(root, "demo", "--customers", "300", "--days", "1", "--no-prefect", "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_demo_tells_the_same_each_time_and_leaves_the_real_shop_alone(example_root: Path, vefa: Vefa) -> None:
    first, second = _demo(vefa, example_root), _demo(vefa, example_root)

    assert first["journeys"] == second["journeys"]
    assert sum(each["entered"] for each in first["journeys"]) > 0
    assert not (example_root / "var" / "vefa.db").exists()
    assert not (example_root / "var" / "outbox").exists()


def test_the_demo_writes_to_files_whatever_the_shop_sends_with(
    example_root: Path, vefa: Vefa, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real keys and a real database in the environment are not the demo's business."""
    monkeypatch.setenv("VEFA_CHANNELS__EMAIL", "sendgrid")
    monkeypatch.setenv("VEFA_CHANNELS__SMS", "twilio")
    monkeypatch.setenv("VEFA_DATABASE_URL", f"sqlite:///{example_root / 'real.db'}")

    found = _demo(vefa, example_root)

    assert sum(sum(each["sent"].values()) for each in found["journeys"]) > 0
    assert (example_root / "var" / "demo" / "var" / "outbox" / "index.html").exists()
    assert not (example_root / "real.db").exists()


def test_the_demo_says_what_to_look_at_next_and_its_shop_answers(example_root: Path, vefa: Vefa) -> None:
    said = vefa(example_root, "demo", "--customers", "40", "--days", "1", "--no-prefect").stdout
    demo = example_root / "var" / "demo"

    assert "What the journeys did" in said
    assert "outbox/index.html" in said
    assert "explain win-back" in said
    for arguments in (("check",), ("status",), ("explain", "win-back"), ("outbox",)):
        assert vefa(demo, *arguments).exit_code == 0


def test_a_journey_that_another_run_walks_is_left_to_it(little_shop: Path, vefa: Vefa) -> None:
    vefa(little_shop, "run", "--now", "2026-03-02T12:00")
    settings = load_settings(little_shop)
    engine = open_store(settings)
    acquire(engine, "delivery-thank-you", "somebody else", datetime.now(UTC))
    engine.dispose()

    result = vefa(little_shop, "run", "--now", "2026-03-03T12:00", "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == []
    assert "delivery-thank-you" in result.stderr


def test_a_changed_journey_whose_step_is_gone_runs_on_as_it_was(little_shop: Path, vefa: Vefa) -> None:
    """Nobody is left nowhere: the change waits for a deploy that says what becomes of those inside."""
    vefa(little_shop, "run", "--now", "2026-03-02T12:00", "--until", "2026-03-02T16:00")
    file = little_shop / "journeys" / "delivery-thank-you.yaml"
    text = file.read_text(encoding="utf-8").replace('  - wait: {for: 1 day, at: "10:00"}\n', "")
    file.write_text(text, encoding="utf-8")

    result = vefa(little_shop, "run", "--now", "2026-03-03T12:00", "--json")

    assert result.exit_code == 0
    assert "customers stand at steps that are no longer there" in " ".join(result.stderr.split())
    assert [each["sent"] for each in json.loads(result.stdout)] == [2]


def test_a_database_that_cannot_be_opened_is_our_fault_in_one_line(
    little_root: Path, vefa: Vefa, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VEFA_DATABASE_URL", "postgresql://vefa:secret@127.0.0.1:9/nothing")

    result = vefa(little_root, "status")

    assert result.exit_code == 2
    assert "secret" not in result.output
    assert "vefa-error.log" in " ".join(result.output.split())
    assert "secret" not in (little_root / "var" / "log" / "vefa-error.log").read_text(encoding="utf-8")
