"""Rules 9, 10 and 16: what counts as having happened, about what, and who leaves when."""

from __future__ import annotations

import pytest

from tests.engine.worlds import (
    DAY,
    DELIVERED,
    HOUR,
    MINUTE,
    NOON,
    World,
    anywhere,
    email,
    here,
    make_plan,
    wait,
)
from vefa.channels.base import Doubtful
from vefa.crm.tables import orders, returns, tickets
from vefa.language.conditions import Compare, Duration, Everything, Happened, Not
from vefa.plan.plans import Exits, Plan
from vefa.plan.steps import Arm, Branch, Tag
from vefa.plan.ways_in import EnteredTrigger, EventTrigger


def leaving(*on: str, of_customer: bool = False, **more: object) -> Exits:
    return Exits(tuple(anywhere(event) if of_customer else here(event) for event in on), **more)


def asks_for_return(world: World, customer: int, order: int, at: object) -> int:
    return world.fact(returns, "return", customer_id=customer, order_id=order, requested_at=at)


def resting(*, exits: Exits, **more: object) -> Plan:
    return make_plan(wait("rest", "hello", days=2), email(), trigger=DELIVERED, exits=exits, **more)


@pytest.mark.rule(9)
def test_an_event_about_the_same_order_ends_the_journey(world: World) -> None:
    world.deploy(resting(exits=leaving("return.requested")))
    ada = world.customer()
    order = world.order(ada, NOON - DAY, delivered_at=NOON)
    world.tick(NOON)
    asks_for_return(world, ada, order, NOON + HOUR)

    report = world.tick(NOON + 2 * HOUR)

    row = world.enrolment()
    assert (report.left, row.state, row.reason) == (1, "left", "exit: return.requested")


@pytest.mark.rule(9)
def test_an_event_about_another_order_does_not(world: World) -> None:
    world.deploy(resting(exits=leaving("return.requested")))
    ada = world.customer()
    world.order(ada, NOON - DAY, delivered_at=NOON)
    world.tick(NOON)
    asks_for_return(world, ada, world.order(ada, NOON - 9 * DAY), NOON + HOUR)

    assert world.tick(NOON + 2 * HOUR).left == 0


@pytest.mark.rule(9)
def test_of_customer_widens_to_all_orders(world: World) -> None:
    world.deploy(resting(exits=leaving("return.requested", of_customer=True)))
    ada = world.customer()
    world.order(ada, NOON - DAY, delivered_at=NOON)
    world.tick(NOON)
    asks_for_return(world, ada, world.order(ada, NOON - 9 * DAY), NOON + HOUR)

    assert world.tick(NOON + 2 * HOUR).left == 1


@pytest.mark.rule(9)
def test_another_customers_event_ends_nobodys_journey(world: World) -> None:
    world.deploy(resting(exits=leaving("return.requested", of_customer=True)))
    world.order(world.customer(), NOON - DAY, delivered_at=NOON)
    world.tick(NOON)
    other = world.customer("Can")
    asks_for_return(world, other, world.order(other, NOON), NOON + HOUR)

    assert world.tick(NOON + 2 * HOUR).left == 0


@pytest.mark.rule(9)
def test_what_came_before_the_trigger_does_not_count(world: World) -> None:
    world.deploy(resting(exits=leaving("return.requested")), NOON - 5 * DAY)
    ada = world.customer()
    order = world.order(ada, NOON - DAY, delivered_at=NOON)
    asks_for_return(world, ada, order, NOON - MINUTE)

    assert world.tick(NOON + HOUR).left == 0


@pytest.mark.rule(9)
def test_what_came_between_the_trigger_and_the_tick_counts(world: World) -> None:
    world.deploy(resting(exits=leaving("return.requested")))
    ada = world.customer()
    asks_for_return(world, ada, world.order(ada, NOON - DAY, delivered_at=NOON), NOON + HOUR)

    report = world.tick(NOON + 9 * DAY)

    assert (report.refused, world.sends()) == ({"too old": 1}, [])
    world.deploy(resting(exits=leaving("return.requested"), journey="again", backfill=Duration(days=20)), NOON + DAY)
    assert world.tick(NOON + 9 * DAY, "again").left == 1


@pytest.mark.rule(9)
def test_a_parcel_and_its_order_are_the_same_object(world: World) -> None:
    from vefa.crm.tables import deliveries

    trigger = EventTrigger("delivery.delivered", "delivery")
    world.deploy(make_plan(wait("rest", "hello", days=2), email(), trigger=trigger, exits=leaving("order.cancelled")))
    order = world.order(world.customer(), NOON - DAY)
    world.fact(deliveries, "delivery", order_id=order, delivered_at=NOON)
    world.tick(NOON)
    world.change(orders, "order", order, cancelled_at=NOON + HOUR)

    assert world.tick(NOON + HOUR).left == 1


