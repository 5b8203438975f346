"""Each way in which asking İYS can end."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from tests.consent.registers import LONG_AGO, SECRET, Hands, Kept
from tests.engine.worlds import NOON
from vefa.channels.fakes.behaviours import Answer, Drop, Hang
from vefa.channels.fakes.iys import FakeIys
from vefa.consent.answers import IysBusy, IysDenied, IysRefused, IysUnreachable, Page
from vefa.consent.register import open_register
from vefa.consent.tables import iys_progress
from vefa.consent.words import Word
from vefa.errors import SettingsError
from vefa.settings import Settings

MAIL = "ada@ornek.example"


def test_all_workers_share_one_token(kept: Kept, settings: Settings, iys: FakeIys, hands: Hands) -> None:
    second = open_register(settings, kept.database, SECRET, wall=hands.now, pause=hands.wait)
    assert second is not None

    kept.register.client.changes("IYS", None)
    second.client.changes("HS", None)
    second.close()

    assert iys.logins == 1


def test_the_token_in_the_database_opens_nothing_without_the_secret(kept: Kept) -> None:
    kept.register.client.changes("IYS", None)

    (row,) = kept.rows(iys_progress, iys_progress.c.name == "token")

    assert "token-1" not in row.mark


def test_a_token_that_ends_is_renewed_by_its_refresh_token(kept: Kept, iys: FakeIys, hands: Hands) -> None:
    kept.register.client.changes("IYS", None)
    hands.move(timedelta(minutes=59))
    kept.register.client.changes("IYS", None)

    assert iys.logins == 2


def test_a_token_that_ends_before_its_time_is_fetched_anew(kept: Kept, iys: FakeIys, hands: Hands) -> None:
    kept.register.client.changes("IYS", None)
    iys.expire_tokens()
    hands.move(timedelta(minutes=10))

    kept.register.client.changes("IYS", None)

    assert iys.logins == 2


def test_a_wrong_password_is_said_in_words_that_hold_none(
    settings: Settings, engine: sa.Engine, iys: FakeIys, hands: Hands
) -> None:
    iys.login = ("api-user", "another")
    register = open_register(settings, engine, SECRET, wall=hands.now, pause=hands.wait)
    assert register is not None

    with pytest.raises(IysDenied, match="VEFA_IYS_USER") as error:
        register.client.changes("IYS", None)
    register.close()

    assert "made-up" not in str(error.value)


def test_without_a_password_nothing_begins(settings: Settings, engine: sa.Engine) -> None:
    with pytest.raises(SettingsError, match="VEFA_IYS_USER is not set"):
        open_register(settings.model_copy(update={"iys_user": ""}), engine, SECRET)


@pytest.mark.parametrize(
    "behaviour",
    [
        Answer(500, b"{}"),
        Answer(502, b"<html>"),
        Answer(200, b"not json"),
        Drop(),
        Drop(before_reading=True),
        Answer(200, b'{"list": [{"type": "EPOSTA", "status": "PERHAPS", "recipient": "a@b.com"}]}'),
        Answer(200, b'{"list": [{"type": "EPOSTA", "status": "ONAY"}]}'),
        Answer(200, b"[1, 2]"),
    ],
    ids=["500", "502", "no json", "cut", "cut early", "odd status", "no recipient", "odd"],
)
def test_an_answer_that_says_nothing_is_none(kept: Kept, iys: FakeIys, behaviour: Answer | Drop) -> None:
    kept.register.client.changes("IYS", None)
    iys.script.queue(behaviour)

    with pytest.raises(IysUnreachable):
        kept.register.client.changes("IYS", None)

    assert kept.register.client.changes("IYS", None) == Page((), None, 0)


def test_who_keeps_silent_is_not_waited_for(settings: Settings, engine: sa.Engine, iys: FakeIys, hands: Hands) -> None:
    hasty = settings.model_copy(update={"provider_timeout_seconds": 1.0})
    register = open_register(hasty, engine, SECRET, wall=hands.now, pause=hands.wait)
    assert register is not None
    register.client.changes("IYS", None)
    iys.script.queue(Hang(10))

    with pytest.raises(IysUnreachable, match="ReadTimeout"):
        register.client.changes("IYS", None)
    register.close()


def test_after_too_many_requests_nobody_asks_until_the_time_named(kept: Kept, iys: FakeIys, hands: Hands) -> None:
    kept.register.client.approved("email", "BIREYSEL", [MAIL])
    hands.move(timedelta(minutes=1))
    iys.script.queue(Answer(429, b'{"code": "H124"}', {"Retry-After": "30"}))

    with pytest.raises(IysBusy):
        kept.register.client.approved("email", "BIREYSEL", [MAIL])
    asked, before = iys.requests, hands.now()
    kept.register.client.approved("email", "BIREYSEL", [MAIL])

    assert iys.requests == asked + 1
    assert hands.now() - before >= timedelta(seconds=30)


def test_limits_of_iys_are_kept_by_waiting(kept: Kept, iys: FakeIys) -> None:
    """The stand-in refuses the eleventh question in a minute; none is refused."""
    for _ in range(25):
        kept.register.client.approved("email", "BIREYSEL", [MAIL])

    assert len(iys.asked) == 25


def test_what_iys_finds_wrong_is_told_by_its_code_alone(kept: Kept, iys: FakeIys) -> None:
    kept.register.client.changes("IYS", None)
    iys.script.queue(Answer(422, b'{"code": "H127", "message": "ada@ornek.example"}'))

    with pytest.raises(IysRefused) as error:
        kept.register.client.approved("email", "BIREYSEL", [MAIL])

    assert error.value.code == "H127"
    assert "ada" not in str(error.value)


def test_words_are_handed_in_and_asked_after(kept: Kept, iys: FakeIys) -> None:
    iys.waits = 1
    words = [
        Word("email", MAIL, "BIREYSEL", True, LONG_AGO, "HS_WEB"),
        Word("sms", "+905320000001", "BIREYSEL", False, LONG_AGO, "HS_WEB"),
    ]

    number = kept.register.client.hand_in(words)
    first, then = kept.register.client.outcomes(number), kept.register.client.outcomes(number)

    assert first == ()
    assert [(one.place, one.done, one.code) for one in then] == [(0, True, None), (1, False, "H175")]
    assert iys.known["EPOSTA", MAIL, "BIREYSEL"].said_at == "2025-11-30 12:00:00"
    assert iys.status_of("+905320000001") is None


def test_those_who_stand_as_approved_are_told(kept: Kept, iys: FakeIys) -> None:
    iys.say(MAIL, "ONAY", LONG_AGO)
    iys.say("b@ornek.example", "ONAY", LONG_AGO)
    iys.say("b@ornek.example", "RET", NOON)

    found = kept.register.client.approved("email", "BIREYSEL", [MAIL, "b@ornek.example", "c@ornek.example"])

    assert found == {MAIL}
