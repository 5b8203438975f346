"""Rule 17: how many messages a customer gets, over all journeys, and who loses when there is no room."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, deliver, email, make_plan, wait
from vefa.channels.base import Doubtful
from vefa.engine.steps import advance
from vefa.language.conditions import Compare, Duration
from vefa.plan.policy import Cap, Policy, Withhold

WEEK = Duration(days=7)
SKIP, DEFER = Withhold("skip"), Withhold()


def capped(limit: int, *, then: Withhold = DEFER, within: Duration = WEEK, priority: tuple[str, ...] = ()) -> Policy:
    return Policy(caps=(Cap("weekly", limit, within, "commercial", withhold=then),), priority=priority)


def orders_of(world: World, customer: int, *moments: datetime) -> None:
    for moment in moments:
        world.order(customer, moment)


@pytest.mark.rule(17)
@pytest.mark.parametrize(("later", "states"), [(7 * DAY - MINUTE, ["sent", "skipped"]), (7 * DAY, ["sent", "sent"])])
def test_a_cap_looks_back_over_a_rolling_window(world: World, later: timedelta, states: list[str]) -> None:
    world.under(capped(1, then=SKIP))
    world.deploy(make_plan(email()))
    ada = world.customer()
    world.order(ada, NOON)
    world.tick(NOON)
    world.order(ada, NOON + later)

    world.tick(NOON + later)

    assert [row.state for row in world.sends()] == states


@pytest.mark.rule(17)
def test_a_cap_holds_within_one_batch(world: World) -> None:
    world.under(capped(2, then=SKIP))
    world.deploy(make_plan(email()))
    orders_of(world, world.customer(), NOON, NOON + MINUTE, NOON + 2 * MINUTE)

    world.tick(NOON + HOUR)

    assert [(row.state, row.reason) for row in world.sends()] == [
        ("sent", None),
        ("sent", None),
        ("skipped", "cap: weekly"),
    ]


@pytest.mark.rule(17)
def test_a_cap_counts_over_all_journeys(world: World) -> None:
    world.under(capped(1, then=SKIP))
    world.deploy(make_plan(email()))
    world.deploy(make_plan(email(), journey="other"))
    world.order(world.customer(), NOON)

    world.tick(NOON, "other")
    world.tick(NOON, "thanks")

    assert [row.state for row in world.sends()] == ["sent", "skipped"]


@pytest.mark.rule(17)
def test_of_two_due_messages_the_journey_that_goes_first_wins(world: World) -> None:
    world.under(capped(1, then=SKIP, priority=("important",)))
    for name in ("thanks", "important"):
        world.deploy(make_plan(wait("rest", "hello", hours=1), email(), journey=name))
    world.order(world.customer(), NOON)
    ticks = [world.begin(NOON + HOUR, name) for name in ("thanks", "important")]
    for tick in ticks:
        tick.enter()
        tick.advance(tick.steps()[0])
        advance(tick._stand(tick.steps()[1]))
    for tick in ticks:
        world.walk(tick)

    assert {row.journey_id: row.state for row in world.sends()} == {1: "skipped", 2: "sent"}


@pytest.mark.rule(17)
def test_who_lost_to_a_message_that_came_to_nothing_goes_after_all(world: World) -> None:
    world.under(capped(1, priority=("important",)))
    world.deploy(make_plan(email()))
    world.deploy(make_plan(email(unless=Compare("orders.count", ">=", 1)), journey="important"))
    world.order(world.customer(), NOON)
    important = world.begin(NOON, "important")
    important.enter()
    advance(important._stand(important.steps()[0]))
    world.tick(NOON)
    held = [row.state for row in world.sends()]
    world.walk(important)

    world.tick(NOON + 15 * MINUTE)

    assert held == ["queued", "queued"]
    assert [row.state for row in world.sends()] == ["skipped", "sent"]


@pytest.mark.rule(17)
def test_two_journeys_that_claim_at_the_same_time_keep_the_cap_together(world: World) -> None:
    world.under(capped(1, then=SKIP))
    names = ("thanks", "other")
    for name in names:
        world.deploy(make_plan(email(), journey=name))
    people = [world.customer() for _ in range(12)]
    for number in people:
        world.order(number, NOON)

    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda name: world.tick(NOON, name), names))

    assert sum(report.sent for report in reports) == len(people)
    assert sorted(world.email.addresses) == sorted({*world.email.addresses})


@pytest.mark.rule(17)
def test_priority_reserves_nothing_for_the_future(world: World) -> None:
    world.under(capped(1, then=SKIP, priority=("important",)))
    world.deploy(make_plan(email()))
    world.deploy(make_plan(wait("rest", "hello", hours=1), email(), journey="important"))
    world.order(world.customer(), NOON)

    world.tick(NOON, "important")
    world.tick(NOON, "thanks")
    world.tick(NOON + HOUR, "important")

    assert [row.state for row in world.sends()] == ["sent", "skipped"]


@pytest.mark.rule(17)
def test_a_capped_message_is_put_off_until_there_is_room(world: World) -> None:
    world.under(capped(1, within=Duration(seconds=3600 * 5)))
    world.deploy(make_plan(email()))
    orders_of(world, world.customer(), NOON, NOON + HOUR)
    world.tick(NOON)

    world.tick(NOON + 2 * HOUR)
    put_off = world.sends()[1].not_before
    world.tick(NOON + 5 * HOUR)

    assert put_off == NOON + 5 * HOUR
    assert [row.state for row in world.sends()] == ["sent", "sent"]


@pytest.mark.rule(17)
def test_a_capped_message_that_would_wait_longer_than_a_day_is_dropped(world: World) -> None:
    world.under(capped(1))
    world.deploy(make_plan(email()))
    orders_of(world, world.customer(), NOON, NOON + HOUR)

    world.tick(NOON + HOUR)

    assert world.sends()[1].reason == "expired (cap: weekly)"


@pytest.mark.rule(17)
def test_a_message_in_doubt_takes_a_place(world: World) -> None:
    world.under(capped(1, then=SKIP))
    world.deploy(make_plan(email()))
    ada = world.customer()
    orders_of(world, ada, NOON)
    world.email.script.append(Doubtful("timeout"))
    world.tick(NOON)
    orders_of(world, ada, NOON + HOUR)

    world.tick(NOON + HOUR)

    assert [row.state for row in world.sends()] == ["unknown", "skipped"]


@pytest.mark.rule(17)
def test_a_message_that_was_surely_not_sent_takes_no_place(world: World) -> None:
    world.under(capped(1, then=SKIP))
    world.deploy(make_plan(email()))
    ada = world.customer()
    world.consent(ada, granted=False, at=NOON - DAY)
    world.order(ada, NOON)
    world.tick(NOON)
    world.consent(ada, granted=True, at=NOON + MINUTE)
    world.order(ada, NOON + HOUR)

    world.tick(NOON + HOUR)

    assert [row.state for row in world.sends()] == ["skipped", "sent"]


@pytest.mark.rule(17)
def test_a_cap_on_commercial_words_lets_transactional_ones_pass(world: World) -> None:
    world.under(capped(1, then=SKIP))
    world.deploy(make_plan(email(next="note"), email("note", purpose="transactional"), email("more")))
    world.order(world.customer(), NOON)

    world.tick(NOON)

    assert [row.state for row in world.sends()] == ["sent", "sent"]


@pytest.mark.rule(17)
def test_one_customers_cap_is_not_anothers(world: World) -> None:
    world.under(capped(1, then=SKIP))
    world.deploy(make_plan(email()))
    for name in ("Ada", "Can"):
        world.order(world.customer(name), NOON)

    assert world.tick(NOON).sent == 2


@pytest.mark.rule(17)
def test_a_claim_that_another_journey_makes_meanwhile_is_counted(world: World) -> None:
    """The other journey's claim falls between our first look and our own claim."""
    world.under(capped(1, then=SKIP))
    world.deploy(make_plan(email()))
    world.deploy(make_plan(email(), journey="other"))
    world.order(world.customer(), NOON)
    tick = world.begin(NOON)
    tick.enter()

    def clock() -> datetime:
        if world.reserved():
            world.tick(NOON, "other")
        return NOON

    tick.clock = clock
    deliver(tick)

    assert sorted(row.state for row in world.sends()) == ["sent", "skipped"]
    assert len(world.email.got) == 1
