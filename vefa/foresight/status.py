"""How all journeys stand at one moment: who waits where, what is late, what went out, and what needs a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.tables import customers
from vefa.engine.tables import enrolments, journeys, plans, step_names
from vefa.foresight.met import Followed, followed
from vefa.foresight.order_contents import order_troubles
from vefa.foresight.troubles import Trouble, troubles
from vefa.ledger.tables import batches, breakers, sends
from vefa.plan.codec import load
from vefa.plan.plans import Plan, Runs
from vefa.settings import Shop

DAY, WEEK = timedelta(days=1), timedelta(days=7)
#: Unknown sends that are told one by one; more than these are a trouble of another kind.
SHOWN = 50


@dataclass(frozen=True)
class Sendings:
    """What became of messages in a stretch of time."""

    sent: int = 0
    held: int = 0
    failed: int = 0
    unknown: int = 0


@dataclass(frozen=True)
class Waiting:
    """How many stand at one step, and how many of them are due."""

    step: str
    customers: int
    due: int


@dataclass(frozen=True)
class JourneyStatus:
    """One journey at this moment."""

    journey: str
    state: str
    plan: str | None
    active: int
    due: int
    late: int
    last_tick_at: datetime | None
    waiting: tuple[Waiting, ...] = ()
    day: Sendings = Sendings()
    week: Sendings = Sendings()
    patience: timedelta = timedelta(minutes=30)
    #: events that `whenever` follows
    events: Followed = Followed()


@dataclass(frozen=True)
class Unknown:
    """A message that may or may not have gone out."""

    send: int
    journey: str
    step: str
    customer: str
    medium: str | None
    attempt: int
    claimed_at: datetime | None
    reason: str | None


@dataclass(frozen=True)
class Breaker:
    """A channel that nothing may go by until it is mended."""

    channel: str
    reason: str
    open_until: datetime


@dataclass(frozen=True)
class Status:
    """The whole shop at one moment."""

    now: datetime
    journeys: tuple[JourneyStatus, ...]
    breakers: tuple[Breaker, ...]
    unknown: tuple[Unknown, ...]
    unknown_in_all: int
    troubles: tuple[Trouble, ...] = ()


def status(
    connection: Connection,
    now: datetime,
    wall: datetime,
    *,
    iys: bool = False,
    rests: bool = False,
    shop: Shop | None = None,
) -> Status:
    """Everything about all journeys as of `now`; breakers are closed by the wall clock. `iys`: the shop has it on;
    `rests`: its loyalty programme does; `shop`: in whose settings the rates of currencies stand."""
    waiting, sendings = _waiting(connection, now), _sendings(connection, now)
    rows = connection.execute(
        sa.select(journeys, plans.c.hash, plans.c.body)
        .join(plans, plans.c.id == journeys.c.plan_id, isouter=True)
        .order_by(journeys.c.name)
    ).all()
    each = tuple(_journey(connection, row, now, waiting.get(row.id, ()), sendings.get(row.id)) for row in rows)
    count = sa.select(sa.func.count()).select_from(sends).where(sends.c.state == "unknown")
    in_all = connection.execute(count).scalar_one()
    found = Status(now, each, _breakers(connection, wall), _unknown(connection), in_all)
    late = troubles(connection, found, wall, iys, rests)
    return replace(found, troubles=(*late, *order_troubles(connection, now, shop)))


def _journey(
    connection: Connection, row: Any, now: datetime, waiting: tuple[Waiting, ...], sent: _Windows | None
) -> JourneyStatus:
    plan = load(row.body) if row.body else None
    queued = _queued(connection, row.id, now)
    events = followed(connection, row.id, now, now - patience(plan))
    return JourneyStatus(
        row.name,
        row.state,
        row.hash,
        sum(each.customers for each in waiting),
        sum(each.due for each in waiting) + queued + events.under_way,
        _late(connection, row.id, now - patience(plan)) + events.late,
        row.last_tick_at,
        _in_plan_order(waiting, plan),
        sent.day if sent else Sendings(),
        sent.week if sent else Sendings(),
        patience(plan),
        events,
    )


def patience(plan: Plan | None) -> timedelta:
    """How long something may be due before it is late: two of the journey's own intervals."""
    runs = plan.runs if plan else Runs(minutes=15)
    if runs.at_once:
        return timedelta(minutes=5)
    return timedelta(hours=25) if runs.at else timedelta(minutes=2 * (runs.minutes or 15))


def _in_plan_order(waiting: Iterable[Waiting], plan: Plan | None) -> tuple[Waiting, ...]:
    order = {step.key: place for place, step in enumerate(plan.steps)} if plan else {}
    return tuple(sorted(waiting, key=lambda each: (order.get(each.step, len(order)), each.step)))


def _waiting(connection: Connection, now: datetime) -> dict[int, tuple[Waiting, ...]]:
    e, n = enrolments.c, step_names.c
    due = sa.func.sum(sa.case((e.due_at <= now, 1), else_=0))
    rows = connection.execute(
        sa.select(e.journey_id, n.name, sa.func.count(), due)
        .select_from(enrolments.join(step_names, n.id == e.step, isouter=True))
        .where(e.state == "active")
        .group_by(e.journey_id, n.name)
    )
    found: dict[int, list[Waiting]] = {}
    for journey, step, count, due_now in rows:
        found.setdefault(journey, []).append(Waiting(step or "", count, int(due_now or 0)))
    return {journey: tuple(each) for journey, each in found.items()}


