"""What tests on messages came to: each variant's rate with its interval, and whether they differ beyond chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.database import Instant
from vefa.engine.tables import journeys, plans, step_names
from vefa.engine.trial_tables import test_decisions
from vefa.engine.trials import Run, Tally
from vefa.errors import UserError
from vefa.insight.proportions import Share, by_chance
from vefa.language.problems import did_you_mean
from vefa.ledger.tables import sends
from vefa.plan.codec import load
from vefa.plan.plans import Plan
from vefa.plan.steps import Message
from vefa.plan.ways_in import EveryTrigger

s, d = sends.c, test_decisions.c

#: A difference that chance makes in fewer of 100 tests than this counts as one.
BEYOND = 0.05


@dataclass(frozen=True)
class Tried:
    """One variant of a test: how many got it, how many of these did what counts, and what that says of everybody.

    `at_decision` is what it was decided by, where it was decided.
    """

    variant: str
    sent: int
    reacted: int
    rate: float
    low: float
    high: float
    at_decision: Tally | None = None


@dataclass(frozen=True)
class TrialRun:
    """One test. `p_value` compares the two best variants, corrected for their number; None: too few to tell."""

    journey: str
    step: str
    began_at: datetime
    by: str
    decide_seconds: int
    variants: tuple[Tried, ...]
    chosen: str | None
    decided_at: datetime | None
    p_value: float | None
    beyond_chance: bool | None


def trial_runs(connection: Connection, now: datetime, journey: str | None = None) -> tuple[TrialRun, ...]:
    """All tests that ever began, the newest first, as of now; only the journey's where one is named."""
    if journey is not None:
        _check(connection, journey)
    return tuple(sorted(_runs(connection, now, journey), key=lambda run: run.began_at, reverse=True))


def _check(connection: Connection, journey: str) -> None:
    names = list(connection.scalars(sa.select(journeys.c.name)))
    if journey not in names:
        advice = did_you_mean(journey, names, "vefa status lists those that ever ran.")
        raise UserError(f'No journey "{journey}" has ever run. {advice}')


def _runs(connection: Connection, now: datetime, journey: str | None) -> Iterator[TrialRun]:
    began = sa.type_coerce(sa.func.min(s.claimed_at), Instant()).label("began_at")
    found = sa.select(s.journey_id, s.step, s.trial, sa.func.max(s.plan_id).label("plan_id"), began)
    found = found.where(s.trial.is_not(None), s.claimed_at <= now)
    if journey is not None:
        found = found.where(
            s.journey_id == sa.select(journeys.c.id).where(journeys.c.name == journey).scalar_subquery()
        )
    each = found.group_by(s.journey_id, s.step, s.trial).subquery("each")
    rows = connection.execute(
        sa.select(each, journeys.c.name.label("journey"), step_names.c.name.label("named"), plans.c.body)
        .select_from(each)
        .join(journeys, journeys.c.id == each.c.journey_id)
        .join(step_names, step_names.c.id == each.c.step)
        .join(plans, plans.c.id == each.c.plan_id)
    )
    for row in rows.all():
        if (run := _run(connection, row, now)) is not None:
            yield run


def _run(connection: Connection, row: Any, now: datetime) -> TrialRun | None:
    plan = load(row.body)
    step = _step(plan, row.named)
    if step is None or step.test is None:
        return None
    run = Run(row.journey_id, row.step, row.trial, step.test, isinstance(plan.trigger, EveryTrigger))
    mine = sa.and_(d.journey_id == row.journey_id, d.step == row.step, d.trial == row.trial)
    decided = connection.execute(sa.select(d.chosen, d.decided_at, d.counts).where(mine, d.decided_at <= now)).first()
    tallies = run.tallies(connection, now)
    then = {name: Tally(*counts) for name, counts in decided.counts.items()} if decided else {}
    names = [variant.name for variant in step.test.variants]
    shares = {name: Share(tally.reacted, tally.sent) for name in names for tally in [tallies.get(name, Tally())]}
    p_value = _beyond(list(shares.values()))
    return TrialRun(
        row.journey,
        row.named,
        row.began_at,
        step.test.by,
        int(run.decide.total_seconds()),
        tuple(_tried(name, share, then.get(name)) for name, share in shares.items()),
        decided.chosen if decided else None,
        decided.decided_at if decided else None,
        p_value,
        None if p_value is None else p_value < BEYOND,
    )


def _step(plan: Plan, step_id: str) -> Message | None:
    return next((step for step in plan.steps if step.id == step_id and isinstance(step, Message) and step.test), None)


def _tried(name: str, share: Share, then: Tally | None) -> Tried:
    sure = share.interval
    return Tried(name, share.of, share.hits, share.rate or 0.0, sure.low, sure.high, then)


def _beyond(shares: list[Share]) -> float | None:
    """Of the best against the next best. Among many pairs some differ by chance, so it is counted for all of them
    (Bonferroni)."""
    best, second = sorted(shares, key=lambda share: -(share.rate or 0.0))[:2]
    found = by_chance(best, second)
    pairs = len(shares) * (len(shares) - 1) // 2
    return None if found is None else min(1.0, found * pairs)
