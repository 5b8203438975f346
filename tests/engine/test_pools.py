"""Codes that the checkout has made: each given once, to whoever came first, and nobody is written to without one."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.gifts import codes, fill, gift, letters, pooled, stock, told
from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, email, here, istanbul, make_plan, wait
from vefa.clock import stopped_at
from vefa.crm.tables import returns
from vefa.database import reading, writing
from vefa.engine.restoring import close_gap
from vefa.engine.shortages import pool_shortages, shortages
from vefa.engine.tick import Tick
from vefa.engine.walks import run_narrow
from vefa.foresight.status import status
from vefa.language.conditions import Duration
from vefa.plan.plans import Exits
from vefa.rewards.coupons import give_from_pool
from vefa.rewards.pools import bring_in, free, take
from vefa.rewards.tables import coupons


@pytest.fixture
def giving(world: World) -> World:
    """A journey that gives a code of the pool with each order, and tells it."""
    world.words("note", "{{ coupon.code }}")
    world.deploy(make_plan(pooled(), email(), owner="care@ornek.example"))
    return world


@pytest.mark.rule(18)
def test_codes_are_given_in_the_order_of_coming_and_told(giving: World) -> None:
    fill(giving, 5)
    ada, can = giving.customer("Ada"), giving.customer("Can")
    giving.order(can, NOON)
    giving.order(ada, NOON + MINUTE)
    giving.tick(NOON + HOUR)

    assert codes(giving) == ["SPRING-001", "SPRING-002"] == told(giving)
    assert [row.customer_id for row in giving.rows(coupons)] == [can, ada]


@pytest.mark.rule(18)
def test_an_empty_pool_holds_the_customer_before_the_message_and_alarms_once(giving: World) -> None:
    giving.order(giving.customer(), NOON)
    for hours in range(3):
        giving.tick(NOON + hours * HOUR)

    assert giving.sends() == [] and codes(giving) == []
    assert giving.place() == "gift"
    (letter,) = letters(giving)
    assert "1 customer waits in thanks for codes of the pool spring" in letter


@pytest.mark.rule(18)
def test_they_go_on_by_themselves_once_codes_are_there_those_first_who_came_first(giving: World) -> None:
    people = [giving.customer(f"C{number}") for number in range(4)]
    for number, customer in enumerate(people):
        giving.order(customer, NOON + number * MINUTE)
    fill(giving, 1)
    giving.tick(NOON + HOUR)
    fill(giving, 2, first=2)
    giving.tick(NOON + 2 * HOUR)
    with reading(giving.database) as connection:
        (short, *_) = shortages(connection)
    fill(giving, 5, first=4)
    giving.tick(NOON + 3 * HOUR)

    assert (short.kind, short.codes) == ("empty", 1)
    assert [row.customer_id for row in giving.rows(coupons)] == people
    assert told(giving) == [f"SPRING-{number:03}" for number in range(1, 5)]
    assert [row.kind for row in giving.rows(pool_shortages) if row.kind == "empty"] == []


@pytest.mark.rule(18)
def test_the_instant_path_holds_and_goes_on_just_so(giving: World) -> None:
    giving.order(giving.customer(), NOON)
    clock = stopped_at(NOON)
    run_narrow(giving.shop, "thanks", since=NOON, clock=clock, owner="test", wall=clock)
    held = giving.place()
    fill(giving, 1)
    run_narrow(giving.shop, "thanks", since=NOON, clock=clock, owner="test", wall=clock)

    assert held == "gift"
    assert told(giving) == ["SPRING-001"]


@pytest.mark.rule(18)
def test_whoever_leaves_while_they_wait_needs_no_code(giving: World) -> None:
    giving.order(giving.customer(), NOON)
    giving.tick(NOON)
    giving.turn("thanks", "gone", NOON + MINUTE)
    giving.turn("thanks", "live", NOON + MINUTE)
    giving.tick(NOON + HOUR)

    assert giving.rows(pool_shortages) == []


@pytest.mark.rule(18)
def test_a_tick_that_dies_after_taking_gives_everything_back(giving: World) -> None:
    fill(giving, 3)
    giving.order(giving.customer(), NOON)
    with pytest.raises(RuntimeError), writing(giving.database) as connection:
        assert len(take(connection, "spring", 3, NOON)) == 3
        raise RuntimeError("the process dies here")
    giving.tick(NOON)

    assert codes(giving) == ["SPRING-001"]


@pytest.mark.rule(18)
def test_a_code_that_was_taken_for_somebody_who_has_one_already_goes_back(giving: World) -> None:
    fill(giving, 3)
    ada = giving.customer()
    giving.order(ada, NOON)
    giving.tick(NOON)
    (row,) = giving.rows(coupons)
    with writing(giving.database) as connection:
        have = give_from_pool(
            connection, pooled(), "spring", row.step, [(row.enrolment_id, ada, None)] * 2, NOON + HOUR
        )
        left = free(connection, "spring")

    assert have == {row.enrolment_id}
    assert codes(giving) == ["SPRING-001"] and left == 2


@pytest.mark.rule(18)
def test_two_workers_on_one_pool_give_no_code_twice(giving: World) -> None:
    """Two journeys take from it at the same time, each in a thread of its own."""
    giving.deploy(make_plan(pooled(), email(), journey="more"))
    fill(giving, 15)
    for number in range(10):
        giving.order(giving.customer(f"C{number}"), NOON)
    ticks = [giving.begin(NOON, journey, owner=journey) for journey in ("thanks", "more")]
    for tick in ticks:
        tick.enter()
    workers = [Thread(target=_walk, args=(tick,)) for tick in ticks]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    given = codes(giving)
    assert len(given) == len(set(given)) == 15
    assert sorted(told(giving)) == sorted(given)


def _walk(tick: Tick) -> None:
    for step in tick.steps():
        tick.advance(step)
    tick.finish()


@pytest.mark.rule(18)
def test_a_pool_whose_last_day_is_over_gives_nothing_and_until_then_no_code_outlives_it(world: World) -> None:
    world.words("note", "{{ coupon.code }}")
    world.deploy(make_plan(pooled(ends=date(2026, 3, 12)), email()))
    fill(world, 5)
    world.order(world.customer("Ada"), NOON)
    world.tick(NOON)
    world.order(world.customer("Can"), NOON + 3 * DAY)
    world.tick(NOON + 3 * DAY)

    (row,) = world.rows(coupons)
    assert row.valid_until == istanbul(date(2026, 3, 13), "0:00") - timedelta(microseconds=1)


def test_a_pool_of_which_little_is_left_is_told_of_until_more_comes(giving: World) -> None:
    fill(giving, 5)
    for number in range(4):
        giving.order(giving.customer(f"C{number}"), NOON)
    giving.tick(NOON)
    with reading(giving.database) as connection:
        (low,) = shortages(connection)
    fill(giving, 5, first=6)
    giving.order(giving.customer("Can"), NOON + HOUR)
    giving.tick(NOON + HOUR)

    assert low.says == "the pool spring of thanks has 1 codes left"
    assert giving.rows(pool_shortages) == []


@pytest.mark.rule(18)
def test_a_code_that_was_told_to_nobody_goes_back_once_they_have_left_and_one_that_was_told_never(world: World) -> None:
    world.words("note", "{{ coupon.code }}")
    steps = (pooled(next="rest"), wait("rest", "hello", days=1), email(next="more"), wait("more", None, days=9))
    world.deploy(make_plan(*steps, exits=Exits((here("return.requested"),))))
    fill(world, 1)
    ada, can = world.customer("Ada"), world.customer("Can")
    first = world.order(ada, NOON)
    world.tick(NOON)
    world.fact(returns, "return", customer_id=ada, order_id=first, requested_at=NOON + HOUR)
    world.tick(NOON + HOUR)
    second = world.order(can, NOON + 2 * HOUR)
    world.tick(NOON + 2 * HOUR)
    (row,) = world.rows(coupons)
    world.tick(NOON + 2 * DAY)
    world.fact(returns, "return", customer_id=can, order_id=second, requested_at=NOON + 2 * DAY)
    world.tick(NOON + 3 * DAY)
    world.tick(NOON + 4 * DAY)

    assert (row.customer_id, row.code) == (can, "SPRING-001")
    assert told(world) == codes(world) == ["SPRING-001"]
    assert [one.state for one in world.enrolments()] == ["left", "left"]


def test_what_was_free_when_a_backup_came_back_is_given_only_once_somebody_says_that_it_is_unused(world: World) -> None:
    world.deploy(make_plan(pooled(), email()))
    fill(world, 3)
    close_gap(world.shop, NOON - HOUR, now=NOON, owner="test", wall=stopped_at(NOON))
    world.order(world.customer(), NOON + HOUR)
    world.tick(NOON + HOUR)
    fill(world, 3)
    with reading(world.database) as connection:
        kinds = {trouble.kind for trouble in status(connection, NOON + HOUR, NOON + HOUR).troubles}
    world.tick(NOON + 2 * HOUR)
    before = codes(world)
    path = Path(world.settings.root) / "unused.csv"
    path.write_text("SPRING-003\n")
    done = bring_in(world.database, "spring", path, NOON + 3 * HOUR, unused=True)
    world.tick(NOON + 3 * HOUR)

    assert before == [] and {"pool empty", "pool aside"} <= kinds
    assert (done.freed, codes(world)) == (1, ["SPRING-003"])


@pytest.mark.rule(18)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(("order", "fill", "tick", "narrow", "again")), min_size=4, max_size=14))
def test_no_code_is_given_twice_and_nobody_is_told_none(sqlite_world: World, deeds: list[str]) -> None:
    """However orders, imports and ticks follow one another, each code has one owner, and each message has a code."""
    world = sqlite_world
    world.words("note", "{{ coupon.code }}")
    world.deploy(make_plan(pooled(), email()))
    base = sum(stock.codes for stock in stock(world))
    for number, deed in enumerate([*deeds, "tick"], len(world.enrolments()) + base):
        now = NOON + (number + len(world.rows(coupons))) * MINUTE
        match deed:
            case "order":
                world.order(world.customer(f"L{number}"), now)
            case "fill":
                fill(world, 2, first=sum(stock.codes for stock in stock(world)) + 1)
            case "again":
                fill(world, 2, first=1)
            case "narrow":
                clock = stopped_at(now)
                run_narrow(world.shop, "thanks", since=NOON - DAY, clock=clock, owner="test", wall=clock)
            case _:
                world.tick(now)

    given_codes = codes(world)
    assert len(given_codes) == len(set(given_codes)) == len({row.enrolment_id for row in world.rows(coupons)})
    assert sorted(told(world)) == sorted(set(told(world)))
    assert set(told(world)) <= set(given_codes)
    assert len(world.enrolments()) - len(given_codes) <= 0 or sum(stock.free for stock in stock(world)) == 0


def test_a_step_that_vefa_makes_codes_for_needs_no_pool(world: World) -> None:
    world.deploy(make_plan(gift(next=None, percent=None, amount=Decimal(50), currency="TRY", valid=Duration(1))))
    world.order(world.customer(), NOON)
    world.tick(NOON)

    assert len(codes(world)) == 1
