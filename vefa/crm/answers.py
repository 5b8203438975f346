"""By which medium customers answer: learned from what they were sent and what they did, for those it can be told of.

Nobody stands here of whom too little is known, and nobody who refuses that anything is learned of how they read.
`vefa.engine.answers` makes it anew each night.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Table

from vefa.database import Id, Instant, metadata, other

channel_answers = Table(
    "channel_answers",
    metadata,
    Column("customer_id", Id, ForeignKey("customers.id"), primary_key=True),
    Column("channel", sa.Text, nullable=False, comment="email | sms: where they answer rather"),
    Column("emails", sa.Integer, nullable=False, comment="that they were sent in the last year"),
    Column("emails_answered", sa.Integer, nullable=False, comment="in which they followed a link"),
    Column("sms", sa.Integer, nullable=False, comment="that they were sent in the last year"),
    Column("sms_answered", sa.Integer, nullable=False, comment="after which they wrote back"),
    Column("learned_at", Instant, nullable=False, comment="as of then; it serves no earlier reading (rule 24)"),
    comment="by which medium customers answer, as far as it can be told",
)


def answers_on(customer_id: Any, now: datetime) -> sa.ColumnElement[Any]:
    """Over a column of customers' numbers: where they answer rather; null where nobody can tell."""
    return _of(customer_id, now, lambda a: a.channel)


def evidence(customer_id: Any, now: datetime, on: str | None = None) -> sa.ColumnElement[Any]:
    """The same, as the counts that tell it: `clicked 4 of 9 e-mails, answered 0 of 6 SMS`; with `on` only where they
    answer there."""

    def told(a: Any) -> Any:
        parts = ["clicked ", a.emails_answered, " of ", a.emails, " e-mails, answered "]
        parts += [a.sms_answered, " of ", a.sms, " SMS"]
        text: Any = sa.literal("", sa.Text)
        for part in parts:
            text = text + (sa.literal(part, sa.Text) if isinstance(part, str) else sa.cast(part, sa.Text))
        return text if on is None else sa.case((a.channel == on, text))

    return _of(customer_id, now, told)


def _of(customer_id: Any, now: datetime, value: Any) -> sa.ColumnElement[Any]:
    a = other(channel_answers)
    query = sa.select(value(a.c)).where(a.c.customer_id == customer_id, a.c.learned_at <= now)
    return query.correlate_except(a).scalar_subquery()