@pytest.mark.rule(9)
def test_the_event_that_brought_somebody_in_does_not_take_them_out(world: World) -> None:
    exits = leaving("order.placed", of_customer=True)
    world.deploy(make_plan(wait("rest", "hello", days=2), email(), exits=exits))
    ada = world.customer()
    world.order(ada, NOON)

    first = world.tick(NOON + MINUTE)
    world.order(ada, NOON + HOUR)
    second = world.tick(NOON + HOUR)

    assert (first.left, second.left) == (0, 1)


@pytest.mark.rule(9)
def test_a_corrected_time_does_not_make_the_trigger_a_later_event(world: World) -> None:
    exits = leaving("order.placed", of_customer=True)
    world.deploy(make_plan(wait("rest", "hello", days=2), email(), exits=exits))
    order = world.order(world.customer(), NOON)
    world.tick(NOON)
    world.change(orders, "order", order, placed_at=NOON + HOUR)

    assert world.tick(NOON + 2 * HOUR).left == 0


@pytest.mark.rule(9)
def test_happened_in_a_step_means_since_the_trigger(world: World) -> None:
    asked = Happened(anywhere("ticket.opened"))
    steps = (Branch("ask", "ask", "no", (Arm(asked, "yes"),)), tag("yes"), tag("no"))
    world.deploy(make_plan(wait("rest", "ask", days=1), *steps), NOON - 9 * DAY)
    before, since = world.customer("Ada"), world.customer("Can")
    for number in (before, since):
        world.order(number, NOON)
    world.fact(tickets, "ticket", customer_id=before, opened_at=NOON - DAY)
    world.fact(tickets, "ticket", customer_id=since, opened_at=NOON + HOUR)
    world.tick(NOON)

    world.tick(NOON + DAY)

    assert tagged(world) == {before: "no", since: "yes"}


@pytest.mark.rule(9)
def test_happened_in_an_audience_means_ever_unless_within(world: World) -> None:
    ever = Happened(anywhere("ticket.opened"))
    lately = Happened(anywhere("ticket.opened"), within=Duration(days=30))
    world.deploy(make_plan(email(), audience=Everything((ever, Not(lately)))))
    old, fresh, never = (world.customer(name) for name in ("Ada", "Can", "Ece"))
    world.fact(tickets, "ticket", customer_id=old, opened_at=NOON - 300 * DAY)
    world.fact(tickets, "ticket", customer_id=fresh, opened_at=NOON - DAY)
    for number in (old, fresh, never):
        world.order(number, NOON)

    world.tick(NOON)

    assert world.enrolment().customer_id == old


@pytest.mark.rule(9)
@pytest.mark.parametrize(("op", "times", "holds"), [(">=", 2, True), ("=", 2, True), ("<", 2, False), ("=", 0, False)])
def test_happened_may_say_how_often(world: World, op: str, times: int, holds: bool) -> None:
    twice = Happened(anywhere("ticket.opened"), op=op, times=times)
    world.deploy(make_plan(email(), audience=twice))
    ada = world.customer()
    for hour in (1, 2):
        world.fact(tickets, "ticket", customer_id=ada, opened_at=NOON - hour * HOUR)
    world.order(ada, NOON)

    assert world.tick(NOON).entered == holds


@pytest.mark.rule(9)
def test_an_event_that_is_not_known_yet_has_not_happened(world: World) -> None:
    world.deploy(resting(exits=leaving("return.requested")))
    ada = world.customer()
    order = world.order(ada, NOON - DAY, delivered_at=NOON)
    world.fact(
        returns,
        "return",
        customer_id=ada,
        order_id=order,
        requested_at=NOON + HOUR,
        requested_known_at=NOON + 5 * HOUR,
    )

    assert [world.tick(NOON + hours * HOUR).left for hours in (0, 2, 5)] == [0, 0, 1]


@pytest.mark.rule(9)
def test_who_was_sent_on_leaves_by_an_event_about_what_they_brought(world: World) -> None:
    there = make_plan(
        wait("rest", "hello", days=2),
        email(),
        journey="there",
        trigger=EnteredTrigger(),
        exits=leaving("order.cancelled"),
    )
    world.deploy(there)
    world.deploy(make_plan(wait("rest", "hello", days=2), email(), exits=leaving("order.shipped", then_enter="there")))
    ada = world.customer()
    mine, another = world.order(ada, NOON), world.order(ada, NOON - 9 * DAY)
    world.tick(NOON)
    world.change(orders, "order", mine, shipped_at=NOON + HOUR)
    world.tick(NOON + HOUR)
    world.change(orders, "order", another, cancelled_at=NOON + 2 * HOUR)
    first = world.tick(NOON + 2 * HOUR, "there")
    world.change(orders, "order", mine, cancelled_at=NOON + 3 * HOUR)
    second = world.tick(NOON + 3 * HOUR, "there")

    assert (first.left, second.left) == (0, 1)


