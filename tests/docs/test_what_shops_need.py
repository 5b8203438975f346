"""Each need of a shop has what does it, a page, and a test that walks its journeys."""

from __future__ import annotations

import re

from tests.docs.pages import REPOSITORY, Page

ROWS = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", Page(REPOSITORY / "docs" / "what-shops-need.md").text, re.M)
NEEDS = [row for row in ROWS if row[0] not in ("need", "---")]
JOURNEYS = {path.stem for path in (REPOSITORY / "journeys").glob("*.yaml")}


def _named(cell: str) -> set[str]:
    return set(re.findall(r"`([a-z-]+)`", cell)) & JOURNEYS


def test_there_are_nineteen_needs_each_with_a_page() -> None:
    assert len(NEEDS) == 19
    assert [need for need, _, page in NEEDS if "](" not in page] == []


def test_every_journey_answers_a_need() -> None:
    assert set().union(*(_named(does) for _, does, _ in NEEDS)) == JOURNEYS


def test_every_journey_is_walked_by_a_test() -> None:
    tests = {path: path.read_text("utf-8") for path in (REPOSITORY / "tests" / "journeys").glob("test_*.py")}
    walked = {
        name for name in JOURNEYS for path, text in tests.items() if "shipped" not in path.name and f'"{name}"' in text
    }

    assert walked == JOURNEYS
