"""Nothing commercial goes to recipients in Türkiye whom İYS does not allow, and nothing at all where İYS is unheard."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.consent.registers import LONG_AGO, Kept
from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, email, make_plan
from vefa.channels.fakes.behaviours import Answer
from vefa.crm.tables import consents, contacts, tags
from vefa.foresight.reasons import reason_words
from vefa.plan.steps import SameDay


def address(kept: Kept, customer: int, channel: str = "email") -> str:
    (row,) = kept.rows(contacts, contacts.c.customer_id == customer, contacts.c.channel == channel)
    return str(row.address)


def due(kept: Kept, **given: Any) -> int:
    """A customer with consent of the shop's own, whose commercial message falls due at NOON."""
    customer = kept.customer(**given)
    kept.order(customer, NOON)
    return customer


def ended(kept: Kept) -> list[tuple[str, str | None]]:
    return [(row.state, row.reason) for row in kept.sends()]


@pytest.fixture(autouse=True)
def _plan(kept: Kept) -> None:
    kept.deploy(make_plan(email()))


def test_who_stands_as_approved_is_written_to(kept: Kept) -> None:
    ada = due(kept)
    kept.iys.say(address(kept, ada), "ONAY", LONG_AGO)
    kept.pull()

    kept.walk_now()

    assert ended(kept) == [("sent", None)]


def test_the_shops_own_consent_is_not_enough(kept: Kept) -> None:
    due(kept)
    kept.pull()

    kept.walk_now()

    assert ended(kept) == [("skipped", "İYS: not approved")]
    assert reason_words("İYS: not approved") == "İYS has no consent of theirs"


def test_iyss_yes_is_not_enough_for_whom_the_shop_has_a_newer_no(kept: Kept) -> None:
    ada = due(kept)
    kept.iys.say(address(kept, ada), "ONAY", LONG_AGO)
    kept.pull()
    kept.consent(ada, granted=False, at=NOON - DAY)

    kept.walk_now()

    assert ended(kept) == [("skipped", "no email consent")]


@pytest.mark.parametrize(
    ("given", "kept_by_iys"),
    [
        ({"country": "TR"}, True),
        ({"country": None}, True),
        ({"country": "DE"}, False),
        ({"country": "DE", "sms": True}, True),
    ],
    ids=["of Türkiye", "of nowhere known", "of Germany", "of Germany with a Turkish number"],
)
def test_only_recipients_in_tuerkiye_are_iyss(kept: Kept, given: dict[str, object], kept_by_iys: bool) -> None:
    due(kept, **given)
    kept.pull()

    kept.walk_now()

    assert [row.state for row in kept.sends()] == ["skipped" if kept_by_iys else "sent"]


def test_a_message_about_an_order_needs_no_iys(kept: Kept) -> None:
    kept.deploy(make_plan(email(purpose="transactional"), journey="facts"))
    due(kept)

    kept.walk_now(journey="facts")

    assert ended(kept) == [("sent", None)]


def test_a_merchant_needs_no_yes(kept: Kept) -> None:
    ada = due(kept, consent=False)
    kept.insert(tags, customer_id=ada, tag="tacir", since=LONG_AGO)
    kept.pull()

    kept.walk_now()

    assert ended(kept) == [("sent", None)]
    assert kept.iys.asked == []


@pytest.mark.parametrize("where", ["at İYS", "to the shop"])
def test_a_merchants_no_counts(kept: Kept, where: str) -> None:
    ada = due(kept, consent=False)
    kept.insert(tags, customer_id=ada, tag="tacir", since=LONG_AGO)
    if where == "at İYS":
        kept.iys.say(address(kept, ada), "RET", LONG_AGO, recipient_type="TACIR")
    else:
        kept.consent(ada, granted=False)
    kept.pull()

    kept.walk_now()

    assert [row.state for row in kept.sends()] == ["skipped"]


# --- a refusal stops the next message, wherever it stands -----------------------------------------------------------


