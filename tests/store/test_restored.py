"""A store that came out of a backup: what went since then does not go again, and everybody goes on."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, email, make_plan, wait
from tests.store.backups import Backup, backup
from vefa.channels.base import Busy
from vefa.clock import stopped_at
from vefa.engine.restoring import LEAP, Restored, close_gap
from vefa.errors import UserError
from vefa.language.conditions import Compare
from vefa.ledger.write_offs import REASON
from vefa.plan.plans import Plan
from vefa.plan.steps import Enter
from vefa.plan.ways_in import EnteredTrigger, SegmentTrigger
from vefa.settings import Settings, Shop

__all__ = ["backup"]  # a fixture

VIP = SegmentTrigger("vip", Compare("orders.count", ">=", 1))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"shop": Shop(locales=("tr",))})


@pytest.fixture
def world(engine: sa.Engine, settings: Settings) -> World:
    return World(engine, settings)


def thanks(**more: Any) -> Plan:
    """An e-mail a day after the order, another two days later."""
    rest, pause = wait("rest", "hello", days=1), wait("pause", "more", days=2)
    return make_plan(rest, email("hello", "pause"), pause, email("more"), **more)


def close(world: World, now: datetime, since: datetime = NOON) -> dict[str, Restored]:
    found = close_gap(world.shop, since, now=now, owner="test", wall=stopped_at(now))
    return {each.journey: each for each in found}


def letters(*worlds: World) -> Counter[tuple[str, str]]:
    """Which words the provider got for whom, and how often."""
    return Counter((letter.to, letter.step) for world in worlds for letter in world.email.got)


def states(world: World) -> list[tuple[str, str | None]]:
    return [(row.state, row.reason) for row in world.sends()]


@pytest.mark.rule(14)
def test_what_went_between_a_backup_and_its_restore_does_not_go_again_and_all_go_on(
    world: World, backup: Backup, settings: Settings
) -> None:
    """Ada stood at a wait, Bela's message was put off, Cem and his order came after the backup."""
    world.deploy(thanks(), NOON - 9 * DAY)
    world.order(world.customer("Bela"), NOON - 25 * HOUR)
    world.order(world.customer("Ada"), NOON - 22 * HOUR)
    world.email.script.append(Busy("too many requests", 30.0))
    world.tick(NOON - HOUR)
    world.email.got.clear()  # it was not taken
    restore = backup(world.database)
    world.order(world.customer("Cem", outside_id="Cem"), NOON + 5 * HOUR, outside_id="cems")
    for hours in range(4, 60, 4):
        world.tick(NOON + hours * HOUR)

    found = World(engine := restore(), settings)
    cem = found.customer("Cem", outside_id="Cem")
    found.order(cem, NOON + 5 * HOUR, known=NOON + 60 * HOUR, outside_id="cems")
    told = close(found, NOON + 60 * HOUR)
    nothing = list(found.email.got)
    for hours in range(61, 120, 4):
        found.tick(NOON + hours * HOUR)
    ends = [row.state for row in found.enrolments()]
    engine.dispose()

    assert nothing == []
    assert told == {"thanks": Restored("thanks", entered=1, written_off=5)}
    assert set(letters(world, found).values()) == {1}
    assert len(letters(world, found)) == 6
    assert ends == ["finished"] * 3


def test_without_it_they_would_go_twice(world: World, backup: Backup, settings: Settings) -> None:
    """The danger is real."""
    world.deploy(thanks(), NOON - 9 * DAY)
    world.order(world.customer("Ada"), NOON - 22 * HOUR)
    world.tick(NOON - HOUR)
    restore = backup(world.database)
    world.tick(NOON + 3 * HOUR)

    found = World(engine := restore(), settings)
    found.tick(NOON + 4 * HOUR)
    engine.dispose()

    assert set(letters(world, found).values()) == {2}


def test_a_written_off_message_says_why(world: World) -> None:
    world.deploy(thanks(), NOON - 9 * DAY)
    world.order(world.customer(), NOON - 22 * HOUR)
    world.tick(NOON - HOUR)

    close(world, NOON + 3 * HOUR)

    assert states(world) == [("skipped", REASON)]
    assert world.place() == "pause"


