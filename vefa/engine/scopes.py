"""The surroundings of an enrolment, a candidate or a customer, for conditions and words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.sql import ColumnElement

from vefa.crm import facts
from vefa.crm.dates import DateNumber, MonthDay
from vefa.crm.fields import FIELDS
from vefa.crm.scope import Borders, Scope, Source, World, known_zones, learned_by
from vefa.crm.tables import events, survey_answers
from vefa.database import DAY, Instant, other
from vefa.engine.plans import Pinned
from vefa.engine.tables import enrolments, occasions
from vefa.ledger.tables import sends
from vefa.plan.codec import dump
from vefa.plan.loyalty import NO_PROGRAMME, Programme
from vefa.plan.steps import Message
from vefa.plan.ways_in import DateTrigger
from vefa.rewards.redemptions import stands
from vefa.rewards.tables import coupons, redemptions
from vefa.settings import Shop as ShopSettings

#: microseconds of a year, leap days shared out
YEAR = 146_097 * DAY // 400
#: SQL's own precedence of a division: without it the difference before it would get no brackets
DIVIDES = 8


def make_world(
    connection: Connection,
    now: Any,
    shop: ShopSettings,
    source: Source,
    *plans: Pinned,
    loyalty: Programme = NO_PROGRAMME,
) -> World:
    """What is the same for everybody at `now`. Borders are read only where a plan asks for a score."""
    needs_borders = any(map(asks_for_scores, plans))
    borders = facts.borders(connection, now, shop, source) if needs_borders else Borders()
    return World(now, shop, known_zones(connection), source, borders, loyalty)


def source_of(engine: Engine, now: datetime, shop: ShopSettings, *plans: Pinned, narrow: bool) -> Source:
    """Which rows tell of orders. A narrow walk waits for no roll-ups: a few customers' orders are counted as they are
    asked for, while an import beside it leaves a million to be made anew. Scores ask for everybody's."""
    if narrow and not any(map(asks_for_scores, plans)) and not facts.fresh(engine, now):
        return "dated"
    return facts.refresh(engine, now, shop)


def world_for(connection: Connection, world: World, pin: Pinned) -> World:
    """The same world for another journey, which may ask for scores that the one at hand does not ask for."""
    return make_world(connection, world.now, world.shop, world.facts, pin, loyalty=world.loyalty)


_SCORES: dict[str, bool] = {}


def asks_for_scores(pin: Pinned) -> bool:
    """Whether any condition of the plan names a score; known once for each plan."""
    if pin.hash not in _SCORES:
        _SCORES[pin.hash] = '"rfm.' in dump(pin.plan)
    return _SCORES[pin.hash]


def whole_world(
    connection: Connection, now: Any, shop: ShopSettings, source: Source, loyalty: Programme = NO_PROGRAMME
) -> World:
    """The same with the borders read in any case."""
    return World(now, shop, known_zones(connection), source, facts.borders(connection, now, shop, source), loyalty)


def customer_scope(world: World, customer_id: ColumnElement[int], zone: ColumnElement[str] | None = None) -> Scope:
    """A customer outside any journey: segments, audiences."""
    return Scope(world, customer_id, zone)


def enrolment_scope(world: World, pin: Pinned, e: Any = enrolments.c, event_id: Any = None) -> Scope:
    """A row of `enrolments` (or an alias's columns) with everything its steps may ask; in `whenever`, with the event
    that they run for."""
    return Scope(
        world,
        e.customer_id,
        object_kind=object_kind(pin),
        object_id=e.object_id,
        order_id=e.order_id,
        entered_at=e.entered_at,
        kind_at=e.object_kind,
        trigger_event=getattr(pin.plan.trigger, "event", None),
        is_trigger=lambda event: _is_trigger(pin, e, event),
        more=lambda name: _more(world, pin, e, name),
        reacted=lambda step, how: _reacted(world, pin, e, step, how),
        event_id=event_id,
        answers=lambda event: _answers(pin, e, event),
        own_coupon=lambda event: _own_coupon(e, event),
    )


def send_scope(world: World, pin: Pinned, step: Message) -> Scope:
    """A row of `sends` beside its enrolment, with everything that the message's words and conditions may ask."""
    if step.key not in pin.plan.aside:
        return enrolment_scope(world, pin)
    k = other(occasions)
    event = sa.select(k.c.event_id).where(k.c.id == sends.c.occasion).correlate_except(k).scalar_subquery()
    return enrolment_scope(world, pin, event_id=event)


def object_kind(pin: Pinned) -> str | None:
    """What kind of object the journey's trigger is about."""
    return getattr(pin.plan.trigger, "object_kind", None)


def _is_trigger(pin: Pinned, e: Any, event: Any) -> ColumnElement[bool]:
    """Whether the event row is the one that the enrolment was made by (the entry key tells, or the object)."""
    if object_kind(pin) is None:
        return sa.and_(event.id == e.entry_key)
    first = sa.or_(event.occurred_at == e.entered_at, event.occurrence == 0)
    return sa.and_(event.object_id.is_not_distinct_from(e.object_id), first)


