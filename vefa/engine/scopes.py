"""The surroundings of an enrolment, a candidate or a customer, for conditions and words."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

from vefa.crm import facts
from vefa.crm.scope import Borders, Scope, Source, World, known_zones, learned_by
from vefa.crm.tables import events, orders
from vefa.database import Instant, other
from vefa.engine.plans import Pinned
from vefa.engine.tables import enrolments
from vefa.ledger.tables import sends
from vefa.plan.codec import dump
from vefa.plan.loyalty import NO_PROGRAMME, Programme
from vefa.rewards.tables import coupons
from vefa.settings import Shop as ShopSettings


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


def enrolment_scope(world: World, pin: Pinned, e: Any = enrolments.c) -> Scope:
    """A row of `enrolments` (or an alias's columns) with everything its steps may ask."""
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
        more=lambda name: _more(world, e, name),
        reacted=lambda step, how: _reacted(world, pin, e, step, how),
    )


def object_kind(pin: Pinned) -> str | None:
    """What kind of object the journey's trigger is about."""
    return getattr(pin.plan.trigger, "object_kind", None)


def _is_trigger(pin: Pinned, e: Any, event: Any) -> ColumnElement[bool]:
    """Whether the event row is the one that the enrolment was made by (the entry key tells, or the object)."""
    if object_kind(pin) is None:
        return sa.and_(event.id == e.entry_key)
    first = sa.or_(event.occurred_at == e.entered_at, event.occurrence == 0)
    return sa.and_(event.object_id.is_not_distinct_from(e.object_id), first)


def _more(world: World, e: Any, name: str) -> ColumnElement[Any]:
    """Fields of the enrolment itself and of its latest coupon."""
    match name:
        case "trigger.date":
            return sa.type_coerce(e.trigger_date, sa.Date())
        case "trigger.at":
            return sa.type_coerce(e.entered_at, Instant())
        case "coupon.used":
            c, o = other(coupons), other(orders)
            used = sa.exists().where(
                c.c.enrolment_id == e.id, o.c.coupon_code == c.c.code, o.c.placed_known_at <= world.now
            )
            return used.correlate_except(c, o)
    held = other(coupons)
    latest = sa.select(held.c[name.removeprefix("coupon.")]).where(held.c.enrolment_id == e.id)
    return latest.order_by(held.c.id.desc()).limit(1).correlate_except(held).scalar_subquery()


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
