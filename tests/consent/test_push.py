"""What was said to the shop reaches İYS: each word, within its days, however often somebody dies on the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.consent.registers import LONG_AGO, Kept
from tests.engine.worlds import DAY, HOUR, NOON, email, make_plan
from vefa.channels.fakes.behaviours import Answer, Drop
from vefa.consent.answers import IysUnreachable
from vefa.consent.sync import sync
from vefa.consent.tables import iys_pushes
from vefa.crm.identity import address_key
from vefa.crm.tables import contacts, tags
from vefa.database import writing


def address(kept: Kept, customer: int, channel: str = "email") -> str:
    (row,) = kept.rows(contacts, contacts.c.customer_id == customer, contacts.c.channel == channel)
    return str(row.address)


def rounds(kept: Kept, n: int = 1) -> Any:
    found = None
    for _ in range(n):
        found = sync(kept.database, kept.register, kept.hands.now)
        kept.hands.move(timedelta(minutes=15))
    return found


def pushes(kept: Kept) -> list[tuple[str, str | None]]:
    return [(row.state, row.problem) for row in kept.rows(iys_pushes)]


def test_a_yes_to_the_shop_reaches_iys_and_opens_the_gate(kept: Kept) -> None:
    kept.deploy(make_plan(email()))
    ada = kept.customer(consent=False)
    kept.consent(ada, at=NOON - HOUR)
    rounds(kept)
    kept.order(ada, kept.hands.now())

    kept.walk_now()

    assert kept.iys.status_of(address(kept, ada)) == "ONAY"
    assert kept.iys.handed_in == [
        [
            {
                "type": "EPOSTA",
                "recipient": address(kept, ada),
                "recipientType": "BIREYSEL",
                "status": "ONAY",
                "consentDate": "2026-03-10 11:00:00",
                "source": "HS_WEB",
            }
        ]
    ]
    assert pushes(kept) == [("done", None)]
    assert len(kept.email.got) == 1


def test_words_of_both_channels_and_of_merchants_go_as_what_they_are(kept: Kept) -> None:
    ada = kept.customer(consent=False, sms=True)
    kept.insert(tags, customer_id=ada, tag="tacir", since=LONG_AGO)
    kept.consent(ada, at=NOON - HOUR)
    kept.consent(ada, at=NOON - HOUR, channel="sms")

    rounds(kept)

    assert {(key[0], key[2]) for key in kept.iys.known} == {("EPOSTA", "TACIR"), ("MESAJ", "TACIR")}


def test_a_no_follows_the_yes_even_in_one_breath(kept: Kept) -> None:
    kept.iys.waits = 3
    ada = kept.customer(consent=False)
    kept.consent(ada, at=NOON - HOUR)
    rounds(kept)
    kept.consent(ada, granted=False, at=NOON)
    rounds(kept, 6)

    assert kept.iys.status_of(address(kept, ada)) == "RET"
    assert pushes(kept) == [("done", None), ("done", None)]
    assert kept.stands("email", address(kept, ada)) == "RET"


def test_a_no_to_what_iys_never_knew_needs_nothing(kept: Kept) -> None:
    ada = kept.customer(consent=False)
    kept.consent(ada, granted=False, at=NOON - HOUR)

    rounds(kept, 2)

    assert pushes(kept) == [("needless", "first")]


def test_a_no_that_overtook_its_yes_at_iys_goes_again(kept: Kept) -> None:
    """İYS refused the no as the first word, and then took the yes that it had got before."""
    ada = kept.customer(consent=False)
    kept.consent(ada, granted=False, at=NOON - HOUR)
    rounds(kept)
    kept.iys.say(address(kept, ada), "ONAY", NOON - 2 * HOUR, source="HS_WEB")

    rounds(kept)

    assert kept.iys.status_of(address(kept, ada)) == "RET"


def test_only_the_newest_word_of_an_address_goes(kept: Kept) -> None:
    ada = kept.customer(consent=False)
    kept.iys.say(address(kept, ada), "ONAY", LONG_AGO)
    for n, granted in enumerate((False, True, False)):
        kept.consent(ada, granted=granted, at=NOON - HOUR + timedelta(minutes=n))

    rounds(kept)

    assert [[row["status"] for row in rows] for rows in kept.iys.handed_in] == [["RET"]]
    assert pushes(kept) == [("needless", "overtaken"), ("needless", "overtaken"), ("done", None)]


def test_what_iys_has_is_not_brought_there(kept: Kept) -> None:
    ada, bea = kept.customer(), kept.customer(country="DE")
    kept.iys.say(address(kept, ada), "ONAY", LONG_AGO)
    kept.consent(bea, at=NOON - HOUR)
    kept.consent(ada, at=LONG_AGO)

    rounds(kept)

    assert kept.iys.handed_in == []
    assert pushes(kept) == []


def test_a_yes_that_is_too_old_for_iys_is_kept_for_a_person(kept: Kept) -> None:
    ada = kept.customer()

    rounds(kept)
    assert pushes(kept) == [("late", None)]
    assert kept.iys.handed_in == []
    kept.iys.say(address(kept, ada), "ONAY", NOON, source="HS_WEB")
    rounds(kept)

    assert pushes(kept) == [("done", None)]


def test_a_no_goes_however_old(kept: Kept) -> None:
    ada = kept.customer(consent=False)
    kept.iys.say(address(kept, ada), "ONAY", LONG_AGO)
    kept.consent(ada, granted=False, at=LONG_AGO + DAY)

    rounds(kept)

    assert kept.iys.status_of(address(kept, ada)) == "RET"


def test_a_yes_that_waited_too_long_for_iys_is_kept_for_a_person(kept: Kept) -> None:
    ada = kept.customer(consent=False)
    kept.consent(ada, at=NOON - HOUR)
    rounds(kept)
    kept.consent(ada, granted=False, at=NOON)
    kept.consent(ada, at=NOON + HOUR)
    kept.iys.script.rule(lambda asked: Answer(503) if asked.path.endswith("/request") else None)
    kept.hands.move(2 * HOUR)
    with pytest.raises(IysUnreachable):
        rounds(kept)
    kept.iys.script.clear()
    kept.hands.move(10 * DAY)

    rounds(kept)

    assert pushes(kept)[-1] == ("late", None)


def test_the_source_is_one_that_iys_knows(kept: Kept) -> None:
    settings = kept.register.settings.model_copy(update={"sources": {"test": "HS_CAGRI_MERKEZI"}})
    object.__setattr__(kept.register, "settings", settings)
    ada = kept.customer(consent=False)
    kept.consent(ada, at=NOON - HOUR)

    rounds(kept)

    assert kept.iys.handed_in[0][0]["source"] == "HS_CAGRI_MERKEZI"


def test_what_iys_refuses_is_kept_with_its_code(kept: Kept) -> None:
    ada = kept.customer(consent=False)
    with writing(kept.database) as connection:
        broken = {"address": "ş@ornek.example", "address_key": address_key("ş@ornek.example")}
        connection.execute(sa.update(contacts).where(contacts.c.customer_id == ada).values(broken))
    kept.consent(ada, at=NOON - HOUR)

    assert rounds(kept).refused == 1
    assert pushes(kept) == [("refused", "H122")]


def test_an_address_that_is_gone_needs_no_word(kept: Kept) -> None:
    ada = kept.customer(consent=False)
    kept.consent(ada, at=NOON - HOUR)
    kept.iys.script.rule(lambda asked: Answer(503) if asked.path.endswith("/request") else None)
    with pytest.raises(IysUnreachable):
        rounds(kept)
    kept.iys.script.clear()
    with writing(kept.database) as connection:
        moved = {"address": "yeni@ornek.example", "address_key": address_key("yeni@ornek.example")}
        connection.execute(sa.update(contacts).where(contacts.c.customer_id == ada).values(moved))

    rounds(kept)

    assert pushes(kept) == [("needless", "address gone")]


# --- nobody's death loses a word -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "behaviour",
    [Drop(keeps=True), Drop(keeps=False), Answer(500, keeps=True), Answer(500), Answer(503), Answer(200, b"?")],
    ids=["taken, cut", "cut", "taken, 500", "500", "503", "odd"],
)
def test_without_an_answer_the_word_goes_again_and_twice_does_no_harm(kept: Kept, behaviour: Answer | Drop) -> None:
    ada = kept.customer(consent=False)
    kept.consent(ada, at=NOON - HOUR)
    first = iter([behaviour])
    kept.iys.script.rule(lambda asked: next(first, None) if asked.path.endswith("/request") else None)

    with pytest.raises(IysUnreachable):
        rounds(kept)
    rounds(kept, 2)

    assert kept.iys.status_of(address(kept, ada)) == "ONAY"
    assert pushes(kept) == [("done", None)]
    assert [row[2] for row in kept.log()] == [True]


@pytest.mark.parametrize("crash", ["before the number is kept", "before the outcome is kept"])
def test_who_dies_between_question_and_answer_loses_nothing(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, crash: str
) -> None:
    name = {"before the number is kept": "_note_handed_in", "before the outcome is kept": "_note_outcomes"}[crash]
    ada = kept.customer(consent=False)
    kept.consent(ada, at=NOON - HOUR)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(f"vefa.consent.push.{name}", die)
        rounds(kept)
    rounds(kept, 2)

    assert kept.iys.status_of(address(kept, ada)) == "ONAY"
    assert pushes(kept) == [("done", None)]


def test_a_request_that_iys_has_forgotten_goes_again(kept: Kept) -> None:
    kept.iys.waits = 1
    ada = kept.customer(consent=False)
    kept.consent(ada, at=NOON - HOUR)
    rounds(kept)
    kept.iys._requests.clear()
    kept.iys.known.clear()
    kept.iys.waits = 0

    rounds(kept, 2)

    assert kept.iys.status_of(address(kept, ada)) == "ONAY"
    assert pushes(kept) == [("done", None)]


def test_ten_thousand_go_at_a_time(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vefa.consent.push.ROWS", 2)
    for _ in range(5):
        kept.consent(kept.customer(consent=False), at=NOON - HOUR)

    rounds(kept)

    assert [len(rows) for rows in kept.iys.handed_in] == [2, 2, 1]
    assert pushes(kept) == [("done", None)] * 5
