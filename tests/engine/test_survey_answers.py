"""What a message asks stands in it with links of the reader's own, and a journey waits for the answer to that."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.engine.worlds import DAY, DELIVERED, HOUR, NOON, World, anywhere, email, here, make_plan, wait
from tests.web.asked_surveys import with_surveys
from vefa.content.survey_links import Ask
from vefa.crm.identity import address_key
from vefa.crm.tables import contacts, survey_answers, tags
from vefa.database import writing
from vefa.engine.surveys import answer
from vefa.errands.tables import errands
from vefa.language.conditions import Compare, Duration
from vefa.plan.steps import Arm, Branch, Tag, WaitUntilEvent
from vefa.plan.ways_in import EventTrigger, SegmentTrigger


@pytest.fixture
def world(world: World) -> World:
    return with_surveys(world)


def says(world: World, send: Any, score: int, at: datetime, survey: str = "csat") -> None:
    """The customer answers what a message asked."""
    known = world.shop.surveys.get(survey)
    assert known is not None
    with writing(world.database) as connection:
        assert answer(connection, Ask(send.customer_id, send.id, survey), known, score, at)


def test_an_email_bears_a_link_for_each_answer_and_an_sms_one(world: World) -> None:
    world.words("asking", "{{ survey.question }} {{ survey.link_1 }} {{ survey.link_5 }} {{ survey.page }}")
    world.deploy(make_plan(email(template="asking", survey="csat", next="text"), sms("text")))
    world.order(world.customer(email=True, sms=True), NOON)
    world.tick(NOON + HOUR)

    sends = world.sends()
    (letter,), (text,) = world.email.got, world.sms.got
    for body, send, scores in ((letter.html, sends[0], (1, 5, None)), (text.text, sends[1], ())):
        for score in scores:
            ask = Ask(send.customer_id, send.id, "csat", score)
            assert world.shop.survey_links.url(ask, NOON + HOUR + timedelta(days=60)) in body
    assert "Ne kadar memnun kaldınız?" in letter.text
    # Operators in Türkiye drop an SMS from abroad that holds a link.
    assert text.text.strip() == "Puan:"


def sms(key: str) -> Any:
    return email(key, medium="sms", template="by-sms", survey="csat", subject={})


@pytest.fixture(autouse=True)
def _words(world: World) -> None:
    world.words("by-sms", "Puan: {% if survey.page %}{{ survey.page }}{% endif %}")


def test_an_sms_to_a_number_abroad_has_its_link(world: World) -> None:
    world.deploy(make_plan(sms("text")))
    ada = world.customer(email=False)
    number = "+4915112345678"
    world.insert(contacts, customer_id=ada, channel="sms", address=number, address_key=address_key(number))
    world.consent(ada, channel="sms")
    world.order(ada, NOON)
    world.tick(NOON + HOUR)

    ((text,), (send,)) = (world.sms.got, world.sends())
    assert world.shop.survey_links.url(Ask(ada, send.id, "csat"), NOON + HOUR + timedelta(days=60)) in text.text


def test_a_survey_that_the_shop_does_not_have_fails_its_messages_and_no_run(world: World) -> None:
    world.deploy(make_plan(email(template="asking", survey="gone")))
    world.order(world.customer(), NOON)
    world.tick(NOON + HOUR)

    assert (world.email.got, world.send().state) == ([], "failed")


def waiting(**more: Any) -> Any:
    """Asks, waits for the answer, and marks whoever is not content."""
    low = Branch("low", "low", "rest", (Arm(Compare("survey.score", "<=", 2), "mark"),))
    scope = more.pop("scope", here("survey.answered"))
    steps = (
        email("ask", template="asking", survey="csat", next="answer"),
        WaitUntilEvent("answer", "answer", "low", scope, Duration(7), "rest"),
        low,
        Tag("mark", "mark", "rest", "unhappy"),
        wait("rest", None, days=30),
    )
    return make_plan(*steps, **more)


def tagged(world: World) -> bool:
    return [row.tag for row in world.rows(tags)] == ["unhappy"]


@pytest.mark.parametrize("trigger", ["order", "segment"])
def test_a_journey_that_asks_waits_for_the_answer_to_what_it_asked(world: World, trigger: str) -> None:
    """Neither another message's answer about the same order ends the wait, nor one that came from outside."""
    ada = world.customer()
    buyers = SegmentTrigger("buyers", Compare("orders.count", ">", 0))
    world.deploy(make_plan(email("other", template="asking", survey="packaging"), journey="other"))
    world.deploy(waiting() if trigger == "order" else waiting(trigger=buyers))
    world.tick(NOON)
    world.order(ada, NOON + HOUR / 2)
    for journey in ("other", "thanks"):
        world.tick(NOON + HOUR, journey)
    other, own = world.sends()

    says(world, other, 5, NOON + 2 * HOUR, "packaging")
    outside = {"survey": "csat", "score": 5, "answered_at": NOON + 2 * HOUR}
    world.fact(survey_answers, "survey", customer_id=ada, **outside)
    world.tick(NOON + 3 * HOUR)
    assert world.place() == "answer"

    says(world, own, 1, NOON + 4 * HOUR)
    world.tick(NOON + 5 * HOUR)
    assert (world.place(), tagged(world)) == ("rest", True)


