"""Who stands where in which journey."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint

from vefa.database import Id, Instant, metadata

Text, Small = sa.Text, sa.SmallInteger

journeys = Table(
    "journeys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False, comment="draft | live | paused | closing | gone (rule 22)"),
    Column(
        "file_status", Text, comment="what the file said last; a pause by hand outlives deploys that do not change it"
    ),
    Column("plan_id", Id, comment="the plan that newcomers get"),
    Column("live_since", Instant, comment="nothing older enters (rule 4)"),
    Column("entry_from", Instant, comment="live_since less backfill, or the end of the last pause"),
    Column("last_tick_at", Instant),
    Column("lease_owner", Text, comment="two runs of one journey never work at the same time"),
    Column("lease_until", Instant),
)

plans = Table(
    "plans",
    metadata,
    Column("id", Id, primary_key=True),
    Column("journey_id", Id, ForeignKey("journeys.id"), nullable=False),
    Column("hash", Text, nullable=False),
    Column("body", Text, nullable=False, comment="the plan as JSON"),
    Column("stored_at", Instant, nullable=False),
    UniqueConstraint("journey_id", "hash"),
)

step_names = Table(
    "step_names",
    metadata,
    Column("id", Id, primary_key=True),
    Column("journey_id", Id, ForeignKey("journeys.id"), nullable=False),
    Column("name", Text, nullable=False, comment="a step's key or id"),
    UniqueConstraint("journey_id", "name"),
    comment="numbers for steps, the same in every plan of the journey",
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("journey_id", Id, ForeignKey("journeys.id"), nullable=False),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column(
        "entry_key",
        sa.BigInteger,
        nullable=False,
        comment="what entered them: object, year, day, occurrence …",
    ),
    Column("plan_id", Id, ForeignKey("plans.id"), nullable=False),
    Column(
        "entered_at",
        Instant,
        nullable=False,
        comment="the trigger's own moment: goals, exits, happened count from it",
    ),
    Column("enrolled_at", Instant, nullable=False, comment="the tick's now"),
    Column("object_kind", Text),
    Column("object_id", Id),
    Column("order_id", Id, comment="the order that the object is, or belongs to"),
    Column("trigger_date", sa.Date, comment="this year's day, for date triggers"),
    Column("state", Text, nullable=False, comment="active | finished | left | holdout"),
    Column("reason", Text, comment="why they left"),
    Column("left_at", Instant),
    Column("goal_at", Instant),
    Column("step", Id, comment="step_names.id of the step's key"),
    Column("phase", Small, nullable=False, server_default="0", comment="0 just arrived, 1 waiting or queued"),
    Column("arrived_at", Instant, nullable=False, comment="the logical arrival at the step (rule 5)"),
    Column("due_at", Instant, comment="null: held by a message"),
    Column("wait_basis", Instant, comment="the field's value that due_at was computed from (rule 6)"),
    UniqueConstraint("journey_id", "customer_id", "entry_key", name="uq_enrolments_entry"),
    Index(
        "ix_enrolments_due",
        "journey_id",
        "due_at",
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    ),
    Index(
        "ix_enrolments_step",
        "plan_id",
        "step",
        "due_at",
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    ),
    Index("ix_enrolments_enrolled_at", "journey_id", "enrolled_at"),
)

#: States of an occasion that has not come to its end.
OPEN = ("waiting", "acting")

occasions = Table(
    "occasions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("enrolment_id", Id, ForeignKey("enrolments.id"), nullable=False),
    Column("journey_id", Id, ForeignKey("journeys.id"), nullable=False),
    Column("whenever", Id, nullable=False, comment="step_names.id of the whenever's name"),
    Column("event_id", Id, nullable=False),
    Column("occurred_at", Instant, nullable=False, comment="the event's own moment"),
    Column("noted_at", Instant, nullable=False, comment="the tick's now"),
    Column("state", Text, nullable=False, comment="waiting | acting | done | left | gone | too late"),
    Column("step", Id, comment="step_names.id of the step's key, while acting"),
    UniqueConstraint("enrolment_id", "whenever", "event_id", name="uq_occasions_event"),
    Index(
        "uq_occasions_acting",
        "enrolment_id",
        "whenever",
        unique=True,
        sqlite_where=sa.text("state = 'acting'"),
        postgresql_where=sa.text("state = 'acting'"),
    ),
    Index(
        "ix_occasions_open",
        "journey_id",
        "whenever",
        "state",
        sqlite_where=sa.text("state IN ('waiting', 'acting')"),
        postgresql_where=sa.text("state IN ('waiting', 'acting')"),
    ),
    Index("ix_occasions_noted_at", "journey_id", "noted_at"),
    comment="events that came to somebody inside, and for which whenever's steps run: once each",
)

considered = Table(
    "considered",
    metadata,
    Column("journey_id", Id, primary_key=True),
    Column("event_id", Id, primary_key=True),
    Column(
        "outcome",
        Text,
        nullable=False,
        comment="entered | holdout | where | audience | reentry | too old | … (rule 3)",
    ),
    Column("at", Instant, nullable=False),
    Index("ix_considered_at", "journey_id", "at"),
    sqlite_with_rowid=False,
)

reentry_slots = Table(
    "reentry_slots",
    metadata,
    Column("journey_id", Id, primary_key=True),
    Column("customer_id", Id, primary_key=True),
    Column("entry_key", sa.BigInteger, nullable=False, comment="who holds the slot"),
    Column("next_at", Instant, comment="null: never again"),
    sqlite_with_rowid=False,
)

segment_members = Table(
    "segment_members",
    metadata,
    Column("journey_id", Id, primary_key=True),
    Column("customer_id", Id, primary_key=True),
    Column("since", Instant, nullable=False),
    sqlite_with_rowid=False,
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("journey_id", Id, ForeignKey("journeys.id"), nullable=False),
    Column("kind", Text, nullable=False, comment="bounces | complaints | unknowns | failed runs"),
    Column("at", Instant, nullable=False),
    Column("bad", sa.Integer, nullable=False, comment="messages, or runs, that went wrong"),
    Column("of", sa.Integer, nullable=False, comment="of so many"),
    Column("told_at", Instant, comment="the owner was told; null: not yet, or nobody can be told"),
    Column("ended_at", Instant, comment="the journey runs again; null: still open"),
    Index(
        "uq_incidents_open",
        "journey_id",
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
    comment="why a journey was paused by itself; one open at a time, so that its owner is told once",
)

run_failures = Table(
    "run_failures",
    metadata,
    Column("journey_id", Id, ForeignKey("journeys.id"), primary_key=True),
    Column("times", sa.Integer, nullable=False, comment="in a row"),
    Column("last_at", Instant, nullable=False),
)
