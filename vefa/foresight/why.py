"""Why one customer got what they got, and why not the rest: told from the tables, and from them alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.points import point_moves
from vefa.crm.tables import deliveries, events, orders, returns, reviews, tickets
from vefa.engine.tables import considered, enrolments, journeys, plans, step_names
from vefa.errors import UserError
from vefa.foresight.answered import Answered, answers_of
from vefa.foresight.errands import Told, told_of
from vefa.foresight.explain import cron_words
from vefa.foresight.met import Met, events_met
from vefa.foresight.persons import Person, find_person
from vefa.foresight.reasons import reason_words, refusal_words
from vefa.foresight.sendings import Sending, sendings
from vefa.language.conditions import Duration, EventScope
from vefa.language.english import day_words, event_sentence, moment, name_of
from vefa.language.problems import did_you_mean
from vefa.plan.codec import load
from vefa.plan.plans import Plan
from vefa.plan.steps import Message
from vefa.rewards.tables import coupons, pool_codes, redemptions


@dataclass(frozen=True)
class Gift:
    """A coupon made for this enrolment."""

    step: str
    code: str
    made_at: datetime
    valid_until: datetime | None
    pool: str | None = None
    told_at: datetime | None = None
    used_at: datetime | None = None
    order: str | None = None


@dataclass(frozen=True)
class Granted:
    """Points that a step gave."""

    step: str
    points: int
    at: datetime


@dataclass(frozen=True)
class Story:
    """One time through a journey. `passed` are the steps that were surely behind them, in order."""

    enrolment: int
    plan: str
    entered_at: datetime
    enrolled_at: datetime
    by: str
    state: str
    reason: str | None
    because: str
    left_at: datetime | None
    goal_at: datetime | None
    passed: tuple[str, ...]
    step: str | None
    due_at: datetime | None
    sendings: tuple[Sending, ...]
    gifts: tuple[Gift, ...]
    met: tuple[Met, ...] = ()
    errands: tuple[Told, ...] = ()
    #: they wait for a test at the step to be decided
    waits_for_test: bool = False
    points: tuple[Granted, ...] = ()
    answers: tuple[Answered, ...] = ()


@dataclass(frozen=True)
class Refused:
    """An event that was looked at and let them in nowhere."""

    event: str
    what: str
    about: str
    occurred_at: datetime
    considered_at: datetime
    outcome: str
    because: str


@dataclass(frozen=True)
class InJourney:
    """Everything between the customer and one journey."""

    journey: str
    state: str
    stories: tuple[Story, ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True)
class Why:
    """The customer, and each journey that ever looked at them."""

    person: Person
    journeys: tuple[InJourney, ...]


def why(connection: Connection, who: str, journey: str | None = None) -> Why:
    """The whole story of one customer, in one journey or in all that know them."""
    person = find_person(connection, who)
    rows = connection.execute(
        sa.select(journeys.c.id, journeys.c.name, journeys.c.state).order_by(journeys.c.name)
    ).all()
    if journey is not None and journey not in {row.name for row in rows}:
        names = [row.name for row in rows]
        advice = did_you_mean(journey, names, "vefa status lists those that ever ran.")
        raise UserError(f'No journey "{journey}" has ever run. {advice}')
    told = (_in_journey(connection, person, row) for row in rows if journey in {None, row.name})
    return Why(person, tuple(each for each in told if journey or each.stories or each.refused))


def _in_journey(connection: Connection, person: Person, row: Any) -> InJourney:
    stories = tuple(_stories(connection, person.id, row.id))
    return InJourney(row.name, row.state, stories, tuple(_refused(connection, person.id, row.id)))


def _stories(connection: Connection, customer_id: int, journey_id: int) -> Iterator[Story]:
    e = enrolments.c
    rows = connection.execute(
        sa.select(enrolments, plans.c.hash, plans.c.body, step_names.c.name.label("step_key"))
        .join(plans, plans.c.id == e.plan_id)
        .join(step_names, step_names.c.id == e.step, isouter=True)
        .where(e.journey_id == journey_id, e.customer_id == customer_id)
        .order_by(e.entered_at, e.id)
    ).all()
    for row in rows:
        yield _story(connection, row)


def _story(connection: Connection, row: Any) -> Story:
    plan = load(row.body)
    step = row.step_key if row.state == "active" else None
    sent = sendings(connection, row.id)
    told = told_of(connection, row.id)
    known = {each.step for each in sent} | {each.step for each in told} | ({step} if step else set())
    return Story(
        row.id,
        row.hash,
        row.entered_at,
        row.enrolled_at,
        _entered_by(connection, plan, row),
        row.state,
        row.reason,
        reason_words(row.reason or ""),
        row.left_at,
        row.goal_at,
        passed(plan, known, row.state, step),
        step,
        row.due_at if row.state == "active" else None,
        sent,
        tuple(_gifts(connection, row.id)),
        events_met(connection, row.id),
        told,
        _waits_for_test(plan, row, step),
        tuple(_points(connection, row.id)),
        answers_of(connection, row.id),
    )


def _waits_for_test(plan: Plan, row: Any, step: str | None) -> bool:
    at = plan.by_key.get(step or "")
    has_test = isinstance(at, Message) and at.test is not None
    return has_test and row.phase == 0 and row.due_at is not None and row.due_at > row.arrived_at


def passed(plan: Plan, known: Iterable[str], state: str, standing: str | None) -> tuple[str, ...]:
    """Ids of the steps that one must have passed to be known at those others; the step one stands at is not passed.

    The tables keep no walk, but a plan tells: a step is behind whoever could not have come this far without it.
    """
    if state == "holdout":
        return ()
    marks = set(known)
    keys = {step.key for step in plan.own_steps if step.key in marks or step.id in marks}
    ends: set[str | None] = {*keys, None} if state == "finished" else {*keys}
    behind = [step for step in plan.own_steps if any(_needs(plan, end, step.key) for end in ends)]
    return tuple(dict.fromkeys(step.id for step in behind if step.key != standing))


def _needs(plan: Plan, end: str | None, key: str) -> bool:
    """Whether every way from the beginning to `end` goes through `key`."""
    if end == key:
        return True
    reached: set[str | None] = {plan.first} - {key}
    for step in plan.steps:
        if step.key in reached and step.key != key:
            onward = plan.after(step) or (None,)
            reached |= set(onward)
    reached.discard(key)
    return end not in reached


#: What a person calls an object, by its kind: the table and the column to name it by.
OBJECTS: dict[str, tuple[sa.Table, str, str]] = {
    "order": (orders, "number", "order"),
    "delivery": (deliveries, "outside_id", "parcel"),
    "return": (returns, "outside_id", "return"),
    "ticket": (tickets, "outside_id", "complaint"),
    "review": (reviews, "outside_id", "review"),
}


def _entered_by(connection: Connection, plan: Plan, row: Any) -> str:
    trigger = plan.trigger
    about = _object(connection, row.object_kind, row.object_id)
    match trigger.kind:
        case "event":
            said = event_sentence(EventScope(trigger.event), past=True)
            return f"{said} ({about})" if about else said
        case "date":
            day = moment(name_of(trigger.field), Duration(days=trigger.offset))
            return f"it was {day} ({_day(row.trigger_date)})"
        case "segment":
            return f"they came into the segment “{trigger.name}”"
        case "every":
            return f"it was time: {cron_words(trigger.cron)}"
        case "entered":
            return f"another journey sent them ({about})" if about else "another journey sent them"


def _day(day: date | None) -> str:
    return day_words(day) if day else "no day"


def _object(connection: Connection, kind: str | None, object_id: int | None) -> str:
    if kind not in OBJECTS or object_id is None:
        return ""
    table, column, noun = OBJECTS[kind]
    name = connection.scalar(sa.select(table.c[column]).where(table.c.id == object_id))
    return f"{noun} {name}" if name else ""


def _refused(connection: Connection, customer_id: int, journey_id: int) -> Iterator[Refused]:
    k, e = considered.c, events.c
    rows = connection.execute(
        sa.select(e.type, e.object_kind, e.object_id, e.occurred_at, k.at, k.outcome)
        .join(events, e.id == k.event_id)
        .where(k.journey_id == journey_id, e.customer_id == customer_id)
        .where(k.outcome.not_in(("entered", "holdout")))
        .order_by(e.occurred_at, e.id)
    ).all()
    for row in rows:
        about = _object(connection, row.object_kind, row.object_id)
        yield Refused(
            row.type,
            event_sentence(EventScope(row.type), past=True),
            about,
            row.occurred_at,
            row.at,
            row.outcome,
            refusal_words(row.outcome),
        )


def _gifts(connection: Connection, enrolment_id: int) -> Iterator[Gift]:
    c, r = coupons.c, redemptions.c
    used = sa.and_(r.coupon_id == c.id, r.counts)
    told = [c.code, c.made_at, c.valid_until, pool_codes.c.pool, c.valid_from, r.at, orders.c.number]
    rows = connection.execute(
        sa.select(step_names.c.name, *told)
        .select_from(coupons)
        .join(step_names, step_names.c.id == c.step)
        .outerjoin(pool_codes, pool_codes.c.id == c.pool_code_id)
        .outerjoin(redemptions, used)
        .outerjoin(orders, orders.c.id == r.order_id)
        .where(c.enrolment_id == enrolment_id)
        .order_by(c.made_at, c.id)
    )
    for row in rows:
        yield Gift(*row)


def _points(connection: Connection, enrolment_id: int) -> Iterator[Granted]:
    m = point_moves.c
    query = sa.select(step_names.c.name, m.points, m.at).join(step_names, step_names.c.id == m.step)
    for row in connection.execute(query.where(m.enrolment_id == enrolment_id).order_by(m.at, m.id)):
        yield Granted(*row)