def test_a_journey_that_asks_nothing_hears_answers_about_its_order(world: World) -> None:
    ada = world.customer()
    world.deploy(make_plan(email("ask", template="asking", survey="csat"), journey="asks"))
    steps = (WaitUntilEvent("answer", "answer", None, here("survey.answered"), Duration(7), "rest"), wait("rest", None))
    world.deploy(make_plan(*steps))
    for placed in (NOON, NOON + HOUR):
        world.order(ada, placed)
    for journey in ("asks", "thanks"):
        world.tick(NOON + 2 * HOUR, journey)

    says(world, world.sends()[0], 5, NOON + 3 * HOUR)
    world.tick(NOON + 4 * HOUR)

    assert [row.state for row in world.enrolments()] == ["finished", "active"]


def test_any_answer_of_the_customer_will_do_where_the_journey_says_so(world: World) -> None:
    ada = world.customer()
    world.deploy(waiting(scope=anywhere("survey.answered")))
    world.order(ada, NOON)
    world.tick(NOON + HOUR)
    world.fact(survey_answers, "survey", customer_id=ada, survey="nps", score=0, answered_at=NOON + 2 * HOUR)
    world.tick(NOON + 3 * HOUR)

    # It has passed, but the score that it asks for is that of its own question.
    assert (world.place(), tagged(world)) == ("rest", False)


def test_a_survey_answered_brings_its_customer_into_a_journey(world: World) -> None:
    ada = world.customer()
    low = Compare("survey.score", "<=", 2)
    world.deploy(make_plan(email(), journey="low", trigger=EventTrigger("survey.answered", "survey", low)))
    for score, hour in ((5, 1), (2, 2)):
        at = NOON + hour * HOUR
        world.fact(survey_answers, "survey", customer_id=ada, survey="csat", score=score, answered_at=at)
    world.tick(NOON + 3 * HOUR, "low")

    assert (len(world.enrolments("low")), len(world.email.got)) == (1, 1)


def test_a_message_that_asks_twice_about_two_orders_asks_two_questions(world: World) -> None:
    ada = world.customer()
    world.deploy(make_plan(email("ask", template="asking", survey="packaging"), trigger=DELIVERED))
    for number in range(2):
        world.order(ada, NOON - DAY, delivered_at=NOON + number * HOUR)
    world.tick(NOON + 2 * HOUR)
    for send in world.sends():
        says(world, send, 1, NOON + 3 * HOUR, "packaging")

    assert len({row.order_id for row in world.rows(survey_answers)}) == 2
    assert [row.target for row in world.rows(errands)] == ["care-team"] * 2
