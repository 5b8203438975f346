"""`vefa report tests`, as a marketer reads it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.cli.conftest import Vefa
from vefa.cli.report_tests import _show
from vefa.engine.trials import Tally
from vefa.insight.trials import TrialRun, Tried

BEGAN = datetime(2026, 3, 3, 7, tzinfo=UTC)
VARIANTS = (
    Tried("picked", 1_012, 61, 61 / 1_012, 0.04721, 0.07667, Tally(1_012, 31)),
    Tried("asked", 988, 92, 92 / 988, 0.07654, 0.11285, Tally(988, 55)),
)


def test_a_decided_test_is_told_with_what_it_was_decided_by(capsys: pytest.CaptureFixture[str]) -> None:
    """The page on newsletters shows the same."""
    decided = datetime(2026, 3, 3, 11, tzinfo=UTC)
    run = TrialRun("newsletter", "letter", BEGAN, "clicked", 14_400, VARIANTS, "asked", decided, 0.0057, True)

    _show((run,), ZoneInfo("Europe/Istanbul"))

    said = " ".join(capsys.readouterr().out.split())
    page = (Path(__file__).parents[2] / "docs" / "newsletter.md").read_text(encoding="utf-8")
    assert said in " ".join(page.split())


def test_a_running_test_of_few_says_that_nobody_can_tell(capsys: pytest.CaptureFixture[str]) -> None:
    run = TrialRun("newsletter", "letter", BEGAN, "clicked", 14_400, VARIANTS, None, None, None, None)

    _show((run,), ZoneInfo("Europe/Istanbul"))

    assert "Not decided yet. Too few to tell" in " ".join(capsys.readouterr().out.split())


def test_a_shop_without_tests_and_a_journey_that_never_ran(walked_shop: Path, vefa: Vefa) -> None:
    none, data = vefa(walked_shop, "report", "tests"), vefa(walked_shop, "report", "tests", "--json")
    strange = vefa(walked_shop, "report", "tests", "newslettr")

    assert (none.exit_code, none.stdout.strip()) == (0, "No test has begun yet.")
    assert json.loads(data.stdout) == []
    assert strange.exit_code == 1
