"""Every page renders as it was meant: what merges break first is the empty line above a heading, and a table's head."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.docs.pages import PAGES, Page

_FENCE = re.compile(r"^ *```.*?^ *```$", re.DOTALL | re.MULTILINE)
_RULE = re.compile(r"\|(?: *:?-+:? *\|)+")


def lines(page: Page) -> list[str]:
    """Its lines, those of its blocks of code empty."""
    return _FENCE.sub(lambda block: "\n" * block[0].count("\n"), page.text).splitlines()


def tables(page: Page) -> Iterator[list[str]]:
    """The rows of each table, head and rule with them."""
    for block in re.findall(r"(?:^\|.*\n?)+", "\n".join(lines(page)), re.MULTILINE):
        yield block.splitlines()


def cells(row: str) -> int:
    """How many cells a row has; a bar behind a backslash is a letter."""
    return len(re.findall(r"(?<!\\)\|", row)) - 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_headings_stand_by_themselves(page: Page) -> None:
    text = ["", *lines(page), ""]
    crowded = [line for n, line in enumerate(text) if re.match(r"#+ ", line) and (text[n - 1] or text[n + 1])]

    assert crowded == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_table_has_a_head_and_a_rule_and_as_many_cells_in_each_row(page: Page) -> None:
    headless = [table[0] for table in tables(page) if len(table) < 3 or not _RULE.fullmatch(table[1])]
    uneven = [row for table in tables(page) for row in table if cells(row) != cells(table[0])]

    assert (headless, uneven) == ([], [])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_table_stands_by_itself(page: Page) -> None:
    text = ["", *lines(page), ""]
    pairs = [(text[n], text[n + 1]) for n in range(len(text) - 1)]
    touching = [pair for pair in pairs if all(pair) and pair[0].startswith("|") != pair[1].startswith("|")]

    assert touching == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_has_idle_lines(page: Page) -> None:
    text = _FENCE.sub("a block", page.text)

    assert "\n\n\n" not in text
    assert text.endswith("\n") and not text.endswith("\n\n")
