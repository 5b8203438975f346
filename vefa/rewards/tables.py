"""Coupons given away: one code per enrolment and step."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint

from vefa.database import Id, Instant, metadata

Text = sa.Text

coupons = Table(
    "coupons",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("enrolment_id", Id, ForeignKey("enrolments.id"), nullable=False),
    Column("step", Id, nullable=False),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("terms", sa.JSON, nullable=False, comment="percent | amount, currency | free_shipping, minimum"),
    Column("made_at", Instant, nullable=False),
    Column("valid_days", sa.Integer),
    Column("valid_seconds", sa.Integer),
    Column("valid_from", Instant, comment="the claim of its first message (rule 18)"),
    Column("valid_until", Instant),
    UniqueConstraint("enrolment_id", "step"),
    Index("ix_coupons_customer_id", "customer_id"),
)
