"""The medium of a message that leaves it to the customer: their wish, else what they answer to."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.engine.worlds import DAY, HOUR, NOON, World, email, make_plan
from vefa.crm.answers import channel_answers
from vefa.crm.tracking import refuse
from vefa.database import reading, writing
from vefa.engine.answers import Learned, Usual, learn_channels
from vefa.engine.holdings import HOLDINGS
from vefa.foresight.why import why
from vefa.ledger.tables import sends

TONIGHT = NOON + 100 * DAY


def had(world: World, customer: int, medium: str, count: int, answered: int, *, at: datetime = NOON) -> None:
    """So many messages of the past, and so many answers, one a week."""
    world.deploy(make_plan(email()), at)
    (enrolment,) = [row.id for row in world.enrolments() if row.customer_id == customer] or [entered(world, customer)]
    before = len(world.rows(sends))
    for n in range(count):
        moment = at + 7 * n * DAY
        row = {"enrolment_id": enrolment, "step": 10_000 + before + n, "journey_id": 1, "plan_id": 1}
        row |= {"template": "note", "customer_id": customer, "purpose": "commercial", "medium": medium}
        row |= {"state": "sent", "due_at": moment, "not_before": moment, "claimed_at": moment, "settled_at": moment}
        send = world.insert(sends, **row)
        if n < answered and medium == "email":
            world.happen("email.clicked", customer, moment + HOUR, object_kind="send", object_id=send)
        elif n < answered:
            world.happen("sms.received", customer, moment + HOUR, data={"means": None})


def entered(world: World, customer: int) -> int:
    from vefa.engine.tables import enrolments

    moments = {"entered_at": NOON, "enrolled_at": NOON, "arrived_at": NOON}
    return world.insert(
        enrolments, journey_id=1, customer_id=customer, entry_key=0, plan_id=1, state="finished", **moments
    )


def learned(world: World) -> dict[int, str]:
    learn_channels(world.database, TONIGHT)
    return {row.customer_id: row.channel for row in world.rows(channel_answers)}


def both(world: World, name: str = "Ada", **more: Any) -> int:
    return world.customer(name, sms=True, **more)


@pytest.mark.parametrize(
    ("emails", "sms", "channel"),
    [
        ((9, 4), (6, 0), "email"),
        ((9, 0), (6, 2), "sms"),
        ((9, 1), (6, 3), "sms"),
        ((9, 0), (6, 0), None),  # who answers nothing says nothing
        ((2, 2), (2, 0), None),  # too few in all
        ((2, 2), (9, 0), None),  # too few by the one that would win
        ((5, 1), (0, 0), "email"),
    ],
)
def test_the_medium_that_they_answer_rather_is_learned_where_there_is_evidence(
    world: World, emails: tuple[int, int], sms: tuple[int, int], channel: str | None
) -> None:
    ada = both(world)
    had(world, ada, "email", *emails)
    had(world, ada, "sms", *sms)

    assert learned(world).get(ada) == channel


def test_a_rate_of_few_is_drawn_towards_what_is_usual(world: World) -> None:
    """Three of three e-mails of somebody weigh less where hardly anybody clicks."""
    ada, others = both(world), both(world, "Others")
    had(world, ada, "email", 3, 1)
    had(world, ada, "sms", 3, 1)
    had(world, others, "email", 12, 0)
    had(world, others, "sms", 5, 5)

    assert learned(world) == {ada: "sms", others: "sms"}
    assert learn_channels(world.database, TONIGHT) == Learned(0, 2, Usual(1 / 15, 6 / 8))


def test_a_stop_and_what_is_long_ago_are_no_answers(world: World) -> None:
    ada, old = both(world), both(world, "Old")
    had(world, ada, "sms", 6, 0)
    world.happen("sms.received", ada, NOON + HOUR, data={"means": "stop"})
    had(world, old, "sms", 6, 6, at=NOON - 400 * DAY)

    assert learned(world) == {}


def test_nothing_is_learned_of_who_refuses_tracking(world: World) -> None:
    ada = both(world)
    had(world, ada, "email", 6, 6)
    with writing(world.database) as connection:
        refuse(connection, ada, NOON)

    assert learned(world) == {}


def send_now(world: World, *customers: int, at: datetime = TONIGHT + DAY) -> None:
    world.deploy(make_plan(email("news", medium=None, subject={"tr": "Merhaba"}), journey="news"), at)
    for customer in customers:
        world.order(customer, at)
    world.tick(at, "news")


def story(world: World, customer: int) -> list[tuple[str, str]]:
    (who,) = (row.outside_id for row in world.rows(tables().customers) if row.id == customer)
    with reading(world.database) as connection:
        (journey,) = why(connection, who, "news").journeys
    return [(turn.what, turn.because) for turn in journey.stories[0].sendings[0].history]


def tables() -> Any:
    from vefa.crm import tables

    return tables


def test_a_message_goes_by_what_they_answer_to_and_why_tells_it(world: World) -> None:
    ada, bob, eve = both(world), both(world, "Bob"), both(world, "Eve")
    had(world, ada, "email", 9, 4)
    had(world, ada, "sms", 6, 0)
    had(world, bob, "sms", 6, 5)
    learn_channels(world.database, TONIGHT)

    send_now(world, ada, bob, eve)

    assert [to.partition("-")[0] for to in world.email.addresses] == ["Ada", "Eve"]
    assert len(world.sms.got) == 1
    assert story(world, ada) == [("by email", "they clicked 4 of 9 e-mails, and answered 0 of 6 SMS")]
    assert story(world, bob) == [("by sms", "they clicked 0 of 0 e-mails, and answered 5 of 6 SMS")]
    assert story(world, eve) == []


def test_a_wish_goes_before_what_was_learned(world: World) -> None:
    ada, bob = both(world, preferred_channel="sms"), both(world, "Bob", preferred_channel="email")
    had(world, ada, "email", 9, 9)
    had(world, bob, "sms", 9, 9)
    learn_channels(world.database, TONIGHT)

    send_now(world, ada, bob)

    assert [to.partition("-")[0] for to in world.email.addresses] == ["Bob"]
    assert len(world.sms.got) == 1
    assert story(world, ada) == story(world, bob) == []


def test_the_other_medium_takes_over_where_consent_or_address_is_missing(world: World) -> None:
    ada = both(world, consent=False)
    world.consent(ada, channel="email")
    had(world, ada, "sms", 6, 3)
    bob = world.customer("Bob", email=False, sms=True)
    learn_channels(world.database, TONIGHT)

    send_now(world, ada, bob)

    assert [to.partition("-")[0] for to in world.email.addresses] == ["Ada"]
    assert story(world, ada) == [("by email instead", "they have not agreed to commercial SMS")]
    assert story(world, bob) == [("by sms instead", "we have no address for e-mail")]


def test_what_was_learned_later_serves_no_earlier_moment(world: World) -> None:
    """So a replay finds what was there (rule 24)."""
    ada = both(world)
    had(world, ada, "sms", 6, 3)
    learn_channels(world.database, TONIGHT)

    send_now(world, ada, at=TONIGHT - DAY)

    assert len(world.email.got) == 1


def test_it_is_forgotten_with_them_and_told_on_their_page() -> None:
    (holding,) = (each for each in HOLDINGS if each.table is channel_answers)

    assert (holding.fate, "emails_answered" in holding.told) == ("removed", True)
