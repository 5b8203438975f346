"""Loyalty programmes for tests, and a short way to settle and look."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from tests.engine.worlds import World
from vefa.crm.points import point_moves
from vefa.crm.points_fields import signed
from vefa.database import reading
from vefa.language.conditions import Duration
from vefa.plan.loyalty import Earning, Expiry, Level, Programme
from vefa.rewards.points import Settled, settle_points

LEVELS = (
    Level("bronze", 0, {"tr": "Bronz"}),
    Level("silver", 50, {"tr": "Gümüş"}),
    Level("gold", 200, {"tr": "Altın"}),
)
PROGRAMME = Programme(
    date(2026, 1, 1),
    Earning(1, Decimal(10)),
    Expiry(Duration(365), tell=Duration(30)),
    worth=Decimal("0.10"),
    rules={"review": 50, "survey": 20},
    levels=LEVELS,
)


def settle(world: World, at: datetime, programme: Programme = PROGRAMME) -> Settled:
    """Post what is due at that moment."""
    return settle_points(world.database, programme, world.settings.shop, at)


def balance(world: World, customer: int, at: datetime | None = None) -> int:
    """What all moves come to."""
    m = point_moves.c
    query = sa.select(sa.func.coalesce(sa.func.sum(signed(m)), 0)).where(m.customer_id == customer)
    with reading(world.database) as connection:
        return int(connection.scalar(query if at is None else query.where(m.at <= at)) or 0)


def settled(world: World, customer: int, at: datetime, programme: Programme = PROGRAMME) -> int:
    """What they have once that is posted."""
    settle(world, at, programme)
    return balance(world, customer)


def moves(world: World, customer: int) -> list[tuple[str, int]]:
    """(kind, change) of each move, in the order of time."""
    rows: list[Any] = world.rows(point_moves, point_moves.c.customer_id == customer)
    return [
        (row.kind, row.points if row.credit == "customer" else -row.points)
        for row in sorted(rows, key=lambda row: (row.at, row.id))
    ]
