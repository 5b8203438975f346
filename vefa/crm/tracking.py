"""Customers of whom nothing is to be learned from how they read: their links lead straight to where they say."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.tables import tracking_refusals
from vefa.database import among, inserting

t = tracking_refusals.c


def refuse(connection: Connection, customer_id: int, now: datetime) -> None:
    """From now on nothing is learned of this customer; saying it again changes nothing."""
    insert = inserting(connection, tracking_refusals).values(customer_id=customer_id, since=now)
    connection.execute(insert.on_conflict_do_nothing())


def allow(connection: Connection, customer_id: int) -> None:
    """The customer does not mind after all."""
    connection.execute(sa.delete(tracking_refusals).where(t.customer_id == customer_id))


def refusing(connection: Connection, customer_ids: Collection[int]) -> frozenset[int]:
    """Those of the customers who refuse."""
    return frozenset(connection.scalars(sa.select(t.customer_id).where(among(t.customer_id, customer_ids))))
