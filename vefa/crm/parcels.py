"""What parcels say of their orders: shipped with the first, delivered with the last when all have arrived."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.happenings import mark_stale_of, record_events_of
from vefa.crm.tables import deliveries, orders


def set_orders(connection: Connection, touched: sa.Select[Any], *, delivers: bool = True) -> int:
    """Set the moments of the orders whose ids the query gives; how many events are new or changed."""
    _set_moment(connection, touched, "shipped", sa.func.min)
    if delivers:
        _set_moment(connection, touched, "delivered", sa.func.max)
    mark_stale_of(connection, sa.select(orders.c.customer_id).where(orders.c.id.in_(touched)))
    return record_events_of(connection, "order", touched)


def _set_moment(connection: Connection, touched: sa.Select[Any], name: str, pick: Any) -> None:
    at, known = f"{name}_at", f"{name}_known_at"
    of_order = deliveries.c.order_id == orders.c.id
    moment = sa.select(pick(deliveries.c[at])).where(of_order).scalar_subquery()
    learned = sa.select(pick(deliveries.c[known])).where(of_order).scalar_subquery()
    still_out = sa.exists().where(of_order, deliveries.c[at].is_(None))
    ready = [~still_out] if name == "delivered" else []
    connection.execute(
        orders.update()
        .where(orders.c.id.in_(touched), *ready, moment.is_not(None), orders.c[at].is_distinct_from(moment))
        .values({at: moment, known: learned})
    )
