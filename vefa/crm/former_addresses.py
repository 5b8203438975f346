"""Addresses that customers had before: kept so that an erasure finds what went to them, and for nothing else."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table

from vefa.database import Id, Instant, metadata

former_addresses = Table(
    "former_addresses",
    metadata,
    Column("customer_id", Id, ForeignKey("customers.id"), primary_key=True),
    Column("channel", sa.Text, primary_key=True, comment="email | sms"),
    Column("address_key", sa.Text, primary_key=True, comment="as in contacts"),
    Column("address", sa.Text, comment="null: longer ago than anything is kept that may name it"),
    Column("left_at", Instant, nullable=False),
    Index("ix_former_addresses_address_key", "address_key"),
    comment="addresses that customers had before, for their erasure alone",
)
