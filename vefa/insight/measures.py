"""The shop's own measures over a stretch of time: who stays, who comes again, what an order is worth.

Everything is counted from dated rows as of a moment, so the stretch before can be told by the same words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.facts import counted, dated, unpriced, worth
from vefa.crm.tables import customers, events, orders
from vefa.database import Money
from vefa.insight.proportions import Share
from vefa.settings import Shop

#: The shop's own event (config/events.yaml) that tells of a basket left without an order.
BASKET = "basket.abandoned"
#: A basket counts as come back to when an order follows within so long.
COMES_BACK = timedelta(days=7)


@dataclass(frozen=True)
class Measures:
    """What a stretch of time looks like from its end. Money is in the shop's currency.

    `retention`: regulars (two orders or more) of all customers. `repeat`: regulars of all buyers. `conversion`: of
    those who signed up in the stretch, who has ordered. `baskets`: of those left in the stretch, who ordered within
    seven days after. `unpriced`: of the orders, those in a currency without a rate: they are in no sum and no average.
    """

    begin: datetime
    end: datetime
    customers: int
    retention: Share
    repeat: Share
    orders: int
    revenue: Decimal
    conversion: Share
    baskets: Share
    unpriced: int = 0

    @property
    def average_order(self) -> Decimal | None:
        """What an order is worth; None where there was none whose worth is known."""
        priced = self.orders - self.unpriced
        return (self.revenue / priced).quantize(Decimal("0.01")) if priced else None


def measures(connection: Connection, begin: datetime, end: datetime, shop: Shop) -> Measures:
    """The shop from `begin` to `end`, as it was known at `end`."""
    everybody = _customers(connection, end)
    buyers, regulars = _buyers(connection, end, shop)
    count, revenue, without_rate = _orders(connection, begin, end, shop)
    return Measures(
        begin,
        end,
        everybody,
        Share(regulars, everybody),
        Share(regulars, buyers),
        count,
        revenue,
        _conversion(connection, begin, end),
        _baskets(connection, begin, end),
        without_rate,
    )


def _customers(connection: Connection, end: datetime) -> int:
    c = customers.c
    there = sa.and_(sa.func.coalesce(c.created_at, c.known_at) <= end, c.forgotten_at.is_(None))
    return connection.execute(sa.select(sa.func.count()).where(there)).scalar_one()


def _buyers(connection: Connection, end: datetime, shop: Shop) -> tuple[int, int]:
    bought = dated(end, shop).subquery()
    c = customers.c
    query = (
        sa.select(
            sa.func.count(sa.case((bought.c.orders_count > 0, 1))),
            sa.func.count(sa.case((bought.c.orders_count > 1, 1))),
        )
        .join_from(bought, customers, c.id == bought.c.customer_id)
        .where(c.forgotten_at.is_(None))
    )
    return tuple(connection.execute(query).one())


def _orders(connection: Connection, begin: datetime, end: datetime, shop: Shop) -> tuple[int, Decimal, int]:
    o = orders.c
    total = sa.type_coerce(sa.func.coalesce(sa.func.sum(worth(shop)), 0), Money())
    without_rate = sa.func.count(sa.case((unpriced(shop), 1)))
    query = sa.select(sa.func.count(), total, without_rate).where(o.placed_at > begin, o.placed_at <= end, counted(end))
    return tuple(connection.execute(query).one())


def _conversion(connection: Connection, begin: datetime, end: datetime) -> Share:
    c, o = customers.c, orders.c
    ordered = sa.exists().where(o.customer_id == c.id, o.placed_at <= end, counted(end))
    query = sa.select(sa.func.count(sa.case((ordered, 1))), sa.func.count()).where(
        c.created_at > begin, c.created_at <= end, c.forgotten_at.is_(None)
    )
    return Share(*connection.execute(query).one())


def _baskets(connection: Connection, begin: datetime, end: datetime) -> Share:
    v, o = events.c, orders.c
    back = sa.exists().where(
        o.customer_id == v.customer_id,
        sa.type_coerce(o.placed_at, sa.BigInteger).between(
            sa.type_coerce(v.occurred_at, sa.BigInteger),
            sa.type_coerce(v.occurred_at, sa.BigInteger) + COMES_BACK // timedelta(microseconds=1),
        ),
        counted(end),
    )
    query = sa.select(sa.func.count(sa.case((back, 1))), sa.func.count()).where(
        v.type == BASKET, v.occurred_at > begin, v.occurred_at <= end, v.known_at <= end
    )
    return Share(*connection.execute(query).one())
