"""Every rule of docs/semantics.md has a test that bears its number, and the page knows every rule."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RULES = range(1, 27)


def marked(path: Path) -> set[int]:
    """The numbers in `@pytest.mark.rule(n)` over the test functions of a file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.rule":
                    found |= {argument.value for argument in decorator.args if isinstance(argument, ast.Constant)}
    return {number for number in found if isinstance(number, int)}


@pytest.fixture(scope="module")
def held() -> set[int]:
    return set().union(*(marked(path) for path in sorted((ROOT / "tests").rglob("test_*.py"))))


@pytest.mark.parametrize("number", RULES)
def test_every_rule_has_a_test(held: set[int], number: int) -> None:
    assert number in held


def test_no_test_bears_the_number_of_a_rule_that_does_not_exist(held: set[int]) -> None:
    assert held <= set(RULES)


def test_the_page_tells_every_rule_once_and_in_order() -> None:
    text = (ROOT / "docs" / "semantics.md").read_text("utf-8")

    assert [int(number) for number in re.findall(r"^### (\d+)\. ", text, re.M)] == list(RULES)
