"""Every errand there ever was: a word to a tool outside or to the shop's own staff, and what became of it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint

from vefa.database import Id, Instant, metadata

Text, Small = sa.Text, sa.SmallInteger

errands = Table(
    "errands",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False, comment="webhook | notify"),
    Column("target", Text, nullable=False, comment="the tool's name, or the team's"),
    Column("place", Small, nullable=False, server_default="0", comment="0, and 1, 2, … for others of the team"),
    Column("recipient", Text, comment="the one of the team by e-mail; null: not known yet, or a tool"),
    Column("enrolment_id", Id, ForeignKey("enrolments.id"), comment="null: no journey's"),
    Column("journey_id", Id),
    Column("plan_id", Id),
    Column("step", Id, comment="step_names.id of the step's id"),
    Column("at_step", Id, comment="step_names.id of the step's key, where its words stand"),
    Column("occasion", Text, nullable=False, server_default="", comment="where a step is passed more than once"),
    Column("key", Text, comment="what makes one of no journey the only one of its kind"),
    Column("customer_id", Id, ForeignKey("customers.id")),
    Column("text", Text, comment="its words, where no step has them"),
    Column("shop_hours", sa.Boolean, nullable=False, server_default=sa.false(), comment="only while the shop is open"),
    Column(
        "state",
        Text,
        nullable=False,
        comment="queued claimed done failed unknown skipped; queued and owned is reserved",
    ),
    Column("reason", Text),
    Column("queued_at", Instant, nullable=False),
    Column("next_try_at", Instant, nullable=False, comment="business time"),
    Column("attempts", Small, nullable=False, server_default="0", comment="tries that were begun"),
    Column("owner", Text, comment="who has reserved or claimed it"),
    Column("lease_until", Instant, comment="wall clock"),
    Column("body", Text, comment="what goes over the wire, the same at every try; written with the first claim"),
    Column("claimed_at", Instant),
    Column("settled_at", Instant),
    UniqueConstraint("enrolment_id", "step", "occasion", "place", name="uq_errands_step"),
    UniqueConstraint("key", "place", name="uq_errands_key"),
    Index(
        "ix_errands_queue",
        "next_try_at",
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    ),
    Index(
        "ix_errands_held",
        "lease_until",
        sqlite_where=sa.text("owner IS NOT NULL"),
        postgresql_where=sa.text("owner IS NOT NULL"),
    ),
    Index("ix_errands_settled_at", "state", "settled_at"),
    Index("ix_errands_customer_id", "customer_id"),
    comment="words to tools and to staff: claimed before they go, and never twice",
)
