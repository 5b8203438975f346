"""A step delivered by several runs at once: nobody twice, nobody lost, and every rule of the claim holds for each."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.engine.worlds import DAY, MINUTE, NOON, World, email, make_plan, wait
from vefa.channels.base import Outgoing, Refused
from vefa.clock import stopped_at
from vefa.engine.shares import Share, deliver_share, runs_for
from vefa.engine.tick import StepRef, Tick
from vefa.errors import SettingsError
from vefa.ledger import claims
from vefa.ledger.tables import batches
from vefa.settings import Channels, Delivery, MessagesPerSecond, Settings, load_settings

PEOPLE, SIZE = 23, 5
STEP = "hello"


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "BATCH", SIZE)


def shared(world: World, people: int = PEOPLE, **message: Any) -> tuple[Tick, StepRef]:
    """A walk that holds the journey's lease and has queued its message for everybody."""
    world.deploy(make_plan(email(STEP, next="rest", **message), wait("rest", None, days=1)))
    for _ in range(people):
        world.order(world.customer(), NOON)
    tick = world.begin(NOON, owner="parent:1:0")
    tick.enter()
    step = tick.steps()[0]
    tick.queue(step)
    return tick, step


def shard(world: World, tick: Tick, number: int = 1, *, at: datetime = NOON) -> Any:
    share = Share("thanks", tick.pins[0].hash, STEP)
    return deliver_share(world.shop, share, clock=stopped_at(at), owner=f"shard:{number}:0", wall=stopped_at(at))


@pytest.mark.rule(13)
def test_two_shards_and_the_journeys_own_run_send_everything_once(world: World) -> None:
    tick, step = shared(world)

    with ThreadPoolExecutor(3) as threads:
        shards = [threads.submit(shard, world, tick, number) for number in (1, 2)]
        own = threads.submit(tick.advance, step)
        counts = [work.result() for work in (*shards, own)]

    assert sum(one.sent for one in counts) == len(set(world.email.addresses)) == len(world.email.got) == PEOPLE
    assert {row.state for row in world.sends()} == {"sent"}


def test_what_shards_did_counts_to_the_walk(world: World) -> None:
    tick, step = shared(world)
    world.consent(1, granted=False, at=NOON)
    world.email.script.append(Refused("no such box"))
    done = shard(world, tick)

    tick.advance(step)
    tick.take_in(step)
    report = tick.finish()

    assert (done.sent, done.failed) == (PEOPLE - 2, 1)
    assert (report.sent, report.failed, report.held) == (PEOPLE - 2, 1, {"no email consent": 1})
    assert (report.waiting, report.left, report.finished) == (PEOPLE, 0, 0)


def test_who_left_with_a_shards_message_is_told_as_left(world: World) -> None:
    tick, step = shared(world, on_failure="exit")
    world.email.script.append(Refused("no such box"))
    shard(world, tick)

    tick.take_in(step)
    report = tick.finish()

    assert (report.left, report.finished, report.waiting) == (1, 0, PEOPLE - 1)


def test_what_the_walk_itself_sent_is_not_counted_again(world: World) -> None:
    tick, step = shared(world)
    tick.advance(step)

    assert tick.take_in(step).handled == 0


@pytest.mark.rule(16)
def test_consent_withdrawn_after_the_queue_holds_for_a_shard(world: World) -> None:
    tick, _ = shared(world, people=1)
    world.consent(1, granted=False, at=NOON)

    shard(world, tick)

    assert (world.email.got, world.send().reason) == ([], "no email consent")


@pytest.mark.rule(22)
def test_a_pause_stops_a_shard_at_its_next_batch(world: World) -> None:
    tick, _ = shared(world)
    world.shop = replace(world.shop, settings=world.settings.model_copy(update={"sends_in_flight": 1}))

    def pause(message: Outgoing) -> Any:
        world.turn("thanks", "paused", NOON)
        return world.email.deliver([message])[0]

    world.email.script.append(pause)
    counts = shard(world, tick)

    waiting = [row for row in world.sends() if row.state == "queued"]
    assert 0 < counts.sent < PEOPLE
    assert len(waiting) == PEOPLE - counts.sent
    assert {row.owner for row in world.rows(batches, batches.c.settled_at.is_(None))} <= {None}


