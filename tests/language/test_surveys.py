"""What a message asks stands in the plan, and a plan that asks nothing says what it always said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.language.shops import compile_text, load_shop
from vefa.language.conditions import EventScope
from vefa.plan.codec import dump, load, plan_hash
from vefa.plan.steps import Message, WaitUntilEvent
from vefa.plan.surveys import EVERYWHERE, Route, Surveys

JOURNEY = """\
name: Asking
trigger: {event: order.delivered}
steps:
  - sms: how
    SURVEY
  - wait: {until: survey.answered, at_most: 7 days}
"""
ASKS, QUIET = JOURNEY.replace("SURVEY", "survey: csat"), JOURNEY.replace("    SURVEY\n", "")


def test_the_plan_bears_the_survey(tmp_path: Path) -> None:
    plan = compile_text(tmp_path, ASKS)

    assert [step.survey for step in plan.steps if isinstance(step, Message)] == ["csat"]
    assert load(dump(plan)) == plan


def test_without_a_survey_a_plan_says_what_it_said_before(tmp_path: Path) -> None:
    """So nobody inside is moved, and no new version is stored, where nothing changed."""
    plan = compile_text(tmp_path, QUIET)

    assert '"survey":' not in dump(plan)
    assert load(dump(plan)) == plan
    assert len(plan_hash(plan)) == 16


@pytest.mark.parametrize(
    ("text", "of_customer"),
    [
        (ASKS, False),
        (ASKS.replace("{event: order.delivered}", "{segment: lapsed}"), False),
        (QUIET, False),
        (QUIET.replace("{event: order.delivered}", "{segment: lapsed}"), True),
    ],
    ids=["asks about an order", "asks about nothing", "hears of its order", "hears of anything"],
)
def test_whose_answer_a_wait_is_for(tmp_path: Path, text: str, of_customer: bool) -> None:
    (wait,) = (step for step in compile_text(tmp_path, text).steps if isinstance(step, WaitUntilEvent))

    assert wait.scope == EventScope("survey.answered", of_customer)


@pytest.mark.parametrize(
    ("route", "taken"),
    [
        (Route("team"), {(1, None, None), (5, None, None), (5, None, "x")}),
        (Route("team", at_most=2), {(1, None, None)}),
        (Route("team", comments=True), {(5, None, "x")}),
        (Route("team", at_most=2, comments=True), {(1, None, None), (5, None, "x")}),
    ],
)
def test_which_answers_a_person_must_see(route: Route, taken: set[tuple[int, None, str | None]]) -> None:
    answers = [(1, None, None), (5, None, None), (5, None, "x")]

    assert {each for each in answers if route.takes(*each)} == taken


def test_csat_and_nps_are_there_without_a_file_and_a_file_is_read_when_it_changes(shop_root: Path) -> None:
    surveys = Surveys(shop_root, ("tr", "en"))
    assert surveys.get("nps") is EVERYWHERE["nps"]
    assert surveys.get("poll") is None

    text = 'poll: {kind: choice, question: {tr: "?", en: "?"}, options: {a: {tr: "A", en: "A"}, b: {tr: "B", en: "B"}}}'
    (shop_root / "config" / "surveys.yaml").write_text(text, encoding="utf-8")

    poll = surveys.get("poll")
    assert poll is not None
    assert (list(poll.scores), poll.choice(2), poll.words(poll.options["a"], "de")) == ([1, 2], "b", "A")


def test_a_file_that_is_no_group_of_keys_is_told_of(tmp_path: Path) -> None:
    (problem,) = load_shop(tmp_path, {"surveys": "just words\n"}).problems

    assert (problem.file, "group of keys" in problem.message) == ("config/surveys.yaml", True)
