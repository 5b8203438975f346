"""One customer's story, read from the tables on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.foresight.conftest import ENTERED, NOW, Rows
from vefa.crm.identity import address_key
from vefa.crm.tables import contacts, events, suppressions
from vefa.engine.tables import considered, journeys
from vefa.errors import UserError
from vefa.foresight.persons import hidden
from vefa.foresight.reasons import reason_words, refusal_words
from vefa.foresight.why import Why, why
from vefa.ledger.tables import send_history
from vefa.rewards.tables import coupons


def read(rows: Rows, who: str = "C-1", journey: str | None = None) -> Why:
    with rows.engine.connect() as connection:
        return why(connection, who, journey)


def test_a_customer_is_found_by_number_or_address_whatever_its_case(rows: Rows) -> None:
    rows.customer()

    assert read(rows, "C-1").person == read(rows, "AYSE@ornek.example").person


def test_nobody_and_several_are_told_apart(rows: Rows) -> None:
    rows.customer("C-1")
    rows.customer("C-2")

    with pytest.raises(UserError, match="no customer"):
        read(rows, "nobody@ornek.example")
    with pytest.raises(UserError, match="C-1, C-2"):
        read(rows, "ayse@ornek.example")


def test_consents_and_suppressions_stand_with_the_person(rows: Rows) -> None:
    rows.customer(consent=False)
    key = address_key("ayse@ornek.example")
    stopped = {"channel": "email", "address_key": key, "reason": "unsubscribed", "occurred_at": NOW, "known_at": NOW}
    rows.insert(suppressions, **stopped)

    person = read(rows).person

    assert [(said.granted, said.source) for said in person.consents] == [(False, "HS_WEB")]
    assert [(stop.channel, stop.purpose, stop.reason) for stop in person.suppressions] == [
        ("email", None, "unsubscribed")
    ]
    assert person.ways[0].address == "a…@ornek.example"


def test_a_phone_number_is_shown_with_its_middle_hidden(rows: Rows) -> None:
    customer = rows.customer()
    phone = "+905321234567"
    rows.insert(contacts, customer_id=customer, channel="sms", address=phone, address_key=address_key(phone))

    assert [way.address for way in read(rows, phone).person.ways] == ["a…@ornek.example", hidden(phone)]
    assert hidden(phone) == "+9053…67"


def test_a_story_has_its_messages_and_what_delayed_them(rows: Rows) -> None:
    customer = rows.customer()
    enrolment = rows.enrolment(customer, step=rows.step("mail"), due_at=None)
    send = rows.send(enrolment, customer, state="queued", reason="quiet hours")
    rows.insert(send_history, send_id=send, at=NOW, attempt=0, what="deferred", detail="quiet hours")

    (journey,) = read(rows).journeys
    (story,) = journey.stories

    assert (story.by, story.step, story.passed) == ("an order was delivered", "mail", ("wait",))
    assert story.sendings[0].because == "it was a quiet hour on their clock"
    assert [(turn.at, turn.what) for turn in story.sendings[0].history] == [(NOW, "deferred")]


def test_a_coupon_stands_in_the_story(rows: Rows) -> None:
    customer = rows.customer()
    enrolment = rows.enrolment(customer)
    made = {"code": "HI-1", "step": rows.step("mail"), "terms": {"percent": "10"}, "made_at": NOW}
    rows.insert(coupons, enrolment_id=enrolment, customer_id=customer, **made)

    assert [gift.code for gift in read(rows).journeys[0].stories[0].gifts] == ["HI-1"]


def test_an_event_that_let_them_in_nowhere_is_told_with_its_reason(rows: Rows) -> None:
    customer = rows.customer()
    happened = {"source": "shop", "type": "order.delivered", "object_key": "1", "customer_id": customer}
    event = rows.insert(events, occurred_at=ENTERED, known_at=ENTERED, **happened)
    rows.insert(considered, journey_id=rows.number(journeys), event_id=event, outcome="audience", at=NOW)

    (journey,) = read(rows).journeys
    (refused,) = journey.refused

    assert journey.stories == ()
    assert (refused.event, refused.outcome, refused.occurred_at) == ("order.delivered", "audience", ENTERED)
    assert refused.because == "they did not belong to the audience at that moment"


def test_stories_are_told_in_the_order_they_began(rows: Rows) -> None:
    customer = rows.customer()
    rows.enrolment(customer, entry_key=2, entered_at=NOW)
    rows.enrolment(customer, entry_key=1, entered_at=NOW - timedelta(days=9), state="finished", step=None)

    assert [story.state for story in read(rows).journeys[0].stories] == ["finished", "active"]


def test_journeys_that_never_looked_are_left_out_unless_asked_for(rows: Rows) -> None:
    rows.customer()

    assert read(rows).journeys == ()
    assert [each.journey for each in read(rows, journey="thanks").journeys] == ["thanks"]
    with pytest.raises(UserError, match='Did you mean "thanks"'):
        read(rows, journey="thank")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("no sms consent", "they have not agreed to commercial SMS"),
        ("no email address", "we have no address for e-mail"),
        ("email address cannot be used: bounced", "their e-mail address cannot be used (bounced)"),
        ("suppressed: complained", "they called a message of ours spam"),
        ("cap: weekly", "they had had as many messages as the limit “weekly” allows"),
        ("expired (quiet hours)", "it could not go in time: it was a quiet hour on their clock"),
        ("left: exit: order.cancelled", "they left the journey: an order was cancelled"),
        ("exit: no longer meant", "the journey was no longer meant for them (`exit: unless`)"),
        ("the sms channel is closed", "nothing could go by SMS at that time"),
        ("some new reason", "some new reason"),
        ("", ""),
    ],
)
def test_reasons_are_told_in_words_and_new_ones_speak_for_themselves(reason: str, words: str) -> None:
    assert reason_words(reason) == words


def test_refusals_are_told_in_words() -> None:
    assert refusal_words("re-entry") == "they had been in this journey too recently (`reentry`)"
    assert refusal_words("some new outcome") == "some new outcome"