def _queued(connection: Connection, journey_id: int, before: datetime) -> int:
    s, b = sends.c, batches.c
    opened = sa.select(b.id).where(b.journey_id == journey_id, b.settled_at.is_(None))
    waiting = sa.and_(s.state == "queued", s.not_before <= before)
    loose, whole = sa.and_(s.journey_id == journey_id, s.batch_id.is_(None), waiting), s.batch_id.in_(opened)
    count = sa.select(sa.func.count()).select_from(sends)
    return sum(connection.execute(count.where(w)).scalar_one() for w in (loose, sa.and_(whole, waiting)))


def _late(connection: Connection, journey_id: int, before: datetime) -> int:
    e = enrolments.c
    standing = connection.execute(
        sa.select(sa.func.count())
        .select_from(enrolments)
        .where(e.journey_id == journey_id, e.state == "active", e.due_at <= before)
    ).scalar_one()
    return standing + _queued(connection, journey_id, before)


@dataclass(frozen=True)
class _Windows:
    day: Sendings
    week: Sendings


KINDS = {"sent": "sent", "skipped": "held", "failed": "failed", "unknown": "unknown"}


def _sendings(connection: Connection, now: datetime) -> dict[int, _Windows]:
    s = sends.c
    when = sa.func.coalesce(s.settled_at, s.claimed_at, type_=s.due_at.type)
    lately = sa.func.sum(sa.case((when > now - DAY, 1), else_=0))
    rows = connection.execute(
        sa.select(s.journey_id, s.state, sa.func.count(), lately)
        .where(s.state.in_(KINDS), when > now - WEEK, when <= now)
        .group_by(s.journey_id, s.state)
    )
    found: dict[int, tuple[dict[str, int], dict[str, int]]] = {}
    for journey, state, week, day in rows:
        days, weeks = found.setdefault(journey, ({}, {}))
        days[KINDS[state]], weeks[KINDS[state]] = int(day or 0), week
    return {journey: _Windows(Sendings(**days), Sendings(**weeks)) for journey, (days, weeks) in found.items()}


def _breakers(connection: Connection, wall: datetime) -> tuple[Breaker, ...]:
    b = breakers.c
    rows = connection.execute(
        sa.select(b.channel, b.reason, b.open_until).where(b.open_until > wall).order_by(b.channel)
    )
    return tuple(Breaker(*row) for row in rows)


def _unknown(connection: Connection) -> tuple[Unknown, ...]:
    s = sends.c
    rows = connection.execute(
        sa.select(
            s.id,
            journeys.c.name,
            step_names.c.name,
            customers.c.outside_id,
            s.medium,
            s.attempt,
            s.claimed_at,
            s.reason,
        )
        .select_from(
            sends.join(journeys, journeys.c.id == s.journey_id)
            .join(customers, customers.c.id == s.customer_id)
            .join(step_names, step_names.c.id == s.step)
        )
        .where(s.state == "unknown")
        .order_by(s.claimed_at.desc(), s.id.desc())
        .limit(SHOWN)
    )
    return tuple(Unknown(*row) for row in rows)


@dataclass(frozen=True)
class Totals:
    """What a journey has done since it began."""

    journey: str
    entered: int = 0
    holdout: int = 0
    active: int = 0
    finished: int = 0
    left: int = 0
    goals: int = 0
    sent: dict[str, int] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    unknown: int = 0


def totals(connection: Connection) -> tuple[Totals, ...]:
    """Every journey from its beginning: entries, ends, messages by channel, held-back ones by reason."""
    people, messages = _people(connection), _messages(connection)
    names = connection.execute(sa.select(journeys.c.id, journeys.c.name).order_by(journeys.c.name))
    return tuple(Totals(name, **people.get(key, {}), **messages.get(key, {})) for key, name in names)


def _people(connection: Connection) -> dict[int, dict[str, Any]]:
    e = enrolments.c
    rows = connection.execute(
        sa.select(e.journey_id, e.state, sa.func.count(), sa.func.count(e.goal_at)).group_by(e.journey_id, e.state)
    )
    found: dict[int, dict[str, Any]] = {}
    for journey, state, count, goals in rows:
        counts = found.setdefault(journey, {"entered": 0, "goals": 0})
        counts[state] = count
        counts["goals"] += goals
        counts["entered"] += count if state != "holdout" else 0
    return found


def _messages(connection: Connection) -> dict[int, dict[str, Any]]:
    s = sends.c
    rows = connection.execute(
        sa.select(s.journey_id, s.state, s.medium, s.reason, sa.func.count())
        .where(s.state.in_(KINDS))
        .group_by(s.journey_id, s.state, s.medium, s.reason)
    )
    found: dict[int, dict[str, Any]] = {}
    for journey, state, medium, reason, count in rows:
        counts = found.setdefault(journey, {"sent": {}, "held": {}, "failed": 0, "unknown": 0})
        match state:
            case "sent":
                counts["sent"][medium] = counts["sent"].get(medium, 0) + count
            case "skipped":
                counts["held"][reason or "?"] = counts["held"].get(reason or "?", 0) + count
            case _:
                counts[state] += count
    return found


def busiest_customer(connection: Connection) -> str | None:
    """The shop's number of the customer with the most messages: a good one to ask `why` about."""
    s = sends.c
    row = connection.execute(
        sa.select(customers.c.outside_id)
        .join(sends, s.customer_id == customers.c.id)
        .group_by(customers.c.outside_id)
        .order_by(sa.func.count(s.journey_id.distinct()).desc(), sa.func.count().desc(), customers.c.outside_id)
        .limit(1)
    ).one_or_none()
    return None if row is None else str(row.outside_id)
