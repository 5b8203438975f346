"""Which rows count: a map's conditions as questions to a cell's text."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from vefa.crm.importers.cleaning import written
from vefa.crm.importers.maps import Column, Condition
from vefa.crm.importers.readings import number
from vefa.text import clean_lines


def test_of(condition: Condition) -> Callable[[str], bool]:
    """The condition as a question to one text."""
    tests: list[Callable[[str], bool]] = []
    for name in condition.model_fields_set:
        if (value := getattr(condition, name)) is not None:
            tests.append(_TESTS[name](value))
    return lambda text: all(test(clean_lines(text)) for test in tests)


def _number_test(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Callable[[str], bool]]:
    def make(bound: Any) -> Callable[[str], bool]:
        plain, limit = Column(column="-"), Decimal(str(bound))

        def holds(text: str) -> bool:
            value = number(text, plain)
            return value is not None and compare(value, limit)

        return holds

    return make


def _prefixes(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


_TESTS: dict[str, Callable[[Any], Callable[[str], bool]]] = {
    "equals": lambda value: lambda text: text == clean_lines(written(value)),
    "one_of": lambda values: lambda text: text in {clean_lines(written(value)) for value in values},
    "not_one_of": lambda values: lambda text: text not in {clean_lines(written(value)) for value in values},
    "starts_with": lambda value: lambda text: text.startswith(_prefixes(value)),
    "not_starts_with": lambda value: lambda text: not text.startswith(_prefixes(value)),
    "matches": lambda value: lambda text: re.fullmatch(value, text) is not None,
    "present": lambda value: lambda text: bool(text) == value,
    "above": _number_test(operator.gt),
    "below": _number_test(operator.lt),
}
