"""How a journey's messages fare: the rates at which it must stop by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.tables import contacts, suppressions
from vefa.engine.tables import incidents, journeys
from vefa.ledger.tables import batches, sends

s = sends.c
Kind = Literal["bounces", "complaints", "unknowns", "failed runs"]

#: So far back messages are looked at: long enough for a small journey to gather a number that says something.
WINDOW = timedelta(days=7)
#: … and at most so many batches of it, so that a look at a journey that never rests has an end.
BATCHES = 2_000
#: A report that comes later than this after a message is not put down to it.
REPORTED_WITHIN = timedelta(days=3)
#: Fewer messages than these say nothing of a rate.
ENOUGH = 200
#: A share above its limit is believed from so many on: one complaint of 200 is five times the limit, and may be chance.
BELIEVED = 3
#: The share of messages from which on a journey must stop.
LIMITS: dict[Kind, float] = {"bounces": 0.05, "complaints": 0.001, "unknowns": 0.005}


@dataclass(frozen=True)
class Vitals:
    """A journey's messages since `since`: attempts that may have reached the provider, and how many went wrong."""

    since: datetime
    attempts: int
    bounces: int
    complaints: int
    unknowns: int

    def of(self, kind: Kind) -> int:
        """How many went wrong in that way."""
        return {"bounces": self.bounces, "complaints": self.complaints, "unknowns": self.unknowns}[kind]

    @property
    def ailments(self) -> tuple[Kind, ...]:
        """What is past its limit, the gravest first."""
        if self.attempts < ENOUGH:
            return ()
        bad = {kind: self.of(kind) / (limit * self.attempts) for kind, limit in LIMITS.items()}
        past = [kind for kind, share in bad.items() if share > 1 and self.of(kind) >= BELIEVED]
        return tuple(sorted(past, key=lambda kind: -bad[kind]))


def vital_signs(connection: Connection, journey: str, now: datetime) -> Vitals:
    """The journey's rates as of `now`. After an incident counting begins anew with the messages claimed since."""
    journey_id = sa.select(journeys.c.id).where(journeys.c.name == journey).scalar_subquery()
    last = connection.scalar(sa.select(sa.func.max(incidents.c.at)).where(incidents.c.journey_id == journey_id))
    since = max(now - WINDOW, last or now - WINDOW)
    attempted = sa.and_(
        s.batch_id.in_(_lately(journey_id)),
        s.claimed_at > since,
        s.claimed_at <= now,
        s.state.in_(("sent", "failed", "unknown")),
    )
    columns = [
        sa.func.count(),
        _count(_reported("bounced", now)),
        _count(_reported("complained", now)),
        _count(s.state == "unknown"),
    ]
    row = connection.execute(sa.select(*columns).where(attempted)).one()
    return Vitals(since, row[0], *(int(each or 0) for each in row[1:]))


def _lately(journey_id: Any) -> Any:
    b = batches.c
    mine = sa.select(b.id).where(b.journey_id == journey_id, b.claimed_at.is_not(None))
    return mine.order_by(b.id.desc()).limit(BATCHES)


def _count(condition: Any) -> Any:
    return sa.func.sum(sa.case((condition, 1), else_=0))


def _reported(reason: str, now: datetime) -> Any:
    """Over `sends`: the address was suppressed for that reason soon after the message, and by it."""
    p, c = suppressions.c, contacts.c
    return sa.exists().where(
        c.customer_id == s.customer_id,
        c.channel == s.medium,
        p.channel == s.medium,
        p.address_key == c.address_key,
        p.reason == reason,
        p.known_at <= now,
        p.occurred_at >= s.claimed_at,
        p.occurred_at <= s.claimed_at + REPORTED_WITHIN // timedelta(microseconds=1),
    )
