"""Marks that customers and products bear, with the moment of each and who put it on."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table

from vefa.database import Id, Instant, metadata

Text = sa.Text

#: A tag that was taken off stays as a row: of two changes the later one holds.
tags = Table(
    "tags",
    metadata,
    Column("customer_id", Id, ForeignKey("customers.id"), primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("origin", Text, primary_key=True, server_default="journey", comment="who put it on: journey, or a source"),
    Column("until", Instant, comment="when it was taken off; null: they bear it"),
    Column("changed_at", Instant, comment="the last change that was told; null: since, or until"),
    Index("ix_tags_tag", "tag"),
)

tag_lists = Table(
    "tag_lists",
    metadata,
    Column("customer_id", Id, ForeignKey("customers.id"), primary_key=True),
    Column("origin", Text, primary_key=True),
    Column("at", Instant, nullable=False, comment="older changes of this origin say nothing new"),
    comment="when a whole list of a customer's tags came last",
)

product_tags = Table(
    "product_tags",
    metadata,
    Column("product_id", Id, ForeignKey("products.id"), primary_key=True),
    Column("tag", Text, primary_key=True),
    Index("ix_product_tags_tag", "tag"),
    comment="marks of products, as the shop told them last",
)
