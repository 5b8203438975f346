"""Who may work at a journey: one run at a time, and what becomes of a dead one's (rules 1 and 13)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import suppress

import pytest

from tests.engine.worlds import MINUTE, NOON, World, email, make_plan, wait
from vefa.clock import stopped_at
from vefa.engine.lease import JourneyBusy, is_dead, make_owner
from vefa.engine.plans import UnknownJourney
from vefa.engine.tables import journeys
from vefa.engine.tick import Tick


@pytest.fixture
def dead_owner() -> str:
    """An owner whose process is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return f"{socket.gethostname()}:{process.pid}:0"


@pytest.mark.rule(1)
def test_two_runs_of_one_journey_never_work_at_the_same_time(world: World) -> None:
    world.deploy(make_plan(email()))
    first = world.begin(NOON, owner=make_owner())

    with pytest.raises(JourneyBusy, match="another run"):
        world.begin(NOON, owner=make_owner())

    first.finish()
    world.begin(NOON, owner=make_owner()).finish()


@pytest.mark.rule(1)
def test_two_journeys_may_run_at_the_same_time(world: World) -> None:
    for name in ("thanks", "other"):
        world.deploy(make_plan(email(), journey=name))

    ticks = [world.begin(NOON, name) for name in ("thanks", "other")]

    assert [tick.finish().journey for tick in ticks] == ["thanks", "other"]


@pytest.mark.rule(13)
def test_a_dead_runs_lease_is_taken_over_at_once(world: World, dead_owner: str) -> None:
    world.deploy(make_plan(email()))
    world.begin(NOON, owner=dead_owner)

    assert world.begin(NOON, owner=make_owner()).finish().state == "live"


@pytest.mark.rule(13)
def test_what_a_dead_run_had_claimed_is_in_doubt_at_once(world: World, dead_owner: str) -> None:
    world.deploy(make_plan(email(next="rest"), wait("rest", None, days=1)))
    world.order(world.customer(), NOON)
    world.email.script.append(SystemExit())
    tick = world.begin(NOON, owner=dead_owner)
    tick.enter()
    with pytest.raises(SystemExit):
        tick.advance(tick.steps()[0])

    Tick.begin(world.shop, "thanks", clock=stopped_at(NOON), owner=make_owner(), wall=stopped_at(NOON)).finish()

    assert (world.send().state, world.place()) == ("unknown", "hello")


@pytest.mark.rule(13)
def test_who_has_gone_on_to_another_journey_meanwhile_is_not_taken_for_dead(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deploy(make_plan(wait("pause", None, days=1)))
    world.deploy(make_plan(email(), journey="other"))
    world.order(world.customer(), NOON)
    first = world.begin(NOON, owner="elsewhere:1:0")

    def goes_on(_owner: str) -> bool:
        """Between another run's look at the lease and its taking it."""
        first.finish()
        world.email.script.append(SystemExit())
        tick = world.begin(NOON, "other", owner="elsewhere:1:0")
        tick.enter()
        with pytest.raises(SystemExit):
            tick.advance(tick.steps()[0])
        return False

    monkeypatch.setattr("vefa.engine.lease.is_dead", goes_on)
    with suppress(JourneyBusy):
        world.begin(NOON, owner="me")

    assert world.send().state == "claimed"


@pytest.mark.rule(13)
def test_a_lease_that_was_not_renewed_runs_out(world: World) -> None:
    world.deploy(make_plan(email()))
    world.begin(NOON, owner="elsewhere:1:0")

    with pytest.raises(JourneyBusy):
        world.begin(NOON + 9 * MINUTE, owner="me")
    world.begin(NOON + 11 * MINUTE, owner="me").finish()


@pytest.mark.rule(13)
def test_whoever_lost_the_lease_stops(world: World) -> None:
    world.deploy(make_plan(email()))
    lost = world.begin(NOON, owner="elsewhere:1:0")
    world.begin(NOON + 11 * MINUTE, owner="me")
    lost.wall = stopped_at(NOON + 12 * MINUTE)

    with pytest.raises(JourneyBusy, match="taken over"):
        lost.enter()


@pytest.mark.rule(13)
def test_the_lease_is_returned_after_an_error(world: World) -> None:
    world.deploy(make_plan(email()))
    world.order(world.customer(), NOON)
    world.email.script.append(RuntimeError("the channel broke"))

    with pytest.raises(RuntimeError):
        world.tick(NOON)

    (row,) = world.rows(journeys)
    assert (row.lease_owner, row.last_tick_at) == (None, None)


def test_an_owner_on_another_machine_is_never_taken_for_dead(dead_owner: str) -> None:
    _, _, rest = dead_owner.partition(":")

    assert is_dead(dead_owner)
    assert not is_dead(f"another-machine:{rest}")
    assert not is_dead(f"{socket.gethostname()}:{os.getpid()}:0")


def test_a_journey_that_was_never_stored_is_told_so(world: World) -> None:
    with pytest.raises(UnknownJourney, match='"nothing"'):
        world.tick(NOON, "nothing")