@pytest.mark.rule(16)
def test_a_refusal_stops_what_is_queued(kept: Kept) -> None:
    ada = due(kept)
    kept.iys.say(address(kept, ada), "ONAY", LONG_AGO)
    kept.pull()
    tick = kept.begin(NOON)
    tick.enter()
    kept.iys.say(address(kept, ada), "RET", NOON)
    kept.pull()

    kept.walk(tick)

    assert [row.state for row in kept.sends()] == ["skipped"]
    assert kept.email.got == []


@pytest.mark.rule(16)
def test_a_refusal_stops_what_is_claimed_and_rendered(kept: Kept) -> None:
    ada = due(kept)
    kept.iys.say(address(kept, ada), "ONAY", LONG_AGO)
    kept.pull()

    def refuse() -> None:
        kept.iys.say(address(kept, ada), "RET", NOON)
        kept.pull()

    tick = kept.begin(NOON)
    tick.before_request = refuse
    kept.walk(tick)

    assert ended(kept) == [("skipped", "İYS: refused")]
    assert kept.email.got == []


def test_a_refusal_that_only_the_question_finds_stops_the_message(kept: Kept) -> None:
    """The change has not come down the feed yet."""
    ada = due(kept)
    kept.iys.say(address(kept, ada), "ONAY", LONG_AGO)
    kept.pull()
    kept.iys.say(address(kept, ada), "RET", NOON - MINUTE)

    kept.walk_now()

    assert ended(kept) == [("skipped", "İYS: not approved")]


def test_who_refused_and_agreed_again_is_written_to(kept: Kept) -> None:
    ada = due(kept)
    kept.iys.say(address(kept, ada), "RET", LONG_AGO)
    kept.pull()
    kept.iys.say(address(kept, ada), "ONAY", LONG_AGO + DAY)
    kept.pull()

    kept.walk_now()

    assert ended(kept) == [("sent", None)]


def test_a_refusal_told_late_still_counts(kept: Kept) -> None:
    """Said on paper before we asked, handed in to İYS after it."""
    ada = due(kept)
    kept.iys.say(address(kept, ada), "ONAY", LONG_AGO)
    kept.pull()
    kept.register.client.approved("email", "BIREYSEL", [address(kept, ada)])
    kept.iys.say(address(kept, ada), "RET", LONG_AGO + DAY, source="HS_ISLAK_IMZA")
    kept.pull()

    kept.walk_now()

    assert [row.state for row in kept.sends()] == ["skipped"]


# --- stale: nothing goes, nothing is lost ----------------------------------------------------------------------------


def test_where_iys_was_not_heard_for_a_day_nothing_goes_and_nothing_is_lost(kept: Kept) -> None:
    for _ in range(3):
        kept.iys.say(address(kept, due(kept)), "ONAY", LONG_AGO)
    kept.pull()
    kept.hands.move(24 * HOUR + MINUTE)

    report = kept.walk_now()
    again = kept.walk_now()

    assert ended(kept) == [("queued", "İYS: stale")] * 3
    assert kept.email.got == []
    assert report.steps[0].deferred == {"İYS: stale": 3}
    assert again.steps == ()

    kept.hands.move(3 * DAY)
    assert kept.walk_now().sent == 0
    kept.pull()
    kept.walk_now()
    kept.walk_now()

    assert ended(kept) == [("sent", None)] * 3
    assert len(kept.email.got) == 3


def test_those_outside_are_written_to_while_iys_is_unheard(kept: Kept) -> None:
    due(kept, country="DE")
    due(kept)

    kept.walk_now()

    assert [row.state for row in kept.sends()] == ["sent", "queued"]


def test_a_message_that_has_become_pointless_does_not_go_after_all(kept: Kept) -> None:
    kept.deploy(make_plan(replace(email(), not_after=SameDay()), journey="today"))
    due(kept)
    kept.walk_now(journey="today")
    kept.hands.move(2 * DAY)
    kept.pull()

    kept.walk_now(journey="today")

    assert ended(kept) == [("skipped", "too late")]


