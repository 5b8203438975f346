"""One journey as one Prefect flow. A run walks the journey once: one task run for each step that has work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from prefect import Flow, State, get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed

from flows.artifacts import artifact_key, show, summary
from flows.deployments import attribute
from flows.descriptions import describe
from flows.lines import run_lines
from flows.pauses import mirror_pauses_now
from flows.sharing import gather_in, share_out
from flows.standing import prepare
from flows.subjects import Subject
from flows.watch import count_failure, watched_run
from tasks.discretion import discreetly
from tasks.steps import advance, enter, unseen
from vefa.clock import Clock, stopped_at, system_clock
from vefa.engine.incidents import note_success
from vefa.engine.journal import tell
from vefa.engine.lease import JourneyBusy, make_owner
from vefa.engine.shop import Shop, open_shop
from vefa.engine.tick import StepRef, Tick
from vefa.plan.codec import plan_hash
from vefa.plan.plans import Plan
from vefa.settings import Settings
from vefa.store import open_store

#: How often a walk of a journey that runs at once asks for its turn, and seconds in between.
TRIES, BETWEEN = 100, 0.2
#: Messages in one task run.
PART = 50_000
BUSY = "Another run is walking this journey; this one had nothing to do."


def journey_flow(subject: Subject) -> Flow[Any, Any]:
    """The flow: it bears the journey's name, tells its steps, and its version is the plan's hash."""

    async def walk(now: datetime | None = None) -> State[Any]:
        return await _walk(subject, clock_of(now, subject.settings))

    walk.__name__ = walk.__qualname__ = attribute(subject.journey)
    return Flow(
        walk,
        name=subject.journey,
        description=describe(subject.plan) if subject.plan else subject.problems,
        version=plan_hash(subject.plan) if subject.plan else "broken",
        flow_run_name=partial(_run_name, subject.settings),
        persist_result=False,
    )


def clock_of(now: datetime | None, settings: Settings) -> Clock:
    """The time; fixed where a replay asks for it. A moment without a zone is on the shop's clock."""
    if now is None:
        return system_clock
    return stopped_at((now if now.tzinfo else now.replace(tzinfo=settings.zone)).astimezone(UTC))


def _run_name(settings: Settings) -> str:
    moment = flow_run.parameters.get("now") or flow_run.scheduled_start_time
    return f"{moment.astimezone(settings.zone):%Y-%m-%d %H:%M}"


async def _walk(subject: Subject, clock: Clock) -> State[Any]:
    owner = make_owner()
    with run_lines(subject.settings, run=owner, journey=subject.journey), discreetly():
        try:
            shop = await asyncio.to_thread(_open, subject, clock)
        except Exception:
            await count_failure(subject.settings, subject.journey, clock())
            raise
        try:
            async with watched_run(shop, subject.journey, clock):
                return await _journey(subject, shop, clock, owner)
        finally:
            await asyncio.to_thread(shop.close)


async def _journey(subject: Subject, shop: Shop, clock: Clock, owner: str) -> State[Any]:
    for warning in await asyncio.to_thread(prepare, shop.database, subject, clock()):
        get_run_logger().warning(warning)
    await mirror_pauses_now(shop.database)
    tick = await _begun(partial(Tick.begin, shop, subject.journey, clock=clock, owner=owner), subject.plan)
    return Completed(message=BUSY, name="Skipped") if tick is None else await _all_steps(tick)


async def _begun(begin: Callable[[], Tick], plan: Plan | None) -> Tick | None:
    """The walk; None where another run is at it. The instant path is at it for a moment, and then again: between two
    such moments the walk of the schedule, which is the net beneath it, must find its place."""
    tries = TRIES if plan is not None and plan.runs.at_once else 1
    for n in range(1, tries + 1):
        try:
            return await asyncio.to_thread(begin)
        except JourneyBusy:
            if n < tries:
                await asyncio.sleep(BETWEEN)
    return None


def _open(subject: Subject, clock: Clock) -> Shop:
    database = open_store(subject.settings)
    return open_shop(subject.settings, database=database, policy=subject.policy, clock=clock)


async def _all_steps(tick: Tick) -> State[Any]:
    try:
        await enter(unseen(tick))
        for step in await asyncio.to_thread(tick.steps):
            if due := await asyncio.to_thread(tick.due, step):
                await _step(tick, step, due)
        report = await asyncio.to_thread(tick.finish)
    except BaseException:
        await asyncio.shield(asyncio.to_thread(tick.abandon))
        raise
    tell(report)
    await asyncio.to_thread(note_success, tick.shop.database, report.journey)
    await show(report)
    return Completed(message=summary(report))


async def _step(tick: Tick, step: StepRef, due: int) -> None:
    """One task run; a long sending is several, so that a retry or a look at the UI concerns a part of it only. A very
    long one is shared with runs on other machines."""
    key, name = artifact_key(tick.plans[0].journey, step.id), _task_name(tick, step)
    shards = await share_out(tick, step, due, name)
    mine = -(-due // (len(shards) + 1)) if step.sends else 0
    for part, limit in parts(name, mine):
        await advance.with_options(task_run_name=part)(unseen(tick), step, key, limit)
    await gather_in(tick, step, shards, name)


def parts(name: str, due: int) -> list[tuple[str, int | None]]:
    """Names of the task runs that so many messages take, and how many go in each; the last one takes what is left."""
    number = max(1, -(-due // PART))
    if number == 1:
        return [(name, None)]
    return [(f"{name} {part}/{number}", PART if part < number else None) for part in range(1, number + 1)]


def _task_name(tick: Tick, step: StepRef) -> str:
    """The step's name; in an older plan that still holds customers, with that plan's."""
    older = step.plan_hash != plan_hash(tick.plans[0])
    return f"{step.id} (plan {step.plan_hash[:6]})" if older else step.id
