"""Events that came to somebody inside, and what a `whenever` made of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.tables import events
from vefa.engine.tables import OPEN, occasions, step_names
from vefa.language.conditions import EventScope
from vefa.language.english import event_sentence

DAY = timedelta(days=1)

#: What has become of an event.
ENDS = {
    "waiting": "its turn has not come yet",
    "acting": "its steps are under way",
    "done": "its steps were taken",
    "left": "they left the journey first",
    "gone": "the journey has no steps for it any more",
    "too late": "it was too long ago when we learned of it",
}

o = occasions.c


@dataclass(frozen=True)
class Met:
    """One event, of one time through a journey. `noted_at`: when a look found it."""

    whenever: str
    event: str
    what: str
    occurred_at: datetime
    noted_at: datetime
    state: str
    because: str


def events_met(connection: Connection, enrolment_id: int) -> tuple[Met, ...]:
    """All events that the enrolment met, in the order of time."""
    rows = connection.execute(
        sa.select(step_names.c.name, events.c.type, o.occurred_at, o.noted_at, o.state)
        .join_from(occasions, step_names, step_names.c.id == o.whenever)
        .join(events, events.c.id == o.event_id)
        .where(o.enrolment_id == enrolment_id)
        .order_by(o.occurred_at, o.id)
    )
    return tuple(
        Met(
            row.name,
            row.type,
            event_sentence(EventScope(row.type), past=True),
            row.occurred_at,
            row.noted_at,
            row.state,
            ENDS[row.state],
        )
        for row in rows
    )


@dataclass(frozen=True)
class Followed:
    """A journey's events at one moment: how many were met in a day, how many are under way, how many of them late."""

    day: int = 0
    under_way: int = 0
    late: int = 0


def followed(connection: Connection, journey_id: int, now: datetime, before: datetime) -> Followed:
    """What `whenever` has done and has still to do; late is what was met before that moment and is not done."""
    mine = o.journey_id == journey_id
    still = sa.and_(mine, o.state.in_(OPEN))
    lately = sa.select(sa.func.count()).where(mine, o.noted_at > now - DAY, o.noted_at <= now)
    counts = (
        connection.scalar(sa.select(sa.func.count()).select_from(occasions).where(which)) or 0
        for which in (still, sa.and_(still, o.noted_at <= before))
    )
    return Followed(connection.scalar(lately) or 0, *counts)
