"""A complaint from its first word to the last: acknowledged at once, told at every stage, made up for."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World
from tests.journeys.shipped_worlds import ShippedWorld
from vefa.crm.tables import tickets
from vefa.crm.ticket_messages import ticket_messages
from vefa.rewards.tables import coupons

CARE, WATCH = "complaint-care", "complaint-watch"
STAFF = "destek@ornek.example"
ISTANBUL = "Europe/Istanbul"
RESOLVED = "Kaydınız çözüldü (sipariş TR-1007): yazışmamız burada"


@pytest.fixture
def world(sqlite_engine: sa.Engine, example_root: Path) -> ShippedWorld:
    world = ShippedWorld(sqlite_engine, example_root)
    for journey in (CARE, WATCH):
        world.go_live(journey, NOON - DAY)
    return world


def complains(world: World, customer: int, at: datetime = NOON, **more: Any) -> int:
    order = world.order(customer, at - 5 * DAY, number="TR-1007", delivered_at=at - 2 * DAY)
    given = {"subject": "Kupanın kulpu kırık geldi", "category": "damaged", "order_id": order} | more
    return world.fact(tickets, "ticket", customer_id=customer, opened_at=at, **given)


def becomes(world: World, ticket: int, at: datetime, **more: Any) -> None:
    world.change(tickets, "ticket", ticket, **more if more else {"resolved_at": at})


def says(world: World, ticket: int, author: str, text: str, at: datetime, agent: str | None = None) -> None:
    values = {"source": "shop", "outside_id": f"m-{text[:40]}-{at}", "ticket_id": ticket, "author": author}
    world.insert(ticket_messages, **values, agent=agent, text=text, said_at=at, said_known_at=at)


def pass_by(world: ShippedWorld, start: datetime, end: datetime) -> None:
    """A look at each moment at which either journey has anything to do, and one at the end."""
    world.pass_by(start, end, CARE, WATCH)
    for journey in (CARE, WATCH):
        world.tick(end, journey)


def to_staff(world: World) -> list[str]:
    return [message.subject for message in world.email.got if message.to == STAFF]


def to_customers(world: World) -> list[str]:
    return [message.subject for message in world.email.got if message.to != STAFF]


def test_it_is_acknowledged_in_the_first_look_and_names_who_helped_them_before(world: ShippedWorld) -> None:
    ayse = world.customer("Ayşe")
    before = NOON - 60 * DAY
    world.fact(tickets, "ticket", customer_id=ayse, opened_at=before, resolved_at=before + DAY, agent="Elif")
    complains(world, ayse)

    world.tick(NOON, CARE)

    (letter,) = world.email.got
    assert letter.subject == "Mesajınız bize ulaştı (sipariş TR-1007)"
    assert "Mümkünse sizinle yine Elif ilgilenecek." in letter.text
    assert "Kupanın kulpu kırık geldi" in letter.text


def test_staff_hear_of_it_at_five_minutes_and_at_thirty(world: ShippedWorld) -> None:
    complains(world, world.customer("Ayşe"))

    pass_by(world, NOON, NOON + 4 * MINUTE)
    assert to_staff(world) == []
    pass_by(world, NOON + 5 * MINUTE, NOON + 29 * MINUTE)
    assert to_staff(world) == ["5 dakikadır yanıt bekliyor: Kupanın kulpu kırık geldi"]
    pass_by(world, NOON + 30 * MINUTE, NOON + 3 * DAY)
    assert to_staff(world)[1:] == ["YARIM SAATTİR yanıt bekliyor: Kupanın kulpu kırık geldi"]


@pytest.mark.parametrize(
    ("moment", "after", "told"), [("answered_at", 4, 0), ("answered_at", 20, 1), ("resolved_at", 4, 0)]
)
def test_staff_hear_nothing_of_what_they_have_answered(world: ShippedWorld, moment: str, after: int, told: int) -> None:
    ticket = complains(world, world.customer())
    world.change(tickets, "ticket", ticket, **{moment: NOON + after * MINUTE})

    pass_by(world, NOON, NOON + DAY)

    assert len(to_staff(world)) == told


def test_staff_are_told_in_time_though_the_customer_cannot_be_reached_now(world: ShippedWorld) -> None:
    night = NOON + 11 * HOUR  # 23:00 on the customer's clock
    complains(world, world.customer(email=False, sms=True, preferred_channel="sms"), night)

    pass_by(world, night, night + 40 * MINUTE)

    assert world.sms.got == [], "nobody is woken by a phone"
    assert len(to_staff(world)) == 2
    pass_by(world, night + HOUR, night + 9 * HOUR)
    assert [message.text.split(" (")[0] for message in world.sms.got] == ["Mesajiniz bize ulasti"]


def test_each_state_is_told_once_and_the_agent_is_named_throughout(world: ShippedWorld) -> None:
    ticket = complains(world, world.customer("Ayşe"), agent="Elif")
    becomes(world, ticket, NOON, answered_at=NOON + 3 * MINUTE)
    becomes(world, ticket, NOON, state="waiting", state_at=NOON + HOUR)
    becomes(world, ticket, NOON, state="in progress", state_at=NOON + 2 * HOUR)
    becomes(world, ticket, NOON, resolved_at=NOON + DAY)
    becomes(world, ticket, NOON, state="closed", state_at=NOON + 2 * DAY)

    pass_by(world, NOON, NOON + 20 * DAY)

    letters = [message for message in world.email.got if message.to != STAFF]
    state = "Kaydınızda gelişme var (sipariş TR-1007)"
    assert [letter.subject for letter in letters] == [
        "Mesajınız bize ulaştı (sipariş TR-1007)",
        state,
        state,
        state,
        RESOLVED,
    ]
    titles = (
        "Mesajınız bize ulaştı",
        "Size yanıt verdik",
        "Sizden haber bekliyoruz",
        "Üzerinde çalışıyoruz",
        "Sabrınız",
    )
    assert [title in letter.text for title, letter in zip(titles, letters, strict=True)] == [True] * 5
    assert ["Elif" in letter.text for letter in letters] == [True, True, False, True, True]


def test_the_transcript_has_all_that_was_said_and_asks_with_a_click(world: ShippedWorld) -> None:
    ticket = complains(world, world.customer("Ayşe"), agent="Elif")
    says(world, ticket, "customer", "Kulp kırık.\nYenisini istiyorum <lütfen>", NOON)
    says(world, ticket, "agent", "Hemen gönderiyoruz.", NOON + 3 * MINUTE, "Elif")
    says(world, ticket, "agent", "Yarın da arayacağım.", NOON + 2 * DAY)
    becomes(world, ticket, NOON + DAY)

    pass_by(world, NOON, NOON + DAY)

    letter = world.email.got[-1]
    assert letter.subject == RESOLVED
    assert "Siz · 10 Mart 2026 12:00" in letter.text
    assert "Elif · 10 Mart 2026 12:03" in letter.text
    assert "Yenisini istiyorum &lt;l&#252;tfen&gt;" in letter.html
    assert "Yarın da" not in letter.text, "it was not said yet"
    assert letter.html.count("/s/") == 6, "five answers, and the page"


def test_a_long_conversation_is_cut_at_its_beginning_and_says_so(world: ShippedWorld) -> None:
    ticket = complains(world, world.customer("Emma", language="en"))
    for number in range(60):
        says(world, ticket, "customer", f"message {number:02}", NOON + number * MINUTE)
    becomes(world, ticket, NOON + DAY)

    pass_by(world, NOON, NOON + DAY)

    text = world.email.got[-1].text
    assert "Earlier messages that are not shown here: 20" in text
    assert ("message 19" in text, "message 20" in text, "message 59" in text) == (False, True, True)


def resolved(world: ShippedWorld, score: int | None, words: str | None = None, **more: Any) -> int:
    """A complaint that was resolved a day later and, another hour later, judged."""
    customer = world.customer("Ayşe", **more)
    ticket = complains(world, customer, agent="Elif")
    becomes(world, ticket, NOON + DAY)
    pass_by(world, NOON, NOON + DAY)
    if score is not None:
        (asked,) = (row for row in world.sends() if row.template == "complaint-transcript")
        world.say(asked, "support", score, NOON + DAY + HOUR, words)
    return ticket


def test_who_is_not_content_is_read_by_the_team_and_gets_a_coupon_the_next_day(world: ShippedWorld) -> None:
    resolved(world, 1, "Üç gün sürdü")

    pass_by(world, NOON + DAY + HOUR, NOON + 10 * DAY)

    assert world.rows(tickets)[0].csat == 1
    assert len(world.rows(tickets)) == 1, "no second ticket is made of it"
    told = next(message for message in world.email.got if message.subject.startswith("Ayşe çözümden memnun kalmadı"))
    assert (told.to, told.subject) == (STAFF, "Ayşe çözümden memnun kalmadı (1/5)")
    assert "Kendi sözleriyle: Üç gün sürdü" in told.text
    gift = world.email.got[-1]
    assert gift.subject == "Gönlünüzü almak isteriz, Ayşe"
    assert world.sends()[-1].claimed_at == NOON + 2 * DAY - HOUR, "at 11:00"
    assert world.rows(coupons)[0].code in gift.text
    assert "Elif ve ekibi" in gift.text


@pytest.mark.parametrize("score", [None, 3, 5])
def test_who_is_content_or_silent_gets_none(world: ShippedWorld, score: int | None) -> None:
    resolved(world, score)

    pass_by(world, NOON + DAY + HOUR, NOON + 30 * DAY)

    assert world.rows(coupons) == []
    assert to_customers(world)[-1] == RESOLVED


def test_a_score_that_the_help_desk_asked_for_counts_too(world: ShippedWorld) -> None:
    ticket = resolved(world, None)
    world.change(tickets, "ticket", ticket, csat=2)

    pass_by(world, NOON + DAY + HOUR, NOON + 10 * DAY)

    assert len(world.rows(coupons)) == 1


def test_no_coupon_is_made_for_who_wants_no_offers(world: ShippedWorld) -> None:
    resolved(world, 1, consent=False)

    pass_by(world, NOON + DAY + HOUR, NOON + 10 * DAY)

    assert world.rows(coupons) == []
    assert len([line for line in to_staff(world) if "memnun kalmadı" in line]) == 1


def test_while_another_complaint_is_open_the_offer_waits(world: ShippedWorld) -> None:
    resolved(world, 1)
    customer = world.rows(tickets)[0].customer_id
    second = complains(world, customer, NOON + DAY + 2 * HOUR)
    pass_by(world, NOON + DAY + 2 * HOUR, NOON + 2 * DAY + 2 * HOUR)
    assert "Gönlünüzü almak isteriz, Ayşe" not in to_customers(world)
    assert to_customers(world).count("Mesajınız bize ulaştı (sipariş TR-1007)") == 2, "each ticket is cared for"

    becomes(world, second, NOON + 3 * DAY)
    pass_by(world, NOON + 3 * DAY, NOON + 6 * DAY)

    assert to_customers(world).count("Gönlünüzü almak isteriz, Ayşe") == 1
    assert to_customers(world).count(RESOLVED) == 2


def test_a_ticket_that_is_opened_again_is_told_and_its_second_end_too(world: ShippedWorld) -> None:
    ticket = resolved(world, None)
    says(world, ticket, "customer", "Yenisi de kırık!", NOON + DAY + HOUR)
    becomes(world, ticket, NOON, state="reopened", state_at=NOON + DAY + HOUR)
    becomes(world, ticket, NOON, state="resolved", state_at=NOON + 3 * DAY)

    pass_by(world, NOON + DAY + HOUR, NOON + 5 * DAY)

    assert to_customers(world)[1:] == [RESOLVED, "Kaydınızda gelişme var (sipariş TR-1007)", RESOLVED]
    *_, again, last = (message for message in world.email.got if message.to != STAFF)
    assert "Kaydınızı yeniden açtık" in again.text
    assert "Yenisi de kırık!" in last.text


def test_both_languages_and_by_sms(world: ShippedWorld) -> None:
    for language in ("tr", "en"):
        who = world.customer(language=language, email=False, sms=True, preferred_channel="sms")
        ticket = complains(world, who)
        becomes(world, ticket, NOON, answered_at=NOON + 2 * MINUTE)
        becomes(world, ticket, NOON + HOUR)

    pass_by(world, NOON, NOON + HOUR)

    texts = sorted(message.text for message in world.sms.got)
    assert [text.split(" (")[0] for text in texts] == [
        "Kaydiniz cözüldü",
        "Mesajiniz bize ulasti",
        "Mesajinizi yanitladik",
        "We have answered your message",
        "We have your message",
        "Your request is resolved",
    ]
