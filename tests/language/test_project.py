"""All files of a shop in one go."""

from __future__ import annotations

import json
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.language.shops import load_shop
from vefa.language.conditions import Duration
from vefa.language.editor import json_schema
from vefa.language.problems import ProblemsError
from vefa.language.source import read_file, read_text
from vefa.plan.policy import Cap, Policy, QuietHours, Rule, Withhold
from vefa.plan.project import load_project
from vefa.settings import Settings

REPOSITORY = Path(__file__).parents[2]
JOURNEYS = sorted((REPOSITORY / "journeys").glob("*.yaml"))
GOOD = "name: Good\ntrigger: {event: order.placed}\nsteps:\n  - sms: good\n"


def test_the_shops_own_files_hold_no_mistake() -> None:
    """What ships, works."""
    project = load_project(REPOSITORY, Settings(root=REPOSITORY))

    assert [problem.render() for problem in project.problems] == []
    assert set(project.plans) == {path.stem for path in JOURNEYS}


def test_one_bad_file_never_stops_the_others(tmp_path: Path) -> None:
    """Its journey is broken, and the problems are of that file alone."""
    project = load_shop(tmp_path, {"good": GOOD, "bad": "name: [\n", "worse": "steps: 5\n"})

    assert set(project.plans) == {"good"}
    assert project.broken == {"bad", "worse"}
    assert {problem.file for problem in project.problems} == {"journeys/bad.yaml", "journeys/worse.yaml"}
    with pytest.raises(ProblemsError, match=r"journeys/bad\.yaml:2:1"):
        project.refuse_problems()


def test_sending_customers_to_a_broken_journey_is_no_second_mistake(tmp_path: Path) -> None:
    """It is there, and its own mistakes are told of."""
    project = load_shop(tmp_path, {"good": GOOD + "  - enter: bad\n", "bad": "name: [\n"})

    assert set(project.plans) == {"good"}


def test_files_that_nobody_would_read_are_told_of(tmp_path: Path) -> None:
    """A name that is no journey's, an ending that is none."""
    (tmp_path / "journeys").mkdir()
    (tmp_path / "journeys" / "Doğum günü.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "journeys" / "late.yml").write_text(GOOD, encoding="utf-8")

    project = load_project(tmp_path, Settings(root=tmp_path))

    assert [problem.code for problem in project.problems] == ["file-name", "file-name"]
    assert project.plans == {}


def test_a_shop_without_rules_has_the_careful_ones(tmp_path: Path) -> None:
    """No policy file: consent for everything commercial."""
    (tmp_path / "journeys").mkdir()

    project = load_project(tmp_path, Settings(root=tmp_path))

    assert project.policy == Policy()
    assert project.policy.rule("commercial", "sms").consent


def test_a_policy_means_what_it_says(tmp_path: Path) -> None:
    """Rules by purpose and channel, caps, and who goes first."""
    policy = """\
commercial:
  email: {consent: yes, quiet: {from: "22:00", to: "08:00", then: skip}}
transactional:
  sms: {consent: no, quiet: {from: "23:00", to: "07:00", then: {drop_after: 12 hours}}}
caps:
  - {name: weekly, purpose: commercial, at_most: 2, within: 7 days, then: {drop_after: 3 days}}
  - {name: any-sms, channel: sms, at_most: 1, within: 1 day}
priority: [good]
"""

    made = load_shop(tmp_path, {"good": GOOD, "policy": policy}).policy

    half = Withhold("drop_after", Duration(seconds=43_200))
    assert made == Policy(
        (
            Rule("commercial", "email", True, QuietHours(time(22), time(8), Withhold("skip"))),
            Rule("transactional", "sms", False, QuietHours(time(23), time(7), half)),
        ),
        (
            Cap("weekly", 2, Duration(days=7), "commercial", None, Withhold("drop_after", Duration(days=3))),
            Cap("any-sms", 1, Duration(days=1), None, "sms"),
        ),
        ("good",),
    )


def test_the_schema_for_editors_is_fresh() -> None:
    """`python -m vefa.language.editor > config/journey.schema.json` writes it anew."""
    stored = json.loads((REPOSITORY / "config" / "journey.schema.json").read_text(encoding="utf-8"))

    assert stored == json_schema()


@pytest.fixture(scope="module")
def editor() -> Draft202012Validator:
    """What an editor checks with."""
    Draft202012Validator.check_schema(json_schema())
    return Draft202012Validator(json_schema())


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return float(value)
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
    return value


@pytest.mark.parametrize("path", JOURNEYS, ids=lambda path: path.stem)
def test_an_editor_finds_nothing_wrong_with_a_good_journey(path: Path, editor: Draft202012Validator) -> None:
    """The schema and the loader agree."""
    assert [error.message for error in editor.iter_errors(_plain(read_file(path, REPOSITORY).value))] == []


@pytest.mark.parametrize(
    "step",
    [
        "emial: a",
        "{sms: a, subject: {tr: a}}",
        "email: a",
        "wait: soon",
        "wait: {for: 1 day, untl: x}",
        "{if: {customer.contry: TR}, then: [stop]}",
        "{if: {orders.count: {has: 3}}, then: [stop]}",
        "{if: {orders.count: 3}, then: []}",
        "coupon: {percent: 15, valid: 14}",
        "split: [{name: a, share: 50}]",
        "branch: [{when: {orders.count: 1}}]",
        "continue",
    ],
)
def test_an_editor_sees_a_step_that_is_wrong(step: str, editor: Draft202012Validator) -> None:
    """Before anybody runs check."""
    value = read_text(f"name: x\ntrigger: entered\nsteps:\n  - {step}\n", "x").value

    assert not editor.is_valid(value)
