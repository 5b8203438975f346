"""The preferences page: what is chosen there holds, what was not asked stays, and nothing personal is shown."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, NOON, World, email, make_plan
from tests.web.visiting import Visits, contents, words_on
from vefa.crm.tables import consents, customers, suppressions, tracking_refusals
from vefa.crm.wishes import topic_refusals, wishes
from vefa.settings import Settings, Shop, Tracking

LATER = NOON + HOUR
TOPICS = """offers: {tr: "Fırsatlar", en: "Offers"}
celebrations: {tr: "Kutlamalar", en: "Celebrations"}
"""
SHOWN = ("email", "sms", "offers", "celebrations")


@pytest.fixture
def world(engine: sa.Engine, settings: Settings) -> World:
    (settings.root / "config" / "topics.yaml").write_text(TOPICS, encoding="utf-8")
    return World(engine, settings.model_copy(update={"shop": Shop(locales=("tr", "en"))}))


@pytest.fixture
def visits(world: World) -> Visits:
    return Visits(world, LATER)


def choose(visits: Visits, customer: int, **form: Any) -> str:
    """The form as a browser sends it; what is not named is left as a page without a tick would have it."""
    given = {"form": "choices", "shown": SHOWN} | form
    return words_on(visits.post(f"/p/{visits.token(customer, 'preferences')}", given))


def page(visits: Visits, customer: int) -> str:
    return visits.get(f"/p/{visits.token(customer, 'preferences')}").text


def test_the_page_shows_how_things_stand_and_nothing_of_whom_it_is(world: World, visits: Visits) -> None:
    ada = world.customer("Ayşegül", sms=True, city="Bursa")
    before = contents(world.database)
    html = page(visits, ada)

    assert html.count(" checked") == 2 + 2 + 1
    for secret in ("Ay&#x", "Bursa", "ornek.example", "+90532"):
        assert secret not in html
    assert contents(world.database) == before


def test_what_is_unticked_is_refused_and_what_is_ticked_again_comes_again(world: World, visits: Visits) -> None:
    ada = world.customer(sms=True)

    assert "Kaydedildi" in choose(visits, ada, channel="sms", topic=["offers", "celebrations"])
    assert [(row.channel, row.reason) for row in world.rows(suppressions)] == [("email", "unsubscribed")]
    visits.now += HOUR
    choose(visits, ada, channel=["sms", "email"], topic=["offers", "celebrations"])

    assert world.rows(suppressions) == []
    last = world.rows(consents)[-1]
    assert (last.channel, last.granted, last.source) == ("email", True, "preferences page")


def test_saving_without_a_change_writes_nothing(world: World, visits: Visits) -> None:
    ada = world.customer(sms=True)
    before = contents(world.database)

    choose(visits, ada, channel=["sms", "email"], topic=["offers", "celebrations"], language="tr")

    assert contents(world.database) == before


def test_a_topic_that_is_unticked_is_refused_and_its_journey_goes_without_them(world: World, visits: Visits) -> None:
    ada = world.customer()
    choose(visits, ada, channel="email", topic="celebrations", shown=["email", "offers", "celebrations"])

    assert [row.topic for row in world.rows(topic_refusals)] == ["offers"]
    world.deploy(make_plan(email(), topic="offers"))
    world.order(ada, NOON)
    world.tick(NOON + 2 * HOUR)
    assert (world.email.got, world.send().reason) == ([], "topic: offers")


def test_a_topic_that_the_page_did_not_show_is_not_refused(world: World, visits: Visits) -> None:
    """The shop added one while the page lay open."""
    choose(visits, world.customer(), channel="email", topic="offers", shown=["email", "offers"])

    assert world.rows(topic_refusals) == []


def test_a_break_lasts_thirty_days_and_can_be_ended(world: World, visits: Visits) -> None:
    ada = world.customer()
    told = choose(visits, ada, channel="email", topic=["offers", "celebrations"], pause="yes")

    assert "9 Nisan 2026" in told
    assert world.rows(wishes)[0].paused_until.date() == (LATER + 30 * DAY).date()
    visits.now += DAY
    choose(visits, ada, channel="email", topic=["offers", "celebrations"], pause="yes")
    assert world.rows(wishes)[0].paused_until.date() == (LATER + 30 * DAY).date()
    choose(visits, ada, channel="email", topic=["offers", "celebrations"], pause="no")
    assert world.rows(wishes)[0].paused_until is None


def test_the_language_chosen_is_the_one_of_the_page_and_of_the_messages(world: World, visits: Visits) -> None:
    ada = world.customer()

    assert "Saved." in choose(visits, ada, channel="email", topic=["offers", "celebrations"], language="en")
    assert world.rows(customers)[0].language == "en"
    choose(visits, ada, channel="email", topic=["offers", "celebrations"], language="xx; DROP TABLE")
    assert world.rows(customers)[0].language == "en"


def test_a_way_that_is_shut_for_other_reasons_cannot_be_opened_here(world: World, visits: Visits) -> None:
    ada = world.customer()
    world.suppress(ada, NOON)
    assert "disabled" in page(visits, ada)

    choose(visits, ada, channel="email", topic=["offers", "celebrations"])

    assert len(world.rows(suppressions)) == 1


@pytest.mark.parametrize("form", [{}, {"form": "other"}, {"channel": "email"}])
def test_a_form_that_is_not_ours_chooses_nothing(world: World, visits: Visits, form: dict[str, str]) -> None:
    ada = world.customer()
    before = contents(world.database)

    assert visits.post(f"/p/{visits.token(ada, 'preferences')}", form).status_code == 200
    assert contents(world.database) == before


def test_a_link_of_another_kind_opens_nothing(world: World, visits: Visits) -> None:
    ada = world.customer()
    for wrong in (visits.token(ada, "unsubscribe"), visits.token(4711, "preferences"), "x", "x/y"):
        assert visits.get(f"/p/{wrong}").status_code == 404
        assert visits.post(f"/p/{wrong}", {"form": "choices"}).status_code == 404
        assert visits.post(f"/p/{wrong}/link").status_code == 404


def test_without_topics_and_other_languages_the_page_asks_for_neither(world: World, visits: Visits) -> None:
    (world.settings.root / "config" / "topics.yaml").unlink()
    world.settings = world.settings.model_copy(update={"shop": Shop(locales=("tr",))})
    html = page(visits, world.customer())

    assert "Konular" not in html
    assert 'name="language"' not in html


# --- how somebody reads


@pytest.fixture
def tracked(world: World) -> Visits:
    """The shop counts clicks."""
    world.settings = world.settings.model_copy(update={"tracking": Tracking(clicks=True)})
    return Visits(world, LATER)


def test_a_shop_that_learns_nothing_does_not_ask(world: World, visits: Visits) -> None:
    ada = world.customer()

    assert "tracking" not in page(visits, ada)
    choose(visits, ada, channel=["email"])
    assert world.rows(tracking_refusals) == []


def test_who_does_not_want_to_be_counted_is_not(world: World, tracked: Visits) -> None:
    ada = world.customer()
    assert 'name="tracking" value="yes" checked' in page(tracked, ada)

    choose(tracked, ada, channel=["email"], asked="tracking")
    assert [row.customer_id for row in world.rows(tracking_refusals)] == [ada]
    assert 'name="tracking" value="yes">' in page(tracked, ada)

    choose(tracked, ada, channel=["email"], asked="tracking", tracking="yes")
    assert world.rows(tracking_refusals) == []


def test_a_form_that_did_not_ask_leaves_it_as_it_was(world: World, tracked: Visits) -> None:
    ada = world.customer()
    choose(tracked, ada, channel=["email"], asked="tracking")

    choose(tracked, ada, channel=["email"])

    assert [row.customer_id for row in world.rows(tracking_refusals)] == [ada]
