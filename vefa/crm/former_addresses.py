"""Addresses that customers had before: kept so that an erasure finds what went to them, and for nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table
from sqlalchemy.engine import Connection

from vefa.crm.tables import contacts
from vefa.database import Id, Instant, inserting, metadata

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


def keep_former(connection: Connection, new: Sequence[Any], now: datetime) -> None:
    """Note the addresses that these rows of contacts will take the place of, before they do."""
    k = contacts.c
    wanted = {(row["customer_id"], row["channel"]): row["address"] for row in new}
    ids = sorted({number for number, _ in wanted})
    rows: list[dict[str, Any]] = []
    for start in range(0, len(ids), 500):
        query = sa.select(contacts).where(k.customer_id.in_(ids[start : start + 500]))
        rows += [
            _row(each, now)
            for each in connection.execute(query)
            if wanted.get((each.customer_id, each.channel), each.address) != each.address
        ]
    if rows:
        connection.execute(inserting(connection, former_addresses).on_conflict_do_nothing(), rows)


def keep_former_of(connection: Connection, new: Any, now: int) -> None:
    """The same for rows of contacts that a query has, with the columns customer_id, channel and address."""
    k = contacts.c
    same = sa.and_(k.customer_id == new.c.customer_id, k.channel == new.c.channel, k.address != new.c.address)
    names = ["customer_id", "channel", "address_key", "address", "left_at"]
    moment = sa.literal(now, sa.BigInteger)
    query = sa.select(k.customer_id, k.channel, k.address_key, k.address, moment).where(same)
    insert = inserting(connection, former_addresses).from_select(names, query)
    connection.execute(insert.on_conflict_do_nothing())


def _row(contact: Any, now: datetime) -> dict[str, Any]:
    return {
        "customer_id": contact.customer_id,
        "channel": contact.channel,
        "address_key": contact.address_key,
        "address": contact.address,
        "left_at": now,
    }
