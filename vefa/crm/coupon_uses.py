"""Orders that name a coupon code: noted with the order itself, so that whoever knows the codes finds what is new.

Shops have codes of all kinds. Which of them are ours is asked in `vefa.rewards.redemptions`.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table
from sqlalchemy.engine import Connection

from vefa.crm.tables import orders
from vefa.database import Id, Instant, inserting, metadata

_NEW = sa.text("news_at IS NOT NULL")

coupon_uses = Table(
    "coupon_uses",
    metadata,
    Column("order_id", Id, ForeignKey("orders.id"), primary_key=True),
    Column("code_key", sa.Text, comment="the code without spaces and in capitals; null: not looked at yet, or gone"),
    Column("news_at", Instant, comment="from when on there is something to look at; null: all is known"),
    Index("ix_coupon_uses_code_key", "code_key"),
    Index("ix_coupon_uses_news_at", "news_at", sqlite_where=_NEW, postgresql_where=_NEW),
    comment="orders that ever named a coupon code",
)


def note_uses(connection: Connection, wanted: Any) -> None:
    """There may be something new of the orders that `wanted` (over `orders`; None: all) chooses.

    Call it in the transaction that writes the orders. An order that names no code any more is news, too.
    """
    u, chosen = coupon_uses.c, sa.true() if wanted is None else wanted
    named = sa.select(orders.c.id, orders.c.placed_known_at).where(chosen, orders.c.coupon_code.is_not(None))
    insert = inserting(connection, coupon_uses).from_select(["order_id", "news_at"], named.order_by(orders.c.id))
    connection.execute(
        insert.on_conflict_do_update(index_elements=[u.order_id], set_={"news_at": insert.excluded.news_at})
    )
    bare = sa.select(orders.c.id).where(chosen, orders.c.coupon_code.is_(None))
    gone = sa.update(coupon_uses).where(u.order_id.in_(bare), u.code_key.is_not(None))
    known = sa.select(orders.c.placed_known_at).where(orders.c.id == u.order_id).scalar_subquery()
    connection.execute(gone.values(news_at=known))
