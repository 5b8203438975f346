"""What tests of messages came to."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Table, UniqueConstraint

from vefa.database import Id, Instant, metadata

test_decisions = Table(
    "test_decisions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("journey_id", Id, ForeignKey("journeys.id"), nullable=False),
    Column("plan_id", Id, ForeignKey("plans.id"), nullable=False, comment="the plan by which it was decided"),
    Column("step", Id, nullable=False, comment="step_names.id of the step's id"),
    Column("trial", sa.BigInteger, nullable=False, comment="sends.trial: a wave, or what is tested"),
    Column("by", sa.Text, nullable=False, comment="clicked | opened | goal"),
    Column("chosen", sa.Text, nullable=False, comment="the variant that everybody else gets"),
    Column("counts", sa.JSON, nullable=False, comment="of each variant what it was decided by: [sent, reacted]"),
    Column("decided_at", Instant, nullable=False),
    UniqueConstraint("journey_id", "step", "trial", name="uq_test_decisions_trial"),
    comment="what did best in a test, decided once and for all",
)
