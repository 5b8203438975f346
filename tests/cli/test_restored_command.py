"""`vefa restored`, as an operator types it after a backup came back."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Vefa, agrees

SINCE, NOW = "2026-03-05T12:00", "2026-03-12T12:00"


def run_until_the_backup(root: Path, vefa: Vefa) -> None:
    vefa(root, "run", "--now", "2026-03-02T12:00", "--until", SINCE, "--every", "6h")


def test_restored_tells_what_was_written_off(little_shop: Path, vefa: Vefa) -> None:
    run_until_the_backup(little_shop, vefa)
    before = vefa(little_shop, "outbox", "--json").stdout

    result = vefa(little_shop, "restored", "--since", SINCE, "--now", NOW)

    assert result.exit_code == 0
    agrees("restored.txt", result.stdout)
    assert vefa(little_shop, "outbox", "--json").stdout == before


def test_why_says_that_it_may_have_gone_already(little_shop: Path, vefa: Vefa) -> None:
    run_until_the_backup(little_shop, vefa)
    vefa(little_shop, "restored", "--since", SINCE, "--now", NOW)

    assert "it may have gone already, before a backup was restored" in " ".join(
        vefa(little_shop, "why", "A-1").stdout.split()
    )


def test_restored_as_json(little_shop: Path, vefa: Vefa) -> None:
    run_until_the_backup(little_shop, vefa)

    (told,) = json.loads(vefa(little_shop, "restored", "--since", SINCE, "--now", NOW, "--json").stdout)

    assert set(told) == {"journey", "entered", "written_off", "goes_again"}


def test_a_store_that_has_run_since_is_refused_with_a_sentence(walked_shop: Path, vefa: Vefa) -> None:
    result = vefa(walked_shop, "restored", "--since", SINCE, "--now", NOW)

    assert result.exit_code == 1
    assert "it is not that backup, or the journeys have run since" in " ".join(result.stderr.split())


def test_a_shop_that_never_ran_has_nothing_to_settle(little_shop: Path, vefa: Vefa) -> None:
    result = vefa(little_shop, "restored", "--since", SINCE, "--now", NOW)

    assert result.stdout == "No journey was running when the backup was made: there is nothing to settle.\n"
