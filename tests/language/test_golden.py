"""Each kind of mistake, and what a marketer is told of it. `GOLDEN_FILES=write` writes the expected texts anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.language.shops import load_shop
from vefa.language.problems import render

GOLDEN = Path(__file__).parent / "golden"
KINDS = sorted(folder.name for folder in GOLDEN.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_a_mistake_is_told_in_words_that_help(kind: str, tmp_path: Path) -> None:
    """The expected text is what `check` prints for that shop."""
    files = {file.stem: file.read_text(encoding="utf-8") for file in (GOLDEN / kind).glob("*.yaml")}

    told = render(load_shop(tmp_path, files).problems) + "\n"

    expected = GOLDEN / kind / "expected.txt"
    if os.environ.get("GOLDEN_FILES") == "write":
        expected.write_text(told, encoding="utf-8")
    assert told == expected.read_text(encoding="utf-8")


def test_every_kind_of_mistake_breaks_the_journey_that_holds_it_and_no_other(tmp_path: Path) -> None:
    """One bad file never stops the others."""
    files = {kind: (GOLDEN / kind / "input.yaml").read_text(encoding="utf-8") for kind in KINDS}
    good = "name: Good\ntrigger: {event: order.placed}\nsteps:\n  - sms: good\n"

    project = load_shop(tmp_path, {**files, "good": good})

    assert "good" in project.plans
    assert "good" not in project.broken
    assert project.broken.isdisjoint(project.plans)
