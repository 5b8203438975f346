"""What stops on addresses were taken away: by what, by whom, when and why. Rows are only ever added."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, Index, Table

from vefa.database import Id, Instant, metadata

suppression_history = Table(
    "suppression_history",
    metadata,
    Column("id", Id, primary_key=True),
    Column("what", sa.Text, nullable=False, comment="added by hand | lifted"),
    Column("channel", sa.Text, nullable=False),
    Column("address_key", sa.Text, nullable=False),
    Column("purpose", sa.Text, comment="of the stop: commercial; null for every purpose"),
    Column("reason", sa.Text, nullable=False, comment="of the stop"),
    Column("evidence", sa.Text, comment="of the stop"),
    Column("stopped_at", Instant, nullable=False, comment="since when the address was stopped"),
    Column("signal", sa.Text, nullable=False, comment="what took it away: see vefa.crm.lifting"),
    Column("author", sa.Text, comment="who did it by hand"),
    Column("note", sa.Text, comment="why, in the author's words; or what proves the yes"),
    Column("at", Instant, nullable=False, comment="when it was taken away"),
    Index("ix_suppression_history_address", "channel", "address_key"),
    comment="append-only: stops that were lifted, and those put in by hand",
)
