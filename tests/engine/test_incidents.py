"""A journey that fares badly is paused by itself, and its owner is told once; on both databases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.engine.vital_rows import report, send
from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, email, make_plan
from vefa.channels.base import Busy, Denied, Doubtful
from vefa.database import reading
from vefa.engine.incidents import Incident, look_over, note_failure, note_success, open_incidents, tell_owners
from vefa.engine.plans import journey_row
from vefa.engine.vitals import Vitals, vital_signs

PLAN = make_plan(email(), owner="Care <care@ornek.example>")


@pytest.fixture
def shop(world: World) -> World:
    world.deploy(PLAN)
    return world


def look(shop: World, at: datetime = NOON + HOUR) -> Incident | None:
    return look_over(shop.database, "thanks", at)


def signs(shop: World, at: datetime = NOON + HOUR) -> Vitals:
    with reading(shop.database) as connection:
        return vital_signs(connection, "thanks", at)


def state(shop: World) -> str:
    with reading(shop.database) as connection:
        return journey_row(connection, "thanks").state


def test_rates_are_counted_from_the_ledger_and_the_reports(shop: World) -> None:
    numbers = send(shop.database, 300)
    send(shop.database, 4, state="unknown")
    send(shop.database, 5, state="failed")
    report(shop.database, numbers[:20], "bounced")
    report(shop.database, numbers[20:22], "complained")

    found = signs(shop)

    assert (found.attempts, found.bounces, found.complaints, found.unknowns) == (309, 20, 2, 4)


def test_reports_from_before_the_message_or_long_after_are_not_put_down_to_it(shop: World) -> None:
    numbers = send(shop.database, 300)
    report(shop.database, numbers[:50], "bounced", NOON - MINUTE)
    report(shop.database, numbers[50:90], "bounced", NOON + 4 * DAY)

    assert signs(shop, NOON + 5 * DAY).bounces == 0


@pytest.mark.parametrize(
    ("reason", "count", "kind"),
    [("bounced", 15, None), ("bounced", 16, "bounces"), ("complained", 2, None), ("complained", 3, "complaints")],
)
def test_a_journey_past_a_limit_is_paused_and_one_at_it_is_not(
    shop: World, reason: str, count: int, kind: str | None
) -> None:
    report(shop.database, send(shop.database, 300)[:count], reason)

    found = look(shop)

    assert (found.kind if found else None) == kind
    assert state(shop) == ("paused" if kind else "live")


def test_messages_in_doubt_pause_a_journey(shop: World) -> None:
    send(shop.database, 397)
    send(shop.database, 3, state="unknown")

    assert look(shop) == Incident(1, "thanks", "unknowns", NOON + HOUR, 3, 400)


def test_few_messages_say_nothing_of_a_rate(shop: World) -> None:
    report(shop.database, send(shop.database, 199), "bounced")

    assert look(shop) is None


def test_messages_of_more_than_a_week_ago_are_not_counted(shop: World) -> None:
    report(shop.database, send(shop.database, 300), "bounced")

    assert look(shop, NOON + 8 * DAY) is None


def test_the_owner_is_told_once_however_often_it_is_looked_at(shop: World) -> None:
    report(shop.database, send(shop.database, 300)[:30], "bounced")

    look(shop)
    told = [tell_owners(shop.shop, NOON + HOUR), tell_owners(shop.shop, NOON + 2 * HOUR)]
    again = look(shop, NOON + 2 * HOUR)

    assert (told, again) == ([1, 0], None)
    (letter,) = shop.email.got
    assert letter.to == "care@ornek.example"
    assert "10.00 % of its messages (30 of 300) came back as undeliverable" in letter.text
    assert "vefa resume thanks" in letter.text


@pytest.mark.parametrize("answer", [Busy("429"), Denied("401")])
def test_an_owner_who_surely_heard_nothing_is_told_later(shop: World, answer: Any) -> None:
    report(shop.database, send(shop.database, 300)[:30], "bounced")
    look(shop)
    shop.email.script.append(answer)

    assert [tell_owners(shop.shop, NOON + HOUR), tell_owners(shop.shop, NOON + 2 * HOUR)] == [0, 1]


def test_an_owner_who_may_have_heard_is_not_told_again(shop: World) -> None:
    report(shop.database, send(shop.database, 300)[:30], "bounced")
    look(shop)
    shop.email.script.append(Doubtful("time-out"))
    tell_owners(shop.shop, NOON + HOUR)

    assert tell_owners(shop.shop, NOON + 2 * HOUR) == 0


def test_an_owner_without_an_address_breaks_nothing(world: World) -> None:
    world.deploy(make_plan(email(), owner="the care team"))
    report(world.database, send(world.database, 300)[:30], "bounced")

    assert look(world) is not None
    assert tell_owners(world.shop, NOON + HOUR) == 0


def test_after_resuming_counting_begins_anew(shop: World) -> None:
    report(shop.database, send(shop.database, 300)[:30], "bounced")
    look(shop)
    shop.turn("thanks", "live", NOON + 2 * HOUR)

    calm = look(shop, NOON + 3 * HOUR)
    report(shop.database, send(shop.database, 300, at=NOON + 3 * HOUR)[:30], "bounced", NOON + 4 * HOUR)
    again = look(shop, NOON + 5 * HOUR)

    assert (calm, again and again.id) == (None, 2)
    with reading(shop.database) as connection:
        assert [each.id for each in open_incidents(connection)] == [2]


def test_two_failed_runs_in_a_row_pause_a_journey(shop: World) -> None:
    first = note_failure(shop.database, "thanks", NOON)
    second = note_failure(shop.database, "thanks", NOON + MINUTE)

    assert (first, second) == (None, Incident(1, "thanks", "failed runs", NOON + MINUTE, 2, 2))
    assert state(shop) == "paused"


def test_a_good_run_between_two_failed_ones_starts_the_count_anew(shop: World) -> None:
    note_failure(shop.database, "thanks", NOON)
    note_success(shop.database, "thanks")

    assert note_failure(shop.database, "thanks", NOON + MINUTE) is None
    assert state(shop) == "live"


def test_after_resuming_it_takes_two_failures_again(shop: World) -> None:
    for minute in (0, 1):
        note_failure(shop.database, "thanks", NOON + minute * MINUTE)
    shop.turn("thanks", "live", NOON + HOUR)

    assert look(shop, NOON + HOUR) is None
    assert note_failure(shop.database, "thanks", NOON + HOUR) is None
    assert note_failure(shop.database, "thanks", NOON + 2 * HOUR) is not None


def test_a_failure_of_a_journey_that_was_never_stored_is_nobodys(world: World) -> None:
    assert note_failure(world.database, "nothing", NOON) is None
    assert look_over(world.database, "nothing", NOON) is None