@pytest.mark.rule(10)
def test_exits_come_before_steps(world: World) -> None:
    world.deploy(resting(exits=leaving("return.requested")))
    ada = world.customer()
    order = world.order(ada, NOON - DAY, delivered_at=NOON)
    world.tick(NOON)
    asks_for_return(world, ada, order, NOON + 2 * DAY + HOUR)  # after the wait was over, before the tick

    world.tick(NOON + 3 * DAY)

    assert (world.enrolment().state, world.sends()) == ("left", [])


@pytest.mark.rule(10)
def test_one_tick_walks_everybody_as_far_as_they_can_go(world: World) -> None:
    steps = (
        wait("one", "first", hours=1),
        email("first", "two"),
        wait("two", "mark"),
        tag("mark", "last"),
        email("last"),
    )
    world.deploy(make_plan(*steps))
    world.order(world.customer(), NOON)

    report = world.tick(NOON + 5 * HOUR)

    assert (report.finished, [row.state for row in world.sends()]) == (1, ["sent", "sent"])


@pytest.mark.rule(10)
def test_a_repeated_tick_changes_nothing(world: World) -> None:
    world.deploy(make_plan(email(next="rest"), wait("rest", None, days=1)))
    world.order(world.customer(), NOON)
    world.tick(NOON)
    before = (world.enrolments(), world.sends(), world.outcomes())

    report = world.tick(NOON)

    assert (world.enrolments(), world.sends(), world.outcomes()) == before
    assert (report.entered, report.sent, report.left, report.finished) == (0, 0, 0, 0)


@pytest.mark.rule(16)
def test_an_exit_skips_what_is_queued(world: World) -> None:
    world.deploy(make_plan(email(), exits=leaving("order.cancelled")))
    order = world.order(world.customer(), NOON)
    tick = world.begin(NOON)
    tick.enter()
    from vefa.engine.steps import advance

    advance(tick._stand(tick.steps()[0]))
    tick.abandon()
    world.change(orders, "order", order, cancelled_at=NOON + MINUTE)

    world.tick(NOON + HOUR)

    assert (world.send().state, world.send().reason) == ("skipped", "left: exit: order.cancelled")
    assert world.email.got == []


@pytest.mark.rule(16)
def test_an_exit_event_that_comes_after_the_exits_were_run_is_seen_at_the_claim(world: World) -> None:
    world.deploy(make_plan(email(), exits=leaving("order.cancelled")))
    order = world.order(world.customer(), NOON)
    tick = world.begin(NOON + HOUR)
    tick.enter()
    world.change(orders, "order", order, cancelled_at=NOON + MINUTE)

    tick.advance(tick.steps()[0])
    tick.finish()

    assert (world.email.got, world.send().reason, world.enrolment().state) == ([], "exit: order.cancelled", "left")


@pytest.mark.rule(16)
def test_who_is_no_longer_meant_leaves_at_the_next_message(world: World) -> None:
    exits = Exits(unless=Compare("orders.count", ">=", 1))
    world.deploy(make_plan(wait("rest", "hello", days=1), email(), exits=exits))
    order = world.order(world.customer(), NOON)
    world.tick(NOON)
    world.change(orders, "order", order, cancelled_at=NOON + HOUR)

    world.tick(NOON + DAY)

    assert (world.enrolment().reason, world.send().state) == ("exit: no longer meant", "skipped")


@pytest.mark.rule(16)
def test_an_exit_of_somebody_whose_message_is_in_doubt_waits_for_its_settlement(world: World) -> None:
    world.deploy(make_plan(email(next="rest"), wait("rest", None, days=9), exits=leaving("order.cancelled")))
    order = world.order(world.customer(), NOON)
    world.email.script.append(Doubtful("timeout"))
    world.tick(NOON)
    world.change(orders, "order", order, cancelled_at=NOON + HOUR)

    states = []
    for hours in (2, 12, 23, 24):
        world.tick(NOON + hours * HOUR)
        states.append(world.enrolment().state)

    assert states == ["active", "active", "active", "left"]
    assert world.send().state == "unknown"


@pytest.mark.rule(16)
def test_who_leaves_may_be_taken_into_another_journey(world: World) -> None:
    world.deploy(make_plan(email("there"), journey="there", trigger=EnteredTrigger()))
    world.deploy(
        make_plan(wait("rest", "hello", days=2), email(), exits=leaving("order.cancelled", then_enter="there"))
    )
    order = world.order(world.customer(), NOON)
    world.tick(NOON)
    world.change(orders, "order", order, cancelled_at=NOON + HOUR)

    world.tick(NOON + HOUR)

    assert world.enrolment("there").order_id == order


def tag(key: str, next: str | None = None) -> Tag:
    return Tag(key, key, next, key)


def tagged(world: World) -> dict[int, str]:
    from vefa.crm.tables import tags as table

    return {row.customer_id: row.tag for row in world.rows(table)}