@pytest.mark.rule(22)
def test_a_shard_of_a_paused_journey_sends_nothing(world: World) -> None:
    tick, _ = shared(world)
    world.turn("thanks", "paused", NOON)

    assert (shard(world, tick).handled, world.email.got) == (0, [])


@pytest.mark.rule(13)
def test_a_shard_that_dies_loses_nothing_and_doubles_nothing(world: World) -> None:
    tick, step = shared(world)
    world.shop = replace(world.shop, settings=world.settings.model_copy(update={"sends_in_flight": 1}))
    world.email.script.append(SystemExit())
    with pytest.raises(SystemExit):
        shard(world, tick)

    tick.advance(step)
    tick.finish()
    before = Counter(row.state for row in world.sends())
    world.tick(NOON + 11 * MINUTE)
    after = Counter(row.state for row in world.sends())

    assert before["claimed"] == SIZE  # all that was in its hands; the others were sent
    assert after == {"sent": PEOPLE - SIZE, "unknown": SIZE}
    assert max(Counter(world.email.addresses).values()) == 1


def test_a_shard_that_comes_late_finds_nothing_to_do(world: World) -> None:
    tick, step = shared(world)
    tick.advance(step)
    tick.finish()

    assert shard(world, tick, at=NOON + MINUTE).handled == 0


def test_a_shard_of_a_plan_in_which_nobody_stands_does_nothing(world: World) -> None:
    tick, step = shared(world)
    tick.advance(step)
    tick.finish()
    world.tick(NOON + 2 * DAY)
    world.deploy(make_plan(email("other")))

    assert shard(world, tick, at=NOON + 2 * DAY).handled == 0


def test_a_paused_walk_queues_nothing(world: World) -> None:
    world.deploy(make_plan(email(STEP)))
    world.turn("thanks", "paused", NOON)
    tick = world.begin(NOON)

    assert (tick.queue(tick.steps()[0]), tick.runs(tick.steps()[0], 10**6)) == (0, 1)


# --- how many

MINUTES_WORK = 2 * SIZE


def runs(world: World, messages: int, **settings: Any) -> int:
    given = {"delivery": Delivery(shards=4, shard_from_batches=2), **settings}
    shop = replace(world.shop, settings=world.settings.model_copy(update=given))
    return runs_for(shop, email(), messages)


@pytest.mark.parametrize(
    ("messages", "number"),
    [(0, 1), (MINUTES_WORK, 1), (MINUTES_WORK + 1, 2), (3 * MINUTES_WORK, 3), (100 * MINUTES_WORK, 4)],
)
def test_there_is_a_run_for_each_minutes_work_and_no_more_than_the_settings_allow(
    sqlite_world: World, messages: int, number: int
) -> None:
    assert runs(sqlite_world, messages) == number


def test_without_the_setting_one_run_delivers_everything(sqlite_world: World) -> None:
    assert runs(sqlite_world, 10**6, delivery=Delivery()) == 1


@pytest.mark.parametrize(("per_minute", "number"), [(MINUTES_WORK, 1), (2 * MINUTES_WORK, 4)])
def test_a_pace_that_one_run_keeps_needs_no_shards(sqlite_world: World, per_minute: int, number: int) -> None:
    pace = MessagesPerSecond(email=per_minute / 60)

    assert runs(sqlite_world, 10**6, messages_per_second=pace) == number


def test_files_are_written_by_one_run(sqlite_world: World) -> None:
    sqlite_world.email.name = "outbox"

    assert runs(sqlite_world, 10**6) == 1


# --- the setting


def test_shards_are_refused_on_sqlite(shop_root: Path) -> None:
    (shop_root / "config" / "settings.yaml").write_text("delivery: {shards: 3}\n", encoding="utf-8")

    with pytest.raises(SettingsError, match=r"delivery: .*shards: 3 needs PostgreSQL"):
        load_settings(shop_root)


def test_shards_are_set_beside_the_database(shop_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEFA_DATABASE_URL", "postgresql://vefa@db/vefa")
    monkeypatch.setenv("VEFA_DELIVERY__SHARDS", "3")

    assert load_settings(shop_root).delivery == Delivery(shards=3)


def test_the_settings_of_one_machine_have_no_shards() -> None:
    settings = Settings(channels=Channels(email="sendgrid"), secret_key=SecretStr("made-up"))

    assert settings.delivery.shards == 1
