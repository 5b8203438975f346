"""What customers ask for on their own page is heeded at the claim and at the last look, and `vefa why` tells it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, NOON, World, deliver, email, make_plan, wait
from vefa.crm import wishes
from vefa.crm.wishes import Said
from vefa.database import reading, writing
from vefa.foresight.why import why
from vefa.settings import Settings, Shop

LATER = NOON + HOUR


@pytest.fixture
def world(engine: sa.Engine, settings: Settings) -> World:
    return World(engine, settings.model_copy(update={"shop": Shop(locales=("tr",))}))


def queued(world: World, purpose: Any = "commercial", topic: str | None = "offers") -> Any:
    world.deploy(make_plan(email(next="rest", purpose=purpose), wait("rest", None, days=1), topic=topic))
    world.order(world.customer(outside_id="c-1"), NOON)
    tick = world.begin(LATER)
    tick.enter()
    return tick


def pause(world: World, until: datetime | None) -> None:
    with writing(world.database) as connection:
        wishes.pause(connection, 1, until)


def refuse(world: World, *topics: str) -> None:
    with writing(world.database) as connection:
        wishes.refuse_topics(connection, 1, topics, NOON)


def told(world: World) -> str:
    with reading(world.database) as connection:
        (journey,) = why(connection, "c-1").journeys
    return journey.stories[0].sendings[0].because


@pytest.mark.rule(16)
def test_who_paused_gets_nothing_commercial_and_goes_on(world: World) -> None:
    tick = queued(world)
    pause(world, LATER + DAY)
    deliver(tick)

    assert (world.email.got, world.send().state, world.send().reason) == ([], "skipped", "paused")
    assert (world.place(), told(world)) == ("rest", "they asked us to pause for a while")


@pytest.mark.rule(16)
@pytest.mark.parametrize("by", ["email", "sms"])
def test_where_nothing_commercial_may_go_no_such_words_stand_in_a_receipt(world: World, by: str) -> None:
    """By e-mail one look tells, by SMS the judgement of each."""
    world.words("note", "{% if commercial %}İndirim{% else %}Teşekkürler{% endif %}")
    for name, stopped in (("Ada", True), ("Bea", False)):
        number = world.customer(name, sms=True, preferred_channel=by)
        if stopped:
            world.suppress(number, NOON, channel=by, purpose="commercial")
        world.order(number, NOON + HOUR)
    world.deploy(make_plan(email(purpose="transactional", medium=None)))

    world.tick(NOON + HOUR)

    ada, bea = (world.email if by == "email" else world.sms).got
    assert "Teşekkürler" in ada.text and "İndirim" in bea.text


@pytest.mark.rule(16)
def test_who_refused_the_topic_gets_nothing_commercial_of_it(world: World) -> None:
    tick = queued(world)
    refuse(world, "offers")
    deliver(tick)

    assert (world.email.got, world.send().reason) == ([], "topic: offers")
    assert told(world) == "they want nothing of the topic “offers”"


@pytest.mark.rule(16)
@pytest.mark.parametrize(
    "wish", [lambda w: pause(w, LATER + DAY), lambda w: refuse(w, "offers")], ids=["pause", "topic"]
)
def test_a_wish_after_the_words_are_written_stops_the_request(world: World, wish: Any) -> None:
    tick = queued(world)
    tick.before_request = lambda: wish(world)
    deliver(tick)

    assert (world.email.got, world.send().state) == ([], "skipped")


@pytest.mark.parametrize(
    "wish",
    [
        lambda world: pause(world, LATER),
        lambda world: (pause(world, LATER + DAY), pause(world, None)),
        lambda world: refuse(world, "celebrations"),
        lambda world: (refuse(world, "offers"), refuse(world)),
    ],
    ids=["over", "ended", "another topic", "wanted again"],
)
def test_what_is_not_asked_for_any_more_holds_nothing_back(world: World, wish: Any) -> None:
    tick = queued(world)
    wish(world)
    deliver(tick)

    assert len(world.email.got) == 1


def test_what_they_must_know_comes_all_the_same(world: World) -> None:
    tick = queued(world, purpose="transactional")
    pause(world, LATER + DAY)
    refuse(world, "offers")
    deliver(tick)

    assert len(world.email.got) == 1


def test_why_tells_what_the_customer_chose(world: World) -> None:
    queued(world)
    pause(world, LATER)
    refuse(world, "offers", "celebrations")
    with writing(world.database) as connection:
        wishes.speak(connection, 1, "en")

    with reading(world.database) as connection:
        person = why(connection, "c-1").person

    assert (person.wishes.language, person.language, person.wishes.paused_until) == ("en", "en", LATER)
    assert person.wishes.refused_topics == ("celebrations", "offers")


def test_a_refusal_by_sms_leaves_e_mail_as_it_is(world: World) -> None:
    tick = queued(world)
    with writing(world.database) as connection:
        wishes.refuse(connection, 1, "sms", "commercial", Said("page", "x", NOON))
    deliver(tick)

    assert len(world.email.got) == 1
