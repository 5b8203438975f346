"""Waves that take codes of a pool: whole, and not before the pool can feed them."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest

from tests.engine.gifts import codes, fill, letters, pooled, stock, told
from tests.engine.worlds import DAY, HOUR, NOON, World, email, istanbul, make_plan, wait
from vefa.database import reading
from vefa.engine import triggers
from vefa.engine.shortages import pool_shortages, shortages
from vefa.language.conditions import Compare
from vefa.plan.steps import Split, SplitArm
from vefa.plan.ways_in import DateTrigger, EveryTrigger, SegmentTrigger

BIRTHDAY = DateTrigger("customer.birth_date", 0, time(9))


BORN = date(1990, 3, 10)


@pytest.mark.rule(18)
def test_a_wave_cut_off_while_it_enters_is_looked_at_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vefa.engine.triggers.ENTER_BATCH", 2)
    world.deploy(make_plan(pooled(), email(), trigger=BIRTHDAY), NOON - DAY)
    birthdays(world, 5)
    fill(world, 4)
    world.tick(NOON)
    fill(world, 1, first=5)
    tick = world.begin(NOON + 9 * HOUR)
    entering = triggers.enter_candidates
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(triggers, "enter_candidates", _dies_after(2, entering))
        tick.enter()
    tick.abandon()
    half = len(world.enrolments())
    world.tick(NOON + 12 * HOUR)

    assert half == 4
    assert len(codes(world)) == 5 and world.rows(pool_shortages, pool_shortages.c.kind == "wave") == []


def _dies_after(times: int, deed: Any) -> Any:
    left = [None] * times

    def do(*given: Any, **more: Any) -> Any:
        if not left:
            raise RuntimeError("the process dies here")
        left.pop()
        return deed(*given, **more)

    return do


def birthdays(world: World, count: int) -> list[int]:
    return [world.customer(f"C{number}", birth_date=BORN) for number in range(count)]


@pytest.mark.rule(18)
def test_a_wave_that_the_pool_cannot_feed_waits_whole_and_enters_once_it_can(world: World) -> None:
    world.words("note", "{{ coupon.code }}")
    world.deploy(make_plan(pooled(), email(), trigger=BIRTHDAY, owner="care@ornek.example"), NOON - DAY)
    birthdays(world, 5)
    fill(world, 3)
    world.tick(NOON)
    entered = world.enrolments()
    with reading(world.database) as connection:
        (short,) = shortages(connection)
    for hours in range(1, 30, 7):  # long after the tick has looked that far back
        world.tick(NOON + hours * HOUR)
    fill(world, 2, first=4)
    world.tick(NOON + 30 * HOUR)

    assert entered == []
    assert short.says == "thanks lets nobody in: its next wave needs 2 more codes than the pool spring has"
    assert len(letters(world)) == 2  # too few, and then few left
    assert len(world.enrolments()) == 5 and len(told(world)) == 5
    assert {row.entered_at for row in world.enrolments()} == {istanbul(date(2026, 3, 10), "9:00")}


@pytest.mark.rule(18)
@pytest.mark.parametrize("trigger", ["segment", "every"])
def test_so_do_those_of_a_segment_and_of_a_rhythm(world: World, trigger: str) -> None:
    nice = Compare("customer.city", "=", "İzmir")
    triggers = {"segment": SegmentTrigger("nice", nice), "every": EveryTrigger("0 10 * * *", None)}
    world.deploy(make_plan(pooled(), email(), trigger=triggers[trigger], audience=nice), NOON - 3 * HOUR)
    world.tick(NOON - 3 * HOUR)
    for number in range(3):
        world.customer(f"C{number}", city="İzmir")
    fill(world, 2)
    world.tick(NOON)
    before = len(world.enrolments())
    world.tick(NOON + 5 * HOUR)
    fill(world, 1, first=3)
    world.tick(NOON + 6 * HOUR)
    world.tick(NOON + 7 * HOUR)

    assert before == 0
    assert len(world.enrolments()) == len(codes(world)) == 3


@pytest.mark.rule(18)
def test_counted_are_those_whom_chance_leads_to_a_code_and_those_inside_who_wait_for_theirs(world: World) -> None:
    half = (SplitArm("with", 5_000, "rest"), SplitArm("without", 5_000, None))
    steps = (Split("split", "split", half), wait("rest", "gift", days=1), pooled())
    world.deploy(make_plan(*steps, email(), trigger=BIRTHDAY), NOON - DAY)
    world.words("note", "{{ coupon.code }}")
    birthdays(world, 20)
    fill(world, 20)
    world.tick(NOON)
    inside = sum(row.state == "active" for row in world.enrolments())
    spare = sum(stock.free for stock in stock(world)) - inside
    for number in range(40):
        world.customer(f"L{number}", birth_date=date(1990, 3, 11))
    world.tick(NOON + 21 * HOUR)  # the next morning: the others have not come to their codes before them
    with reading(world.database) as connection:
        (short,) = (each for each in shortages(connection) if each.kind == "wave")
    before = len(world.enrolments())
    fill(world, short.codes, first=21)
    world.tick(NOON + 22 * HOUR)
    later = len(world.enrolments())
    world.tick(NOON + 3 * DAY)

    assert 0 < inside < 20 == before < later == 60
    assert len(codes(world)) == 20 + short.codes  # not one too few, and none too many
    assert spare < 20


@pytest.mark.rule(18)
def test_holdouts_take_no_codes(world: World) -> None:
    world.deploy(make_plan(pooled(), email(), trigger=BIRTHDAY, holdout=9_999), NOON - DAY)
    birthdays(world, 5)
    world.tick(NOON)

    assert {row.state for row in world.enrolments()} == {"holdout"}