@pytest.mark.rule(14)
def test_a_transactional_message_of_the_last_day_goes_again_an_older_one_does_not(world: World) -> None:
    facts = make_plan(email(purpose="transactional"), purpose="transactional")
    world.deploy(facts, NOON - 9 * DAY)
    early, late = world.customer("Early"), world.customer("Late")
    world.order(early, NOON + HOUR)
    world.order(late, NOON + 30 * HOUR)

    told = close(world, NOON + 31 * HOUR)
    world.tick(NOON + 31 * HOUR + MINUTE)

    assert told == {"thanks": Restored("thanks", entered=2, written_off=1, goes_again=1)}
    assert sorted(states(world)) == [("sent", None), ("skipped", REASON)]


def test_a_message_that_was_put_off_until_later_still_goes(world: World) -> None:
    world.deploy(make_plan(email()), NOON - 9 * DAY)
    world.order(world.customer(), NOON - 2 * HOUR)
    world.email.script.append(Busy("too many requests", 3600.0 * 5))
    world.tick(NOON - HOUR)

    close(world, NOON + 2 * HOUR)
    world.tick(NOON + 5 * HOUR)

    assert states(world) == [("sent", None)]


def test_who_came_into_a_segment_since_the_backup_is_only_remembered(world: World) -> None:
    world.deploy(make_plan(wait("rest", "hello", days=9), email(), trigger=VIP), NOON - 9 * DAY)
    world.tick(NOON - HOUR)
    world.order(world.customer("Since"), NOON + HOUR)
    close(world, NOON + 2 * HOUR)
    world.order(world.customer("Later"), NOON + 4 * HOUR)

    told = [world.tick(NOON + hours * HOUR).entered for hours in (3, 5, 6)]

    assert told == [0, 1, 0]


def test_an_event_from_before_the_restore_that_is_learned_later_enters_nobody(world: World) -> None:
    world.deploy(make_plan(email()), NOON - 9 * DAY)
    close(world, NOON + 2 * HOUR)
    world.order(world.customer(), NOON + HOUR, known=NOON + 3 * HOUR)

    assert world.tick(NOON + 4 * HOUR).refused == {"before it was live": 1}


def test_whom_one_journey_hands_to_another_is_followed_there(world: World) -> None:
    world.deploy(make_plan(email(key="offer"), journey="after", trigger=EnteredTrigger()), NOON - 9 * DAY)
    world.deploy(make_plan(Enter("on", "on", None, "after", leave=True)), NOON - 9 * DAY)
    world.order(world.customer(), NOON + HOUR)

    told = close(world, NOON + 2 * HOUR)
    for journey in ("thanks", "after"):
        world.tick(NOON + 3 * HOUR, journey)

    assert told["after"].written_off == 1
    assert world.email.got == []
    assert world.enrolment("after").state == "finished"


def test_it_may_be_repeated(world: World) -> None:
    world.deploy(thanks(), NOON - 9 * DAY)
    world.order(world.customer(), NOON - 22 * HOUR)
    world.tick(NOON - HOUR)

    first, second = (close(world, NOON + 3 * HOUR)["thanks"] for _ in range(2))

    assert (first.written_off, second.written_off) == (1, 0)
    assert world.place() == "pause"


def test_a_journey_that_was_paused_is_left_alone(world: World) -> None:
    world.deploy(make_plan(email()), NOON - 9 * DAY)
    world.turn("thanks", "paused", NOON - DAY)

    assert close(world, NOON + HOUR) == {}


def test_numbers_that_went_over_the_wire_since_the_backup_are_never_given_again(world: World) -> None:
    """Reports of the provider's about them come late, and coupon codes are made of them."""
    world.deploy(thanks(), NOON - 9 * DAY)
    world.order(world.customer(), NOON - 26 * HOUR)
    world.order(world.customer(), NOON - 22 * HOUR)
    world.tick(NOON - HOUR)

    close(world, NOON + 3 * HOUR)
    world.order(world.customer(), NOON + 4 * HOUR)
    world.tick(NOON + 30 * HOUR)

    newest = (world.enrolments()[-1], world.sends()[-1])
    assert all(row.id > LEAP for row in newest)
    assert newest[1].state == "sent"
    assert len(world.sends()) == 3


@pytest.mark.parametrize(
    ("since", "says"),
    [(NOON - 2 * HOUR, "it is not that backup, or the journeys have run since"), (NOON + 9 * DAY, "in the past")],
)
def test_a_store_that_has_run_since_is_refused(world: World, since: datetime, says: str) -> None:
    world.deploy(make_plan(email()), NOON - 9 * DAY)
    world.order(world.customer(), NOON - 2 * HOUR)
    world.tick(NOON - HOUR)

    with pytest.raises(UserError, match=says):
        close(world, NOON + HOUR, since)
