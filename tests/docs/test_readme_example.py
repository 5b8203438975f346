"""The README's own journey runs, and what `explain` and `check` say of it there is what they say."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.docs.pages import README
from vefa.cli.app import app

(JOURNEY,) = README.blocks("yaml")
EXPLAINED, MISTAKE = README.blocks("text")


@pytest.fixture
def said(example_root: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts the text into the shop as the journey `parcel`; gives what a command then prints, and its exit code."""
    monkeypatch.setenv("COLUMNS", "100")

    def call(journey: str, *arguments: str) -> tuple[list[str], int]:
        (example_root / "journeys" / "parcel.yaml").write_text(journey, encoding="utf-8")
        result = CliRunner().invoke(app, ["--root", str(example_root), *arguments])
        return [line.rstrip() for line in result.stdout.splitlines()], result.exit_code

    return call


def test_the_journey_of_the_readme_has_nothing_to_mend(said) -> None:
    lines, code = said(JOURNEY, "check")

    assert lines[-1].endswith("nothing to mend.")
    assert code == 0


def test_explain_says_what_the_readme_shows_in_that_order(said) -> None:
    lines, _ = said(JOURNEY, "explain", "parcel")
    shown = EXPLAINED.splitlines()

    left_out = {"  This would fit 0 customers now."}
    assert [line for line in lines[lines.index(shown[0]) :] if line not in left_out][: len(shown)] == shown


def test_a_slip_is_told_as_the_readme_shows(said) -> None:
    slip = JOURNEY.replace('subject: {tr: "Be', 'subjct: {tr: "Be')

    lines, code = said(slip, "check")

    assert lines[: len(MISTAKE.splitlines())] == MISTAKE.splitlines()
    assert code == 1
