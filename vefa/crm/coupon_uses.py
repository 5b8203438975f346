"""Orders that name discount codes: noted with the order itself, so that whoever knows the codes finds what is new.

An order may name several. Shops have codes of all kinds; which of them are ours is asked in `vefa.rewards.redemptions`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table
from sqlalchemy.engine import Connection

from vefa.crm.tables import orders
from vefa.database import Id, Instant, among, inserting, metadata

_NEW = sa.text("news_at IS NOT NULL")
#: Codes of one order, and letters in one of them; more than these nobody has typed into a checkout.
MOST, LONGEST = 50, 200
_BETWEEN = re.compile(r"[,;|\n\r\t]")
#: Exports that write more than the code: `code:WELCOME|amount:5.00`.
_LABEL = re.compile(r"\s*code:\s*", re.IGNORECASE)
_NO_CODE = re.compile(r"\s*(amount|description|discount|type|id):", re.IGNORECASE)

order_codes = Table(
    "order_codes",
    metadata,
    Column("order_id", Id, ForeignKey("orders.id"), primary_key=True),
    Column("place", sa.SmallInteger, primary_key=True, autoincrement=False, comment="1: the order's coupon_code"),
    Column("code", sa.Text, nullable=False),
    comment="every discount code that an order names, in its order",
)

coupon_uses = Table(
    "coupon_uses",
    metadata,
    Column("order_id", Id, ForeignKey("orders.id"), primary_key=True),
    Column("news_at", Instant, comment="from when on there is something to look at; null: all is known"),
    Index("ix_coupon_uses_news_at", "news_at", sqlite_where=_NEW, postgresql_where=_NEW),
    comment="orders that ever named a coupon code",
)

coupon_keys = Table(
    "coupon_keys",
    metadata,
    Column("order_id", Id, ForeignKey("orders.id"), primary_key=True),
    Column("code_key", sa.Text, primary_key=True, comment="the code without spaces and in capitals"),
    Column("within", sa.Text, comment="the key of the whole, where a space may stand between two codes"),
    Index("ix_coupon_keys_code_key", "code_key"),
    comment="codes of orders that have been looked at",
)


def codes_of(text: str) -> tuple[str, ...]:
    """The codes that a text holds, in order, each once: a comma, a semicolon, a bar or a line stands between two.

    A space does not: customers type spaces into codes. Where it stands between two after all, redemptions find out.
    """
    parts = (_LABEL.sub("", part) for part in _BETWEEN.split(text) if not _NO_CODE.match(part))
    return several(parts)


def several(codes: Iterable[str]) -> tuple[str, ...]:
    """Each code once and without the spaces around it, as many as an order may name."""
    stripped = (code.replace("\x00", "").strip() for code in codes)
    return tuple(dict.fromkeys(code for code in stripped if 0 < len(code) <= LONGEST))[:MOST]


def put_codes(connection: Connection, codes: Mapping[int, Sequence[str]]) -> None:
    """Each order's codes, in the place of those it had. The first stands with the order, too; who writes that calls
    `note_uses` afterwards."""
    if not codes:
        return
    c = order_codes.c
    connection.execute(sa.delete(order_codes).where(among(c.order_id, sorted(codes))))
    rows = [
        {"order_id": order, "place": place, "code": code}
        for order, those in codes.items()
        for place, code in enumerate(those, start=1)
    ]
    if rows:
        connection.execute(sa.insert(order_codes), rows)


def note_uses(connection: Connection, wanted: Any) -> None:
    """There may be something new of the orders that `wanted` (over `orders`; None: all) chooses.

    Call it in the transaction that writes the orders. An order that names no code any more is news, too.
    """
    u, chosen = coupon_uses.c, sa.true() if wanted is None else wanted
    named = sa.select(orders.c.id, orders.c.placed_known_at).where(chosen, orders.c.coupon_code.is_not(None))
    _note_first(connection, chosen)
    insert = inserting(connection, coupon_uses).from_select(["order_id", "news_at"], named.order_by(orders.c.id))
    connection.execute(
        insert.on_conflict_do_update(index_elements=[u.order_id], set_={"news_at": insert.excluded.news_at})
    )
    bare = sa.select(orders.c.id).where(chosen, orders.c.coupon_code.is_(None))
    connection.execute(sa.delete(order_codes).where(order_codes.c.order_id.in_(bare)))
    had = sa.exists().where(coupon_keys.c.order_id == u.order_id)
    known = sa.select(orders.c.placed_known_at).where(orders.c.id == u.order_id).scalar_subquery()
    connection.execute(sa.update(coupon_uses).where(u.order_id.in_(bare), had).values(news_at=known))


def _note_first(connection: Connection, chosen: Any) -> None:
    """The order's own column is the first of its codes."""
    c = order_codes.c
    first = sa.select(orders.c.id, sa.literal(1), orders.c.coupon_code)
    first = first.where(chosen, orders.c.coupon_code.is_not(None)).order_by(orders.c.id)
    insert = inserting(connection, order_codes).from_select(["order_id", "place", "code"], first)
    told = insert.on_conflict_do_update(
        index_elements=[c.order_id, c.place],
        set_={"code": insert.excluded.code},
        where=c.code != insert.excluded.code,
    )
    connection.execute(told)
