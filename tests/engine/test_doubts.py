"""Rules 14 and 15: what becomes of a message in doubt, and whether its customer goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.engine.paid_orders import crash, order_paid
from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, email, make_plan, wait
from vefa.channels.base import Doubtful, Refused
from vefa.database import writing
from vefa.ledger.settlements import settle_late


@pytest.mark.rule(14)
@pytest.mark.parametrize("how", ["answer", "crash"])
def test_a_commercial_message_in_doubt_never_goes_again(world: World, how: str) -> None:
    order_paid(world)
    if how == "crash":
        crash(world)
    else:
        world.email.script.append(Doubtful("timeout"))
        world.tick(NOON)

    for hours in (1, 2, 12, 24, 48, 200):
        world.tick(NOON + hours * HOUR)

    assert (len(world.email.got), world.send().state) == (1, "unknown")


@pytest.mark.rule(14)
@pytest.mark.parametrize("how", ["answer", "crash"])
def test_a_transactional_message_in_doubt_goes_exactly_once_more(world: World, how: str) -> None:
    order_paid(world, "transactional")
    if how == "crash":
        crash(world)
    else:
        world.email.script.append(Doubtful("timeout"))
        world.tick(NOON)
    world.email.script.append(Doubtful("timeout"))

    for hours in (0.5, 2, 3, 12, 26, 48, 200):
        world.tick(NOON + timedelta(hours=hours))

    number = world.send().id
    assert [message.ref for message in world.email.got] == [f"{number}.1", f"{number}.2"]
    assert world.send().state == "unknown"


@pytest.mark.rule(14)
@pytest.mark.parametrize(("minutes", "attempts"), [(59, 1), (60, 2)])
def test_the_second_attempt_waits_for_the_look_up_window(world: World, minutes: int, attempts: int) -> None:
    order_paid(world, "transactional")
    world.email.script.append(Doubtful("timeout"))
    world.tick(NOON)

    world.tick(NOON + minutes * MINUTE)

    assert len(world.email.got) == attempts


@pytest.mark.rule(14)
def test_what_the_provider_tells_in_the_window_spares_the_second_attempt(world: World) -> None:
    order_paid(world, "transactional")
    world.email.script.append(Doubtful("timeout"))
    world.tick(NOON)
    with writing(world.database) as connection:
        settle_late(connection, world.send().id, "sent", NOON + HOUR, "delivered")

    world.tick(NOON + 2 * HOUR)

    assert len(world.email.got) == 1


@pytest.mark.rule(14)
def test_after_a_day_there_is_no_second_attempt_any_more(world: World) -> None:
    order_paid(world, "transactional")
    world.email.script.append(Doubtful("timeout"))
    world.tick(NOON)

    world.tick(NOON + 25 * HOUR)

    assert (len(world.email.got), world.send().state, world.enrolment().state) == (1, "unknown", "finished")


@pytest.mark.rule(15)
def test_after_a_message_that_was_sent_the_customer_goes_on(world: World) -> None:
    order_paid(world)
    world.tick(NOON)

    assert (world.send().state, world.place()) == ("sent", "rest")


@pytest.mark.rule(15)
def test_after_a_message_that_was_skipped_the_customer_goes_on(world: World) -> None:
    world.deploy(make_plan(email(next="rest"), wait("rest", None, days=1)))
    world.order(world.customer(consent=False), NOON)
    world.tick(NOON)

    assert (world.send().state, world.send().reason, world.place()) == ("skipped", "no email consent", "rest")


@pytest.mark.rule(15)
@pytest.mark.parametrize(("on_failure", "place", "state"), [("continue", "rest", "active"), ("exit", "hello", "left")])
def test_after_a_message_that_failed_the_step_says_what_follows(
    world: World, on_failure: str, place: str, state: str
) -> None:
    order_paid(world, on_failure=on_failure)
    world.email.script.append(Refused("bad address"))
    world.tick(NOON)

    assert (world.send().state, world.send().reason) == ("failed", "bad address")
    assert (world.place(), world.enrolment().state) == (place, state)


@pytest.mark.rule(15)
def test_a_failure_that_is_told_late_ends_who_leaves_on_failure(world: World) -> None:
    order_paid(world, on_failure="exit")
    world.email.script.append(Doubtful("timeout"))
    world.tick(NOON)
    with writing(world.database) as connection:
        settle_late(connection, world.send().id, "failed", NOON + HOUR, "bounced")

    world.tick(NOON + HOUR)

    assert (world.enrolment().state, world.enrolment().reason) == ("left", "failed: hello")


@pytest.mark.rule(15)
def test_a_message_in_doubt_holds_its_customer_a_day_at_most_counting_from_the_claim(world: World) -> None:
    world.deploy(make_plan(email(next="rest"), wait("rest", None, days=3)))
    world.order(world.customer(), NOON)
    world.email.script.append(Doubtful("timeout"))
    places = []
    for hours in (0, 23, 24):
        world.tick(NOON + hours * HOUR)
        places.append(world.place())

    assert places == ["hello", "hello", "rest"]
    assert world.enrolment().due_at == NOON + 3 * DAY
