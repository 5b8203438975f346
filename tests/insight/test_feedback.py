"""Each survey's result: how many were asked, how many answered, and what they said, by the journey that asked."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, NOON, World
from tests.web.asked_surveys import asked, with_surveys
from vefa.content.survey_links import Ask
from vefa.crm.tables import survey_answers
from vefa.database import reading, writing
from vefa.engine import surveys
from vefa.insight.feedback import FeedbackRow, count_feedback
from vefa.settings import Settings, Shop


@pytest.fixture
def world(engine: sa.Engine, settings: Settings) -> World:
    return with_surveys(World(engine, settings.model_copy(update={"shop": Shop(locales=("tr", "en"))})))


def counted(world: World) -> dict[tuple[str, str | None], FeedbackRow]:
    with reading(world.database) as connection:
        found = count_feedback(connection, world.shop.surveys, NOON - 30 * DAY, NOON + DAY)
    return {(row.survey, row.journey): row for row in found.rows}


def say(world: World, send: int, customer: int, survey: str, score: int) -> None:
    known = world.shop.surveys.get(survey)
    assert known is not None
    with writing(world.database) as connection:
        surveys.answer(connection, Ask(customer, send, survey), known, score, NOON + 3 * HOUR)


def test_the_rate_is_of_messages_and_the_result_of_answers(world: World) -> None:
    people = [world.customer(name) for name in ("Ada", "Ben", "Can", "Dem")]
    sends = [asked(world, person, "nps", at=NOON) for person in people]
    for person, send, score in zip(people, sends, (10, 9, 3), strict=False):
        say(world, send, person, "nps", score)
    world.fact(survey_answers, "survey", customer_id=people[3], survey="nps", score=7, answered_at=NOON, comment="eh")
    world.fact(survey_answers, "survey", customer_id=people[3], survey="nps", score=0, answered_at=NOON - 60 * DAY)

    found = counted(world)

    ours, all_ = found["nps", "asks-nps"], found["nps", None]
    assert (ours.asked, ours.answers, ours.rate, ours.promoters, ours.detractors) == (4, 3, 0.75, 2, 1)
    assert (ours.nps, ours.average) == (33, 7.33)
    # The answer that came from outside was asked by no message.
    assert (all_.asked, all_.answers, all_.rate, all_.nps, all_.comments) == (4, 4, 0.75, 25, 1)


def test_content_and_choices_are_told_in_their_own_way(world: World) -> None:
    for name, survey, score in (("Ada", "packaging", 5), ("Ben", "packaging", 2), ("Can", "why", 2), ("Dem", "why", 2)):
        person = world.customer(name)
        say(world, asked(world, person, survey), person, survey, score)

    found = counted(world)

    packaging = found["packaging", None]
    assert (packaging.kind, packaging.content, packaging.discontent, packaging.average) == ("csat", 0.5, 1, 3.5)
    assert (found["why", "asks-why"].choices, found["why", "asks-why"].nps) == ({"service": 2}, None)


def test_who_was_asked_and_said_nothing_counts_in_the_rate(world: World) -> None:
    asked(world, world.customer(), "why")

    row = counted(world)["why", None]

    assert (row.asked, row.answers, row.rate, row.average) == (1, 0, 0.0, None)
