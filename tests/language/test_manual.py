"""The page that marketers read names everything there is, and its examples are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.language.shops import load_shop
from vefa.language import rules, schema, steps
from vefa.language.catalogue import EVENTS, FIELDS
from vefa.language.durations import UNITS
from vefa.language.parser import WORDS
from vefa.language.phrases import OPERATORS
from vefa.language.schema import Form, key_names
from vefa.language.values import WEEKDAYS

MANUAL = (Path(__file__).parents[2] / "journeys" / "README.md").read_text(encoding="utf-8")
SAID = set(re.findall(r"[\w.]+", MANUAL))
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", MANUAL, re.DOTALL | re.MULTILINE)
FORMS = [
    form
    for module in (schema, steps, rules)
    for form in vars(module).values()
    if isinstance(form, type) and issubclass(form, Form) and form is not Form
]
OTHERS = dict.fromkeys(("return-care", "win-back"), "name: Other\ntrigger: entered\nsteps:\n  - sms: other\n")


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_key_stands_in_the_manual(form: type[Form]) -> None:
    """Whoever adds a key tells of it."""
    assert set(key_names(form)) <= SAID


def test_every_field_and_event_stands_in_the_manual_with_its_meaning() -> None:
    """The tables follow the catalogue."""
    lacking = [known.name for known in FIELDS.values() if f"| `{known.name}` | {known.type}" not in MANUAL]
    lacking += [known.name for known in FIELDS.values() if known.meaning not in MANUAL]
    lacking += [event.name for event in EVENTS.values() if event.meaning not in MANUAL or event.name not in SAID]

    assert lacking == []


def test_every_operator_and_word_of_conditions_stands_in_the_manual() -> None:
    """An example for each way of asking."""
    pieces = {piece for operator in OPERATORS for piece in operator.split(" … ")}

    assert [piece for piece in pieces if piece not in MANUAL] == []
    assert set(WORDS) <= SAID


def test_every_unit_and_day_stands_in_the_manual() -> None:
    """Lengths of time, and days of the week."""
    assert {unit + "s" for unit in UNITS} <= SAID
    assert set(WEEKDAYS) <= SAID


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_manual_is_true(example: str, tmp_path: Path) -> None:
    """Each loads without a problem, whole or as the part of a journey that it shows."""
    project = load_shop(tmp_path, {"example": _whole(example), **OTHERS})

    assert [problem.render() for problem in project.problems] == []


def _whole(example: str) -> str:
    head = "name: Example\n"
    trigger = "trigger: {event: order.placed}\n"
    steps = "steps:\n  - sms: thanks\n"
    if example.startswith("name:"):
        return example
    if example.startswith("- "):
        return head + trigger + "steps:\n" + example
    if example.startswith("trigger:"):
        return head + example + steps
    if example.startswith("backfill:"):
        return head + trigger + example + steps
    return head + trigger + "audience:\n" + re.sub("^", "  ", example, flags=re.MULTILINE).rstrip() + "\n" + steps
