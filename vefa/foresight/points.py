"""How a customer stands in the loyalty programme, and by which moves they came there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.contexts import FieldColumns
from vefa.crm.points import point_moves
from vefa.crm.points_fields import signed
from vefa.crm.scope import Scope, World
from vefa.crm.tables import customers, orders
from vefa.engine.tables import enrolments, journeys
from vefa.foresight.persons import Person
from vefa.plan.loyalty import Programme
from vefa.settings import Shop

_FIELDS = ("points", "worth", "tier", "next_tier", "to_next_tier", "expiring", "expires_at")


@dataclass(frozen=True)
class MoveTold:
    """One line of the ledger."""

    at: datetime
    kind: str
    what: str
    change: int
    until: datetime | None


@dataclass(frozen=True)
class Standing:
    """As of the moment asked about."""

    points: int
    worth: Decimal | None
    currency: str
    tier: str | None
    next_tier: str | None
    to_next_tier: int | None
    expiring: int
    expires_at: datetime | None
    moves: tuple[MoveTold, ...]


def points_of(connection: Connection, person: Person, programme: Programme, shop: Shop, now: datetime) -> Standing:
    """The customer's points and tier as of `now`."""
    world = World(now, shop, (), "dated", loyalty=programme)
    words = FieldColumns.of([f"loyalty.{name}" for name in _FIELDS], shop.currency)
    query = sa.select(*words.select(Scope(world, customers.c.id))).where(customers.c.id == person.id)
    row = connection.execute(query).one()
    raw = [[_plain(value)] for value in row]
    told = {name.partition(".")[2]: column[0] for name, column in words.read(raw, [person.zone]).items()}
    worth = told.pop("worth")
    amount = worth.amount if worth is not None else None
    return Standing(worth=amount, currency=shop.currency, moves=_moves(connection, person.id, now), **told)


def _plain(value: Any) -> Any:
    """As the driver would give it."""
    from vefa.database import Money, to_micros

    if isinstance(value, datetime):
        return to_micros(value)
    return int(value * Money.scale) if isinstance(value, Decimal) else value


def _moves(connection: Connection, customer_id: int, now: datetime) -> tuple[MoveTold, ...]:
    m = point_moves.c
    named = sa.func.coalesce(m.reason, orders.c.number, journeys.c.name)
    query = (
        sa.select(m.at, m.kind, named, m.rule, signed(m), m.runs_out_at)
        .join(orders, orders.c.id == m.order_id, isouter=True)
        .join(enrolments, enrolments.c.id == m.enrolment_id, isouter=True)
        .join(journeys, journeys.c.id == enrolments.c.journey_id, isouter=True)
        .where(m.customer_id == customer_id, m.at <= now)
        .order_by(m.at, m.id)
    )
    return tuple(
        MoveTold(at, kind, _what(name, rule), int(change), until)
        for at, kind, name, rule, change, until in connection.execute(query)
    )


def _what(name: str | None, rule: str | None) -> str:
    return ", ".join(each for each in (rule, name) if each)
