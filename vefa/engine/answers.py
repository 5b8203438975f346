"""Learns by which medium customers answer: one statement over everybody's messages of the last year, in parts.

An e-mail is answered when a person followed a link in it, an SMS when they wrote back within three days (a word that
stops messages is no answer). Openings do not count: an SMS cannot tell whether it was read, so e-mail would always win.

A customer's rate by a medium is drawn towards the shop's own: (answered + 4 * the shop's rate) / (sent + 4), the mean
of the beta-binomial posterior whose prior weighs as much as four messages. Somebody who clicked their only e-mail has
not shown more than that. The higher rate wins where there is evidence: five messages in all, and three by the winning
medium with at least one answer. Of others nothing is learned, and what they wish always goes before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.answers import channel_answers
from vefa.crm.scope import learned_by
from vefa.crm.tables import customers, events, tracking_refusals
from vefa.database import Instant, other, reading, writing
from vefa.ledger.tables import sends

s, a = sends.c, channel_answers.c

#: So far back messages count; people change.
WINDOW = timedelta(days=365)
#: Who writes so soon after an SMS answers it.
REPLY = timedelta(days=3)
#: How many messages the shop's own rate weighs.
WEIGHT = 4
#: Fewer messages in all, or by the winning medium, tell nothing.
ENOUGH, ENOUGH_BY_IT = 5, 3
#: Customers of one transaction.
PART = 2_000


@dataclass(frozen=True)
class Usual:
    """The shop's own rates: which share of e-mails and of SMS is answered."""

    email: float = 0.0
    sms: float = 0.0


@dataclass(frozen=True)
class Learned:
    """How many customers answer rather by each medium, and what is usual."""

    email: int
    sms: int
    usual: Usual


def learn_channels(engine: Engine, now: datetime) -> Learned:
    """Make the whole table anew as of now. Stopped anywhere, the next time makes the rest."""
    with reading(engine) as connection:
        usual = _usual(connection, now)
    for first, last in _ranges(engine):
        with writing(engine) as connection:
            theirs = a.customer_id.between(first, last)
            connection.execute(sa.delete(channel_answers).where(theirs))
            rows = _preferring(first, last, usual, now)
            connection.execute(sa.insert(channel_answers).from_select(list(channel_answers.c.keys()), rows))
    with reading(engine) as connection:
        found = sa.select(a.channel, sa.func.count()).group_by(a.channel)
        counts = dict(connection.execute(found).tuples().all())
    return Learned(counts.get("email", 0), counts.get("sms", 0), usual)


def _ranges(engine: Engine) -> Iterator[tuple[int, int]]:
    ids, after = customers.c.id, 0
    while True:
        some = sa.select(ids).where(ids > after).order_by(ids).limit(PART).subquery()
        with reading(engine) as connection:
            last = connection.scalar(sa.select(sa.func.max(some.c.id)))
        if last is None:
            return
        yield after + 1, last
        after = last


def _counts(now: datetime) -> list[Any]:
    """Over `sends`: e-mails, those answered, SMS, those answered."""
    clicked, wrote = _clicked(now), _wrote(now)
    told = [
        ("emails", s.medium == "email"),
        ("emails_answered", sa.and_(s.medium == "email", clicked)),
        ("sms", s.medium == "sms"),
        ("sms_answered", sa.and_(s.medium == "sms", wrote)),
    ]
    return [
        sa.func.coalesce(sa.func.sum(sa.case((which, 1), else_=0)), 0, type_=sa.Integer()).label(name)
        for name, which in told
    ]


def _clicked(now: datetime) -> sa.ColumnElement[bool]:
    v = other(events)
    asked = (v.c.customer_id == s.customer_id, v.c.type == "email.clicked", v.c.object_id == s.id)
    return sa.exists().where(*asked, learned_by(v.c, now)).correlate_except(v)


def _wrote(now: datetime) -> sa.ColumnElement[bool]:
    v = other(events)
    until = sa.type_coerce(s.claimed_at, sa.BigInteger) + REPLY // timedelta(microseconds=1)
    asked = (
        v.c.customer_id == s.customer_id,
        v.c.type == "sms.received",
        v.c.occurred_at >= s.claimed_at,
        v.c.occurred_at <= sa.type_coerce(until, Instant()),
        v.c.data["means"].as_string().is_(None),
    )
    return sa.exists().where(*asked, learned_by(v.c, now)).correlate_except(v)


def _counted(now: datetime) -> list[Any]:
    """Over `sends`: those of the last year, of customers who do not mind that something is learned of them."""
    t = other(tracking_refusals)
    minds = sa.exists().where(t.c.customer_id == s.customer_id).correlate_except(t)
    return [s.state == "sent", s.claimed_at > now - WINDOW, s.claimed_at <= now, sa.not_(minds)]


def _usual(connection: Connection, now: datetime) -> Usual:
    emails, clicked, sms, wrote = connection.execute(sa.select(*_counts(now)).where(*_counted(now))).one()
    return Usual(clicked / emails if emails else 0.0, wrote / sms if sms else 0.0)


def _preferring(first: int, last: int, usual: Usual, now: datetime) -> sa.Select[Any]:
    """Those of whom it can be told, in the order of the table's columns."""
    who = sa.select(s.customer_id, *_counts(now)).where(s.customer_id.between(first, last), *_counted(now))
    n = who.group_by(s.customer_id).subquery("n").c
    email, sms = _rate(n.emails_answered, n.emails, usual.email), _rate(n.sms_answered, n.sms, usual.sms)
    by_email = sa.and_(n.emails >= ENOUGH_BY_IT, n.emails_answered > 0, email > sms)
    by_sms = sa.and_(n.sms >= ENOUGH_BY_IT, n.sms_answered > 0, sms > email)
    channel = sa.case((by_email, "email"), (by_sms, "sms"))
    counts = (n.emails, n.emails_answered, n.sms, n.sms_answered)
    rows = sa.select(n.customer_id, channel, *counts, sa.literal(now, Instant()))
    return rows.where(n.emails + n.sms >= ENOUGH, channel.is_not(None))


def _rate(answered: Any, sent: Any, usual: float) -> Any:
    prior = sa.literal(WEIGHT * usual, sa.Float)
    return (sa.cast(answered, sa.Float) + prior) / (sa.cast(sent, sa.Float) + sa.literal(float(WEIGHT), sa.Float))
