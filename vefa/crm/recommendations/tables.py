"""Which products go together: made anew as a whole, beside what is read meanwhile."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table

from vefa.database import Id, Instant, metadata

#: One making of links. It is read when it is `ready`, and never while its rows come or go.
MAKING, READY, GONE = "making", "ready", "gone"

link_makings = Table(
    "link_makings",
    metadata,
    Column("id", Id, primary_key=True),
    Column("as_of", Instant, nullable=False, comment="orders known by then; no earlier message reads it"),
    Column("state", sa.Text, nullable=False, comment="making | ready | gone"),
    Column("orders", Id, nullable=False, comment="that were read"),
    Column("links", Id, nullable=False, comment="that were found"),
    Index("ix_link_makings_as_of", "as_of"),
    comment="one a night; the newest ready one that is not after the message is read",
)

product_links = Table(
    "product_links",
    metadata,
    Column("making_id", Id, primary_key=True, autoincrement=False, comment="a row of link_makings"),
    Column("product_id", Id, ForeignKey("products.id"), primary_key=True, comment="what was bought"),
    Column("kind", sa.Text, primary_key=True, comment="together: in one order | next: in the order after it"),
    Column("place", sa.SmallInteger, primary_key=True, autoincrement=False, comment="1 is the strongest"),
    Column("other_id", Id, ForeignKey("products.id"), nullable=False, comment="what goes with it"),
    Column("weight", sa.Integer, nullable=False, comment="thousandths: how sure it is that this is no chance"),
    Column("times", sa.Integer, nullable=False, comment="orders, or pairs of orders, that hold both"),
    comment="the strongest of each product only",
)
