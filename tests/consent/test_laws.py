"""Whatever is said, in whatever order, and whenever we read and send: nobody is written to against İYS."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.consent.registers import LONG_AGO, Kept
from tests.engine.worlds import DAY, MINUTE, email, make_plan
from vefa.channels.fakes.behaviours import Answer
from vefa.consent.answers import IysBusy, IysError
from vefa.consent.sync import sync
from vefa.consent.tables import iys_progress, iys_recipients
from vefa.crm.tables import consents
from vefa.database import writing

PEOPLE = 3
DEEDS = st.one_of(
    st.tuples(st.just("at İYS"), st.integers(1, PEOPLE), st.booleans()),
    st.tuples(st.just("to the shop"), st.integers(1, PEOPLE), st.booleans()),
    st.tuples(st.just("buys"), st.integers(1, PEOPLE), st.none()),
    st.tuples(st.just("sync"), st.none(), st.none()),
    st.tuples(st.just("sync fails"), st.integers(0, 4), st.none()),
    st.tuples(st.just("walk"), st.none(), st.none()),
    st.tuples(st.just("a day passes"), st.none(), st.none()),
)


@given(deeds=st.lists(DEEDS, max_size=30))
@example(deeds=[("sync fails", 0, None), ("sync", None, None)])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nobody_is_written_to_whom_iys_does_not_allow(
    kept: Kept, deeds: list[tuple[str, int | None, bool | None]]
) -> None:
    """At each sending İYS's own book says ONAY (it is asked before a wave), the shop's log has a yes as its newest
    word, and İYS was heard within a day."""
    _begin(kept)
    told: dict[str, bool] = {}
    for what, who, granted in deeds:
        kept.hands.move(MINUTE)
        mail = f"law-{who}@ornek.example"
        match what:
            case "at İYS":
                kept.iys.say(mail, "ONAY" if granted else "RET", kept.hands.now())
            case "to the shop":
                kept.consent(who or 0, granted=bool(granted), at=kept.hands.now())
                told[mail] = bool(granted)
            case "buys":
                kept.order(who or 0, kept.hands.now())
            case "sync":
                with suppress(IysBusy):  # after failures the calls of this hour are used up: left to the next round
                    sync(kept.database, kept.register, kept.hands.now)
            case "sync fails":
                _fail(kept, who or 0)
            case "a day passes":
                kept.hands.move(DAY)
            case "walk":
                before, heard = len(kept.email.got), _heard(kept)
                allowed = {one.recipient for one in kept.iys.known.values() if one.status == "ONAY"}
                kept.walk_now()
                sent = {message.to for message in kept.email.got[before:]}
                assert sent <= allowed
                assert all(told.get(mail, True) for mail in sent) or _said_later_at_iys(kept, sent, told)
                assert not sent or heard


@given(queued=st.integers(1, PEOPLE), days=st.integers(1, 5), times=st.integers(1, 3))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_while_iys_is_stale_nothing_goes_and_then_all_goes_once(kept: Kept, queued: int, days: int, times: int) -> None:
    _begin(kept)
    for who in range(1, PEOPLE + 1):
        kept.iys.say(f"law-{who}@ornek.example", "ONAY", LONG_AGO)
    sync(kept.database, kept.register, kept.hands.now)
    kept.hands.move(DAY + MINUTE)
    for who in range(1, queued + 1):
        kept.order(who, kept.hands.now())
    before = len(kept.email.got)

    for _ in range(times):
        kept.walk_now()
        kept.hands.move(timedelta(hours=7))
    assert len(kept.email.got) == before
    kept.hands.move(days * DAY)
    sync(kept.database, kept.register, kept.hands.now)
    for _ in range(times):
        kept.walk_now()

    assert sorted(message.to for message in kept.email.got[before:]) == [
        f"law-{who}@ornek.example" for who in range(1, queued + 1)
    ]


def _begin(kept: Kept) -> None:
    """İYS and our knowledge of it empty; the same people, plan and journey for all examples."""
    if not kept.rows(consents):
        kept.deploy(make_plan(email()))
        for who in range(1, PEOPLE + 1):
            assert kept.customer(outside_id=f"law-{who}") == who
    else:
        kept.hands.move(30 * DAY)
        kept.iys.script.clear()
        kept.walk_now()
    kept.iys.known.clear()
    kept.iys.changes.clear()
    with writing(kept.database) as connection:
        connection.execute(iys_recipients.delete())
        connection.execute(iys_progress.delete().where(iys_progress.c.name != "token"))
    for who in range(1, PEOPLE + 1):
        kept.consent(who, at=kept.hands.now())
    kept.hands.move(MINUTE)


def _fail(kept: Kept, good: int) -> None:
    kept.iys.script.queue(*[None] * good, Answer(500, b"{}"))
    try:
        sync(kept.database, kept.register, kept.hands.now)
    except IysError:
        return
    finally:
        kept.iys.script.clear()


def _heard(kept: Kept) -> bool:
    rows = kept.rows(iys_progress, iys_progress.c.name.like("changes%"))
    return len(rows) == 2 and all(row.at and row.at > kept.hands.now() - DAY for row in rows)


def _said_later_at_iys(kept: Kept, sent: set[str], told: dict[str, bool]) -> bool:
    """A no to the shop ends with a later yes, wherever that is said."""
    newest = {row.customer_id: row.granted for row in sorted(kept.rows(consents), key=lambda row: row.occurred_at)}
    return all(newest[int(mail.partition("-")[2].partition("@")[0])] for mail in sent)
