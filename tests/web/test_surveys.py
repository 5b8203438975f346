"""A survey is answered by a button, once for each message that asked, and by nobody else than whom it asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World
from tests.web.asked_surveys import asked, link, with_surveys
from tests.web.visiting import Visits, contents, forms_on, words_on
from vefa.crm.tables import customers, events, orders, survey_answers, tickets
from vefa.database import reading, writing
from vefa.errands.tables import errands
from vefa.foresight.why import why
from vefa.plan.ways_in import EventTrigger
from vefa.settings import Settings, Shop


@pytest.fixture
def world(engine: sa.Engine, settings: Settings) -> World:
    return with_surveys(World(engine, settings.model_copy(update={"shop": Shop(locales=("tr", "en"))})))


@pytest.fixture
def visits(world: World) -> Visits:
    return Visits(world, NOON + 2 * HOUR)


def answers(world: World) -> list[tuple[Any, ...]]:
    return [(row.survey, row.score, row.choice, row.comment) for row in world.rows(survey_answers)]


def staff(world: World) -> list[tuple[Any, ...]]:
    """What the teams are told: which team, and what."""
    return [(row.target, row.text.rpartition(" (")[0]) for row in world.rows(errands)]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_whoever_only_looks_answers_nothing(world: World, visits: Visits, method: str) -> None:
    """Link scanners open every link of a letter, on whatever answer it is."""
    ada = world.customer()
    send = asked(world, ada)
    before = contents(world.database)

    for score in (1, 5, None):
        assert visits.ask(method, link(world, ada, send, score=score)).status_code == 200
    assert contents(world.database) == before


def test_a_person_presses_the_button_under_the_answer_they_clicked(world: World, visits: Visits) -> None:
    ben = world.customer("Ben", language="en")
    send = asked(world, ben)
    page = visits.get(link(world, ben, send, score=4))
    assert 'value="4" required checked' in page.text and page.text.count(" checked>") == 1
    assert "How content are you?" in words_on(page)

    (action,) = forms_on(page)
    after = visits.post(action, {"score": "4"})

    assert "Your answer has reached us" in words_on(after)
    (row,) = world.rows(survey_answers)
    (order,) = world.rows(orders)
    assert (row.customer_id, row.score, row.send_id, row.order_id) == (ben, 4, send, order.id)
    assert (row.object_kind, row.object_id) == ("order", order.id)
    (event,) = world.rows(events, events.c.type == "survey.answered")
    assert (event.customer_id, event.object_id, event.order_id) == (ben, row.id, order.id)


def test_an_answer_said_again_is_one_and_said_otherwise_is_corrected(world: World, visits: Visits) -> None:
    ada = world.customer()
    path = link(world, ada, asked(world, ada), score=5)
    visits.post(path, {"score": "5"})
    before = contents(world.database)
    visits.now += HOUR
    visits.post(path, {"score": "5"})
    assert contents(world.database) == before

    visits.post(path, {"score": "3"})

    assert answers(world) == [("csat", 3, None, None)]
    assert len(world.rows(events, events.c.type == "survey.answered")) == 1


def test_after_a_week_an_answer_stays_as_it_is(world: World, visits: Visits) -> None:
    ada = world.customer()
    path = link(world, ada, asked(world, ada))
    visits.post(path, {"score": "2"})
    visits.now += 8 * DAY

    page = visits.post(path, {"score": "5", "comment": "yine de"})

    assert "artık değiştirilemiyor" in words_on(page) and forms_on(page) == []
    assert "artık değiştirilemiyor" in words_on(visits.get(path))
    assert answers(world) == [("csat", 2, None, None)]


def test_words_are_added_to_an_answer_and_to_nothing_else(world: World, visits: Visits) -> None:
    ada = world.customer()
    path = link(world, ada, asked(world, ada))
    assert "Ne kadar memnun kaldınız?" in words_on(visits.post(path, {"comment": "çok güzel"}))
    assert answers(world) == []

    page = visits.post(path, {"score": "5"})
    assert "Eklemek istediğiniz bir şey var mı?" in words_on(page)
    visits.post(path, {"comment": "  çok güzel  " + "x" * 3000})

    ((_, score, _, comment),) = answers(world)
    assert (score, comment[:10], len(comment)) == (5, "çok güzel ", 2000)
    assert "çok güzel" not in visits.get(path).text, "links are passed on"


def test_a_low_answer_is_told_to_the_staff_once_with_what_they_say(world: World, visits: Visits) -> None:
    ada = world.customer()
    path = link(world, ada, asked(world, ada, "packaging"), "packaging")
    visits.post(path, {"score": "2"})
    assert staff(world) == [("care-team", "packaging: 2/5")]

    visits.post(path, {"comment": "kutu\nezilmiş"})
    visits.post(path, {"score": "1"})

    assert staff(world) == [("care-team", "packaging: 1/5 – kutu ezilmiş")]
    assert [row.routed_to for row in world.rows(survey_answers)] == ["care-team"]
    (row,) = world.rows(errands)
    assert (row.customer_id, row.next_try_at) == (ada, row.queued_at + 5 * MINUTE)
    assert world.rows(tickets) == [], "nothing that holds back what they want to get"


def test_why_tells_what_they_answered_and_whom_of_the_staff_that_reached(world: World, visits: Visits) -> None:
    path = link(world, ada := world.customer(outside_id="A-1"), asked(world, ada, "packaging"), "packaging")
    visits.post(path, {"score": "3"})
    visits.post(path, {"score": "2", "comment": "kutu ezilmiş"})

    with reading(world.database) as connection:
        ((story,),) = (journey.stories for journey in why(connection, "A-1").journeys)
    (answer,) = story.answers
    (told,) = answer.told

    assert (answer.survey, answer.score, answer.comment) == ("packaging", 2, "kutu ezilmiş")
    assert answer.corrected_at is not None and answer.corrected_at >= answer.answered_at >= NOON + 2 * HOUR
    assert (told.target, told.state, told.step, story.errands) == ("care-team", "queued", "packaging", ())


def test_words_that_come_after_the_staff_was_told_are_told_too_and_once(world: World, visits: Visits) -> None:
    ada = world.customer()
    path = link(world, ada, asked(world, ada, "packaging"), "packaging")
    visits.post(path, {"score": "2"})
    with writing(world.database) as connection:
        connection.execute(sa.update(errands).values(state="done"))
    visits.post(path, {"score": "2"})
    assert len(world.rows(errands)) == 1

    for _ in range(2):
        visits.post(path, {"comment": "kutu ezilmiş"})

    assert staff(world) == [("care-team", "packaging: 2/5"), ("care-team", "packaging: 2/5 – kutu ezilmiş")]


def test_an_answer_that_nobody_need_see_is_told_to_nobody(world: World, visits: Visits) -> None:
    ada = world.customer()
    visits.post(link(world, ada, asked(world, ada, "packaging"), "packaging"), {"score": "3"})

    assert (len(answers(world)), staff(world)) == (1, [])


def test_a_choice_shows_its_options_and_keeps_the_chosen_one_by_name(world: World, visits: Visits) -> None:
    ada = world.customer()
    path = link(world, ada, asked(world, ada, "why"), "why")
    assert "Fiyat Hizmet Hiçbir şey" in words_on(visits.get(path))

    visits.post(path, {"score": "3"})
    assert (answers(world), staff(world)) == ([("why", 3, "nothing", None)], [])
    visits.post(path, {"comment": "ama kargo geç kaldı"})

    assert staff(world) == [("care-team", "why: nothing – ama kargo geç kaldı")]


@pytest.mark.parametrize("form", [{}, {"score": "6"}, {"score": "0"}, {"score": "-1"}, {"score": "٣"}, {"other": "1"}])
def test_a_form_that_says_no_answer_of_the_survey_answers_nothing(
    world: World, visits: Visits, form: dict[str, str]
) -> None:
    ada = world.customer()
    path = link(world, ada, asked(world, ada), score=5)

    assert "Ne kadar memnun kaldınız?" in words_on(visits.post(path, form))
    assert answers(world) == []


def test_an_answer_about_a_ticket_is_the_tickets_score(world: World, visits: Visits) -> None:
    ada = world.customer()
    trigger = EventTrigger("ticket.resolved", "ticket")
    ticket = world.fact(tickets, "ticket", customer_id=ada, opened_at=NOON - DAY, resolved_at=NOON)
    send = asked(world, ada, trigger=trigger)

    visits.post(link(world, ada, send), {"score": "4"})
    visits.post(link(world, ada, send), {"score": "2"})

    assert [(row.id, row.csat) for row in world.rows(tickets)] == [(ticket, 2)]
    assert [(row.object_kind, row.object_id) for row in world.rows(survey_answers)] == [("ticket", ticket)]


@pytest.mark.parametrize("what", ["damaged", "rubbish", "ended", "other customer", "other secret", "unsubscribe"])
def test_a_link_that_is_not_theirs_shows_a_page_and_does_nothing(world: World, visits: Visits, what: str) -> None:
    ada, ben = world.customer(), world.customer("Ben")
    send = asked(world, ada)
    good = link(world, ada, send, score=5)
    wrong = {
        "damaged": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "rubbish": "/s/%C3%A7%00..%2F" + "A" * 3000,
        "ended": link(world, ada, send, until=NOON - timedelta(days=1)),
        "other customer": link(world, ben, send),
        "other secret": link(world, ada, send, secret=b"another secret, long enough"),
        "unsubscribe": f"/s/{visits.token(ada)}",
    }[what]
    before = contents(world.database)

    pages = [visits.get(wrong, **{"accept-language": "en"}), visits.post(wrong, {"score": "5"})]

    assert [page.status_code for page in pages] == [404, 404]
    assert "This link does not work" in words_on(pages[0])
    assert contents(world.database) == before


def test_who_was_forgotten_is_asked_nothing_more(world: World, visits: Visits) -> None:
    ada = world.customer()
    path = link(world, ada, asked(world, ada))
    with writing(world.database) as connection:
        connection.execute(sa.update(customers).values(forgotten_at=NOON + HOUR))

    assert [visits.get(path).status_code, visits.post(path, {"score": "5"}).status_code] == [404, 404]
    assert answers(world) == []


def test_no_page_names_the_customer_or_lets_a_browser_do_more_than_it_must(world: World, visits: Visits) -> None:
    ada = world.customer("Ayşegül")
    path = link(world, ada, asked(world, ada))
    for page in (visits.get(path), visits.post(path, {"score": "5"}), visits.post(path, {"comment": "iyi"})):
        assert "Ayşegül" not in words_on(page)
        assert "@ornek.example" not in words_on(page)
        assert "<script" not in page.text
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "set-cookie" not in page.headers
