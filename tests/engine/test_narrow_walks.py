"""A narrow walk does for what is new and due what a whole walk does, and leaves the rest to it (rule 23)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, anywhere, email, make_plan, wait
from vefa.clock import stopped_at
from vefa.crm.tables import stale_facts
from vefa.engine import messages
from vefa.engine.lease import JourneyBusy
from vefa.engine.reports import TickReport
from vefa.engine.tables import journeys
from vefa.engine.walks import run_narrow
from vefa.language.conditions import Compare
from vefa.plan.plans import Exits
from vefa.plan.ways_in import SegmentTrigger

pytestmark = pytest.mark.rule(23)
SECOND = timedelta(seconds=1)


def narrow(world: World, since: datetime, at: datetime | None = None) -> TickReport:
    at = at or since
    return run_narrow(world.shop, "thanks", since=since, clock=stopped_at(at), owner="instant", wall=stopped_at(at))


def state_of(world: World) -> Any:
    return world.rows(journeys)[0]


def test_who_has_just_bought_is_written_to(world: World) -> None:
    world.deploy(make_plan(email()))
    customer = world.customer("Ayşe")
    world.order(customer, NOON + HOUR)

    report = narrow(world, NOON + HOUR)

    assert (report.entered, report.sent) == (1, 1)
    assert narrow(world, NOON + HOUR).sent == 0
    assert world.tick(NOON + 2 * HOUR).sent == 0


def test_what_became_known_earlier_is_left_to_the_whole_walk(world: World) -> None:
    world.deploy(make_plan(email()))
    world.order(world.customer("Ayşe"), NOON + MINUTE)
    world.order(world.customer("Bora"), NOON + HOUR)

    assert narrow(world, NOON + HOUR).sent == 1
    assert world.tick(NOON + HOUR).sent == 1


def test_it_leaves_no_moment_for_the_next_whole_walk_to_look_back_from(world: World) -> None:
    world.deploy(make_plan(email()))
    world.tick(NOON + MINUTE)

    narrow(world, NOON + DAY)

    assert state_of(world).last_tick_at == NOON + MINUTE
    assert state_of(world).lease_owner is None


def test_a_wait_that_ends_is_ended(world: World) -> None:
    world.deploy(make_plan(wait("five", "hello", seconds=300), email()))
    world.order(world.customer("Ayşe"), NOON + HOUR)
    narrow(world, NOON + HOUR)

    assert narrow(world, NOON + HOUR + 4 * MINUTE).sent == 0
    assert narrow(world, NOON + HOUR + 5 * MINUTE).sent == 1


def test_who_leaves_by_a_fresh_event_leaves_before_anything_is_sent(world: World) -> None:
    world.deploy(make_plan(wait("five", "hello", seconds=300), email(), exits=Exits(on=(anywhere("order.cancelled"),))))
    order = world.order(world.customer("Ayşe"), NOON + HOUR)
    narrow(world, NOON + HOUR)
    from vefa.crm.tables import orders

    late = NOON + HOUR + 5 * MINUTE
    world.change(orders, "order", order, cancelled_at=late, cancelled_known_at=late)

    report = narrow(world, late)

    assert (report.left, report.sent) == (1, 0)


def test_who_comes_by_a_segment_is_left_to_the_whole_walk(world: World) -> None:
    world.deploy(make_plan(email(), trigger=SegmentTrigger("all", Compare("customer.country", "!=", "XX"))))
    world.customer("Ayşe", country="TR")

    assert narrow(world, NOON + HOUR).entered == 0


def test_it_waits_for_no_roll_ups(world: World) -> None:
    audience = Compare("orders.count", ">=", 2)
    world.deploy(make_plan(email(), audience=audience))
    customer = world.customer("Ayşe")
    world.order(customer, NOON + MINUTE)
    world.order(customer, NOON + HOUR)
    assert world.rows(stale_facts)

    report = narrow(world, NOON + HOUR)

    assert report.sent == 1
    assert world.rows(stale_facts), "the roll-ups are left to the whole walk"


def test_two_never_walk_at_once(world: World) -> None:
    world.deploy(make_plan(email()))
    tick = world.begin(NOON + HOUR, owner="elsewhere:1:a")

    with pytest.raises(JourneyBusy):
        narrow(world, NOON + HOUR)
    tick.abandon()
    narrow(world, NOON + HOUR)


def test_a_narrow_walk_that_breaks_is_made_good(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deploy(make_plan(email()))
    world.order(world.customer("Ayşe"), NOON + HOUR)

    def broken(*_: Any) -> int:
        raise sa.exc.OperationalError("UPDATE", None, OSError("gone"))

    with monkeypatch.context() as patch:
        patch.setattr(messages, "release_held", broken)
        with pytest.raises(sa.exc.OperationalError):
            narrow(world, NOON + HOUR)
    assert state_of(world).lease_owner is None
    assert narrow(world, NOON + HOUR).sent == 1