def test_who_has_refused_is_told_so_even_while_iys_is_unheard(kept: Kept) -> None:
    ada = due(kept)
    kept.iys.say(address(kept, ada), "RET", LONG_AGO)
    kept.pull()
    kept.consent(ada, at=LONG_AGO + DAY)
    kept.hands.move(2 * DAY)

    kept.walk_now()

    assert ended(kept) == [("skipped", "İYS: refused")]


# --- the question before a wave --------------------------------------------------------------------------------------


def test_a_wave_is_asked_about_a_thousand_at_a_time(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vefa.consent.wave.RECIPIENTS", 2)
    for _ in range(5):
        due(kept)
    kept.pull()

    kept.walk_now()

    assert [len(recipients) for recipients in kept.iys.asked] == [2, 2, 1]
    assert {row.state for row in kept.sends()} == {"skipped"}


def test_whom_the_changes_never_named_goes_by_the_question(kept: Kept) -> None:
    ada = due(kept)
    kept.pull()
    kept.iys.say(address(kept, ada), "ONAY", LONG_AGO)

    kept.walk_now()

    assert ended(kept) == [("sent", None)]


def test_who_was_asked_about_today_is_not_asked_about_again(kept: Kept) -> None:
    ada = due(kept)
    kept.iys.say(address(kept, ada), "ONAY", LONG_AGO)
    kept.pull()
    kept.walk_now()
    kept.order(ada, NOON + HOUR)
    kept.hands.move(2 * HOUR)
    kept.walk_now()
    kept.hands.move(23 * HOUR)
    kept.order(ada, NOON + 25 * HOUR)
    kept.pull()
    kept.walk_now()

    assert len(kept.email.got) == 3
    assert len(kept.iys.asked) == 2


def test_while_iys_cannot_be_asked_the_known_are_written_to_and_the_unknown_wait(kept: Kept) -> None:
    known, unknown = due(kept), due(kept)
    kept.iys.say(address(kept, known), "ONAY", LONG_AGO)
    kept.pull()
    kept.iys.say(address(kept, unknown), "ONAY", LONG_AGO)
    kept.iys.script.rule(lambda asked: Answer(500) if "/status/" in asked.path else None)

    kept.walk_now()
    assert ended(kept) == [("sent", None), ("queued", "İYS: not asked")]
    kept.iys.script.clear()
    kept.hands.move(timedelta(minutes=15))
    kept.walk_now()

    assert [row.state for row in kept.sends()] == ["sent", "sent"]
    assert len(kept.email.got) == 2


def test_with_iys_off_no_statement_asks_for_it(kept: Kept) -> None:
    kept.shop = replace(kept.shop, register=None)
    due(kept)
    said: list[str] = []
    sa.event.listen(kept.database, "before_cursor_execute", lambda *given: said.append(given[2]))

    kept.walk_now()

    assert ended(kept) == [("sent", None)]
    assert not [text for text in said if "iys_" in text]


def test_commercial_words_in_a_message_about_an_order_need_iys_too(kept: Kept) -> None:
    """What `commercial` in a template asks is: may commercial words reach them?"""
    kept.words("note", "{% if commercial %}Bunlar da var{% else %}Teşekkürler{% endif %}")
    kept.deploy(make_plan(email(purpose="transactional"), journey="facts"))
    ada, _bea = due(kept), due(kept)
    kept.iys.say(address(kept, ada), "ONAY", LONG_AGO)
    kept.pull()

    kept.walk_now(journey="facts")

    assert ["Bunlar da var" in message.html for message in kept.email.got] == [True, False]


def test_consents_are_only_ever_added(kept: Kept) -> None:
    """However much is said, no row of the log is changed or taken away."""
    changed: list[str] = []

    def watch(_c: object, _cursor: object, text: str, *_rest: object) -> None:
        if text.lower().startswith((f"update {consents.name}", f"delete from {consents.name}")):
            changed.append(text)

    sa.event.listen(kept.database, "before_cursor_execute", watch)
    ada = due(kept)
    for n, status in enumerate(("ONAY", "RET", "ONAY")):
        kept.iys.say(address(kept, ada), status, LONG_AGO + n * DAY)
        kept.pull()
    kept.walk_now()

    assert changed == []
    assert [row[2] for row in kept.log()] == [True, True, False, True]
