"""Every message that was ever due, and what became of it: one row per enrolment and step, in `whenever` per event too
(rule 13)."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint

from vefa.database import Id, Instant, metadata

Text, Small = sa.Text, sa.SmallInteger


def _partial(name: str, *columns: str, where: str) -> Index:
    """An index over some rows only, on both databases."""
    return Index(name, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


sends = Table(
    "sends",
    metadata,
    Column("id", Id, primary_key=True),
    Column("enrolment_id", Id, ForeignKey("enrolments.id"), nullable=False),
    Column("step", Id, nullable=False, comment="step_names.id of the step's id"),
    Column("journey_id", Id, nullable=False),
    Column("plan_id", Id, nullable=False, comment="the plan it was queued under (rule 21)"),
    Column("template", Text, nullable=False),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("medium", Text, comment="email | sms; null until the claim chooses"),
    Column(
        "state",
        Text,
        nullable=False,
        comment="queued reserved claimed sent skipped failed unknown; queued in a leased batch is reserved",
    ),
    Column("reason", Text),
    Column("due_at", Instant, nullable=False, comment="when the customer came to the step"),
    Column("not_before", Instant, nullable=False, comment="deferred until then"),
    Column("expires_at", Instant, comment="skipped(expired) from then on; every defer sets it (rule 15)"),
    Column("attempt", Small, nullable=False, server_default="0"),
    Column("doubts", Small, nullable=False, server_default="0", comment="attempts that may have reached the provider"),
    Column("batch_id", Id, comment="the batch that it was queued in or reserved for; its lease is the batch's"),
    Column("claimed_at", Instant, comment="business time of the last claim: caps count from it"),
    Column("settled_at", Instant),
    Column("provider_id", Text),
    Column("template_hash", Text),
    Column("locale", Text),
    Column(
        "occasion", Id, nullable=False, server_default="0", comment="occasions.id; 0: a step of the journey's own walk"
    ),
    Column("variant", Text, comment="of the step's test; null where it has none"),
    Column("trial", sa.BigInteger, comment="the run of the test, for those on whom it is tried; null: not one of them"),
    UniqueConstraint("enrolment_id", "step", "occasion", name="uq_sends_enrolment_step"),
    _partial("ix_sends_queue", "journey_id", "not_before", where="state = 'queued' AND batch_id IS NULL"),
    _partial("ix_sends_trial", "journey_id", "step", "trial", where="trial IS NOT NULL"),
    _partial("ix_sends_doubts", "journey_id", "step", where="doubts > 0"),
    Index("ix_sends_customer_id", "customer_id"),
    Index("ix_sends_batch_id", "batch_id"),
)

batches = Table(
    "batches",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner", Text, comment="who reserved it, once and for all: settlements are fenced by it; null: nobody yet"),
    Column("journey_id", Id, nullable=False),
    Column("reserved_at", Instant),
    Column("claimed_at", Instant),
    Column("settled_at", Instant, comment="nothing is left to do"),
    Column("plan_id", Id, nullable=False),
    Column("step", Id, nullable=False, comment="step_names.id of the step's key"),
    Column("size", sa.Integer, nullable=False, comment="messages that were put into it"),
    Column("lease_until", Instant, comment="wall clock: of the reservation or the claim"),
    _partial("ix_batches_open", "journey_id", "step", where="settled_at IS NULL"),
    comment="messages that are sent together: queued as a batch, or gathered into one",
)

send_history = Table(
    "send_history",
    metadata,
    Column("id", Id, primary_key=True),
    Column("send_id", Id, ForeignKey("sends.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("attempt", Small, nullable=False),
    Column("what", Text, nullable=False, comment="deferred | released | unknown | settled late | by email | by sms …"),
    Column("detail", Text),
    Index("ix_send_history_send_id", "send_id"),
    comment="whatever did not go straight from queued to sent, and why a message went by its medium",
)

breakers = Table(
    "breakers",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("open_until", Instant, nullable=False, comment="wall clock"),
    Column("reason", Text, nullable=False),
    comment="channels that nothing may go by until mended (rule 15)",
)

paces = Table(
    "paces",
    metadata,
    Column("key", Text, primary_key=True, comment="a channel, or a medium and its sender: sms:ORNEK"),
    Column("filled_at", Instant, nullable=False, comment="wall clock: the latest that any worker has told"),
    Column("millionths", sa.BigInteger, nullable=False, comment="of a message: what may go at once"),
    Column("held_until", Instant, comment="wall clock: the provider asked for quiet"),
    comment="how fast messages may go, for all workers together",
)