def _more(world: World, pin: Pinned, e: Any, name: str) -> ColumnElement[Any]:
    """Fields of the enrolment itself and of its latest coupon."""
    match name:
        case "trigger.date":
            return sa.type_coerce(e.trigger_date, sa.Date())
        case "trigger.years":
            return _years(world, pin, e)
        case "trigger.at":
            return sa.type_coerce(e.entered_at, Instant())
        case "coupon.used":
            c, r = other(coupons), other(redemptions)
            used = sa.exists().where(c.c.enrolment_id == e.id, r.c.coupon_id == c.c.id, stands(r.c, world.now))
            return used.correlate_except(c, r)
    if name.startswith("survey."):
        return _answered(world, e, _ANSWER_COLUMNS.get(name, name.removeprefix("survey.")))
    held = other(coupons)
    latest = sa.select(held.c[name.removeprefix("coupon.")]).where(held.c.enrolment_id == e.id)
    return latest.order_by(held.c.id.desc()).limit(1).correlate_except(held).scalar_subquery()


def _own_coupon(e: Any, event: Any) -> ColumnElement[bool]:
    """Whether the event's coupon is one that the enrolment was given, or the one that brought it in."""
    c = other(coupons)
    given = sa.exists().where(c.c.enrolment_id == e.id, c.c.id == event.object_id).correlate_except(c)
    return sa.or_(given, sa.and_(e.object_kind == "coupon", e.object_id == event.object_id))


def _years(world: World, pin: Pinned, e: Any) -> ColumnElement[Any]:
    """How many times the day has come round; empty in a journey that begins with no day.

    A moment's day is that of the customer's own clock, so it is told by the time from it to the entry, whole years of
    it: the hour of the trigger, zones and leap days come to less than a week.
    """
    trigger = pin.plan.trigger
    if not isinstance(trigger, DateTrigger):
        return sa.null()
    field = FIELDS[trigger.field]
    value, day = field.sql(customer_scope(world, e.customer_id)), sa.type_coerce(e.trigger_date, sa.Date())
    if field.kind == "date":
        years = (DateNumber(day) - DateNumber(value)).op("/", precedence=DIVIDES)(sa.literal(10_000, sa.Integer()))
        return sa.case((day.is_not(None), years + _leap_day(day, value)))
    since = sa.type_coerce(e.entered_at, sa.BigInteger) - sa.type_coerce(value, sa.BigInteger)
    shifted = since - sa.literal(trigger.offset * DAY - YEAR // 2, sa.BigInteger)
    return sa.case((day.is_not(None), shifted.op("/", precedence=DIVIDES)(sa.literal(YEAR, sa.BigInteger))))


def _leap_day(day: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Who was born on 29 February is a year older on the 28th of other years, which their numbers alone do not say."""
    early = sa.and_(MonthDay(day) == 228, MonthDay(value) == 229)
    return sa.case((early, 1), else_=0)


_ANSWER_COLUMNS = {"survey.name": "survey"}


def _answered(world: World, e: Any, column: str) -> ColumnElement[Any]:
    """Of the latest answer to a message of this enrolment."""
    a, s = other(survey_answers), other(sends)
    known = sa.and_(s.c.enrolment_id == e.id, a.c.answered_known_at <= world.now)
    query = sa.select(a.c[column]).join_from(a, s, s.c.id == a.c.send_id).where(known)
    return query.order_by(a.c.answered_at.desc(), a.c.id.desc()).limit(1).correlate_except(a, s).scalar_subquery()


def _answers(pin: Pinned, e: Any, event: Any) -> ColumnElement[bool]:
    """Whether an event row is an answer to what this enrolment asked; if its journey asks nothing, one about its object
    or the order of that."""
    a, s = other(survey_answers), other(sends)
    if any(isinstance(step, Message) and step.survey for step in pin.plan.steps):
        asked = sa.exists().where(a.c.id == event.object_id, s.c.id == a.c.send_id, s.c.enrolment_id == e.id)
        return asked.correlate_except(a, s)
    same = sa.and_(a.c.object_kind == e.object_kind, a.c.object_id == e.object_id)
    about = sa.exists().where(a.c.id == event.object_id, sa.or_(same, a.c.order_id == e.order_id))
    return about.correlate_except(a)


def _reacted(world: World, pin: Pinned, e: Any, step: str, how: str) -> ColumnElement[bool]:
    s, v = other(sends), other(events)
    return (
        sa.exists()
        .where(
            s.c.enrolment_id == e.id,
            s.c.step == pin.number(step),
            v.c.customer_id == e.customer_id,
            v.c.type == f"email.{how}",
            v.c.object_id == s.c.id,
            learned_by(v.c, world.now),
        )
        .correlate_except(s, v)
    )
