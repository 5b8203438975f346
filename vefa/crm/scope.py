"""Whom and what a question is about, and as of when: the SQL side of a condition's surroundings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql import ColumnElement

from vefa.crm.tables import customers
from vefa.database import other
from vefa.plan.loyalty import Programme
from vefa.settings import Shop

Source = Literal["rolled", "dated"]


@dataclass(frozen=True)
class Borders:
    """Quintile borders of the buyers: four ascending values each; a score is 1 + the borders at or below the value."""

    recency: tuple[int, ...] = ()
    frequency: tuple[int, ...] = ()
    monetary: tuple[int, ...] = ()


@dataclass(frozen=True)
class World:
    """What is the same for everybody at one moment."""

    now: datetime
    shop: Shop
    zones: tuple[str, ...]
    facts: Source = "dated"
    borders: Borders = Borders()
    loyalty: Programme = Programme()


@dataclass(frozen=True)
class Scope:
    """One row's surroundings as SQL expressions, for correlated use in any statement.

    `customer_id` is needed always. `entered_at` and the object's columns stand only inside a journey. `more` gives
    fields that rooms above this one own (coupon.*, trigger.*); `reacted` answers opened and clicked; `own_coupon`
    which coupons are meant.
    """

    world: World
    customer_id: ColumnElement[int]
    zone: ColumnElement[str] | None = None
    #: columns of the customer's own row, and of their roll-up's, where these stand in the statement beside the row
    customer: Any = None
    facts: Any = None
    #: whether the roll-up is there for every row, so that no count of it is missing
    has_facts: bool = False
    #: a statement about everybody: what other tables say comes as one set, and not anew for each row
    is_whole: bool = False
    object_kind: str | None = None
    object_id: ColumnElement[int] | None = None
    order_id: ColumnElement[int] | None = None
    entered_at: ColumnElement[datetime] | None = None
    #: the row's own kind of object, where a journey takes in people with objects of several kinds
    kind_at: ColumnElement[str] | None = None
    #: the type of the event that brought people in, and whether an event row is that very one
    trigger_event: str | None = None
    is_trigger: Callable[[Any], ColumnElement[bool]] | None = None
    more: Callable[[str], ColumnElement[Any]] | None = None
    reacted: Callable[[str, str], ColumnElement[bool]] | None = None
    #: the event that a `whenever` runs for: what it changed is asked as it was then
    event_id: ColumnElement[int] | None = None
    #: whether an event row is an answer that concerns this row's journey
    answers: Callable[[Any], ColumnElement[bool]] | None = None
    #: whether the object of an event about a coupon is one that was given here
    own_coupon: Callable[[Any], ColumnElement[bool]] | None = None

    @property
    def now(self) -> datetime:
        return self.world.now

    @property
    def zone_name(self) -> ColumnElement[str]:
        """The customer's time zone."""
        if self.zone is not None:
            return self.zone
        c = other(customers)
        return sa.select(c.c.zone).where(c.c.id == self.customer_id).correlate_except(c).scalar_subquery()


def learned_by(event: Any, now: datetime) -> ColumnElement[bool]:
    """That we knew of an event row of one customer by `now`.

    Written so that no index can be searched for it: SQLite, where nobody has counted the rows, else takes the index of
    all events of the type ever known for the one of this customer's few.
    """
    known = sa.type_coerce(event.known_at, sa.BigInteger) + 0
    return sa.type_coerce(known, event.known_at.type) <= now


def known_zones(connection: Connection) -> tuple[str, ...]:
    """Every time zone that some customer lives in, by skipping along the index."""
    first = sa.select(sa.func.min(customers.c.zone).label("zone"))
    walk = first.cte("walk", recursive=True)
    after = sa.select(sa.func.min(customers.c.zone)).where(customers.c.zone > walk.c.zone).scalar_subquery()
    walk = walk.union_all(sa.select(after).where(walk.c.zone.is_not(None)))
    rows = connection.execute(sa.select(walk.c.zone).where(walk.c.zone.is_not(None)))
    return tuple(rows.scalars())
