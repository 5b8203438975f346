"""One click ends messages, a look changes nothing, and what comes at the last moment is honoured."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import HOUR, NOON, World, deliver, email, make_plan, wait
from tests.web.visiting import ONE_CLICK, Visits, contents, forms_on, words_on
from vefa.crm.tables import consents, suppressions
from vefa.plan.policy import Policy, Rule
from vefa.settings import Settings, Shop

LATER = NOON + HOUR
NO_CONSENT_ASKED = Policy(rules=(Rule("commercial", "email", consent=False), Rule("commercial", "sms", consent=False)))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"shop": Shop(locales=("tr", "en"))})


@pytest.fixture
def world(engine: sa.Engine, settings: Settings) -> World:
    return World(engine, settings)


@pytest.fixture
def visits(world: World) -> Visits:
    return Visits(world, LATER)


def said(world: World) -> list[Any]:
    return [(row.channel, row.purpose, row.granted, row.source) for row in world.rows(consents)][1:]


def stopped(world: World) -> list[Any]:
    return [(row.channel, row.purpose, row.reason) for row in world.rows(suppressions)]


def test_a_click_of_the_mail_program_ends_messages(world: World, visits: Visits) -> None:
    ada = world.customer()

    answer = visits.post(f"/u/{visits.token(ada)}", ONE_CLICK)

    assert (answer.status_code, answer.text) == (200, "Unsubscribed.")
    assert "set-cookie" not in answer.headers
    assert said(world) == [("email", "commercial", False, "unsubscribe link")]
    assert stopped(world) == [("email", "commercial", "unsubscribed")]


def test_a_click_in_the_other_form_that_the_standard_allows_ends_messages_too(world: World, visits: Visits) -> None:
    ada = world.customer()

    answer = visits.ask("POST", f"/u/{visits.token(ada)}", files={"List-Unsubscribe": (None, "One-Click")})

    assert answer.status_code == 200
    assert stopped(world) == [("email", "commercial", "unsubscribed")]


def test_a_second_click_changes_nothing(world: World, visits: Visits) -> None:
    ada = world.customer()
    visits.post(f"/u/{visits.token(ada)}", ONE_CLICK)
    before = contents(world.database)
    visits.now += HOUR

    assert visits.post(f"/u/{visits.token(ada)}", ONE_CLICK).status_code == 200
    assert contents(world.database) == before


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_whoever_only_looks_changes_nothing(world: World, visits: Visits, method: str) -> None:
    ada = world.customer()
    before = contents(world.database)

    assert visits.ask(method, f"/u/{visits.token(ada)}").status_code == 200
    assert contents(world.database) == before


def test_a_person_reads_a_page_in_their_language_and_presses_its_button(world: World, visits: Visits) -> None:
    ada, ben = world.customer(), world.customer("Ben", language="en")
    page = visits.get(f"/u/{visits.token(ben)}", **{"accept-language": "tr"})

    assert "No more of our e-mails?" in words_on(page)
    assert '<html lang="en">' in page.text
    assert "E-postalarımızı almak istemiyor musunuz?" in words_on(visits.get(f"/u/{visits.token(ada)}"))
    (action,) = forms_on(page)
    assert "You are unsubscribed" in words_on(visits.post(action, {"by": "page"}))
    assert [row.customer_id for row in world.rows(consents, consents.c.granted.is_(False))] == [ben]


def test_who_has_no_language_reads_what_the_browser_asks_for_else_the_shops(world: World, visits: Visits) -> None:
    token = visits.token(world.customer(language=None))

    assert '<html lang="en">' in visits.get(f"/u/{token}", **{"accept-language": "de, en-GB;q=0.8"}).text
    assert '<html lang="tr">' in visits.get(f"/u/{token}", **{"accept-language": "de"}).text


def test_who_clicked_by_mistake_agrees_again(world: World, visits: Visits) -> None:
    ada = world.customer()
    action = f"/u/{visits.token(ada)}"
    page = visits.post(action, {"by": "page"})
    assert f"{action}/undo" in forms_on(page)
    visits.now += HOUR

    again = visits.post(f"{action}/undo")

    assert "Yeniden abone oldunuz" in words_on(again)
    assert (said(world)[-1][2], stopped(world)) == (True, [])
    world.deploy(make_plan(email()))
    world.order(ada, NOON)
    world.tick(NOON + 3 * HOUR)
    assert len(world.email.got) == 1


def test_agreeing_again_does_not_lift_what_others_said(world: World, visits: Visits) -> None:
    ada = world.customer()
    world.suppress(ada, NOON)
    visits.post(f"/u/{visits.token(ada)}", ONE_CLICK)

    page = visits.post(f"/u/{visits.token(ada)}/undo")

    assert stopped(world) == [("email", None, "complained")]
    assert "ulaşamıyoruz" in words_on(page)


def test_sms_go_on_until_they_are_refused_too(world: World, visits: Visits) -> None:
    ada = world.customer(sms=True)
    action = f"/u/{visits.token(ada)}"
    page = visits.post(action, {"by": "page"})
    assert "Peki ya SMS?" in words_on(page)

    after = visits.post(action, {"by": "page", "channel": "sms"})

    assert "Peki ya SMS?" not in words_on(after)
    assert {(channel, purpose) for channel, purpose, _ in stopped(world)} == {
        ("email", "commercial"),
        ("sms", "commercial"),
    }


def test_a_link_from_a_transactional_message_ends_all_e_mail(world: World, visits: Visits) -> None:
    ada = world.customer()
    token = visits.token(ada, purpose="transactional")
    assert "hiç e-posta göndermez" in words_on(visits.get(f"/u/{token}"))

    visits.post(f"/u/{token}", ONE_CLICK)

    assert stopped(world) == [("email", None, "unsubscribed")]
    assert {(purpose, granted) for _, purpose, granted, _ in said(world)} == {
        ("commercial", False),
        ("transactional", False),
    }


@pytest.mark.parametrize("what", ["swapped", "damaged", "rubbish", "nobody", "other secret"])
def test_a_link_that_is_not_ours_shows_a_page_and_does_nothing(world: World, visits: Visits, what: str) -> None:
    ada = world.customer()
    good = visits.token(ada)
    wrong = {
        "swapped": visits.token(ada, "preferences"),
        "damaged": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "rubbish": "%C3%A7%00..%2F" + "A" * 3000,
        "nobody": visits.token(4711),
        "other secret": type(world.shop.links)(b"another secret, long enough", "http://x").token(ada, "commercial"),
    }[what]
    before = contents(world.database)

    page = visits.get(f"/u/{wrong}", **{"accept-language": "en"})

    assert (page.status_code, "This link does not work" in words_on(page)) == (404, True)
    for path in (f"/u/{wrong}", f"/u/{wrong}/undo"):
        assert visits.post(path, {"by": "page"}).status_code == 404
    assert contents(world.database) == before


def test_no_page_names_the_customer_or_lets_a_browser_do_more_than_it_must(world: World, visits: Visits) -> None:
    ada = world.customer("Ayşegül")
    action = f"/u/{visits.token(ada)}"
    for page in (visits.get(action), visits.post(action, {"by": "page"}), visits.post(f"{action}/undo")):
        assert "Ayşegül" not in words_on(page)
        assert "@ornek.example" not in words_on(page)
        assert "<script" not in page.text
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert "set-cookie" not in page.headers


def test_a_form_of_a_megabyte_is_a_click_like_any_other(world: World, visits: Visits) -> None:
    answer = visits.ask("POST", f"/u/{visits.token(world.customer())}", content=b"x" * 1_000_000)

    assert (answer.status_code, len(stopped(world))) == (200, 1)


# --- when it is honoured


def queued(world: World) -> Any:
    """One message of a journey, on its way to the claim."""
    world.deploy(make_plan(email(next="rest"), wait("rest", None, days=1)))
    world.order(world.customer(), NOON)
    tick = world.begin(LATER)
    tick.enter()
    return tick


@pytest.mark.rule(16)
@pytest.mark.parametrize("policy", [Policy(), NO_CONSENT_ASKED], ids=["consent asked", "no consent asked"])
def test_a_click_after_the_words_are_written_and_before_the_request_is_honoured(
    world: World, visits: Visits, policy: Policy
) -> None:
    """Between the last word rendered and the request stands the last look: whatever is committed by then counts."""
    world.under(policy)
    tick = queued(world)
    visits.now = NOON
    tick.before_request = lambda: visits.post(f"/u/{visits.token(1)}", ONE_CLICK)
    deliver(tick)

    assert (world.email.got, world.send().state) == ([], "skipped")
    assert (world.send().reason, world.place()) == ("suppressed: unsubscribed", "rest")


@pytest.mark.rule(16)
@pytest.mark.parametrize("policy", [Policy(), NO_CONSENT_ASKED], ids=["consent asked", "no consent asked"])
def test_a_click_before_the_claim_is_honoured_under_every_policy(world: World, visits: Visits, policy: Policy) -> None:
    world.under(policy)
    tick = queued(world)
    visits.now = NOON
    visits.post(f"/u/{visits.token(1)}", ONE_CLICK)
    deliver(tick)

    assert (world.email.got, world.send().state) == ([], "skipped")


def test_transactional_words_still_go_after_an_unsubscribe(world: World, visits: Visits) -> None:
    ada = world.customer()
    visits.post(f"/u/{visits.token(ada)}", ONE_CLICK)
    world.deploy(make_plan(email(purpose="transactional")))
    world.order(ada, NOON)
    world.tick(NOON + 2 * HOUR)

    assert len(world.email.got) == 1
