"""When each source spoke: a shop system's webhooks, a provider's reports, events and rows that are posted.

One row a source and hour, with how much came in it. From these rows follows what a source's habit is, and therefore
when its silence means that something is broken: a shop system that has switched its webhook off says nothing of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import sqlalchemy as sa
from sqlalchemy import Column, Table
from sqlalchemy.engine import Connection

from vefa.database import Instant, inserting, metadata

source_activity = Table(
    "source_activity",
    metadata,
    Column("source", sa.Text, primary_key=True, comment="such as woocommerce order, sendgrid, events of web-shop"),
    Column("hour", Instant, primary_key=True, comment="the hour's beginning, UTC"),
    Column("count", sa.Integer, nullable=False, comment="messages that came in it"),
    Column("last_at", Instant, nullable=False),
    comment="how much came from each source, by the hour",
)

#: Days over which a habit is learned; a source that has been silent for longer is taken to be given up.
HABIT, GIVEN_UP = timedelta(days=30), timedelta(days=60)
#: Messages that make a habit. What was sent for a trial is none.
ENOUGH = 10
#: A source that is known for so long is known well: a shorter silence is told.
WELL_KNOWN, SOONEST, SOONEST_OF_NEW = timedelta(days=14), timedelta(hours=6), timedelta(days=2)
#: A silence is told when it is so many times as long as those before.
TIMES = 2


@dataclass(frozen=True)
class Silence:
    """A source that has said nothing for longer than is its habit."""

    source: str
    last_at: datetime
    usual: timedelta


def note_activity(connection: Connection, counts: Mapping[str, int], at: datetime) -> None:
    """Add to what came from each source in the hour of `at`, in the caller's transaction."""
    if not counts:
        return
    hour = at.replace(minute=0, second=0, microsecond=0)
    rows = [{"source": source, "hour": hour, "count": count, "last_at": at} for source, count in sorted(counts.items())]
    insert = inserting(connection, source_activity)
    new, old = insert.excluded, source_activity.c
    later = sa.case((new.last_at > old.last_at, new.last_at), else_=old.last_at)
    changed = {"count": old.count + new.count, "last_at": later}
    connection.execute(insert.on_conflict_do_update(index_elements=["source", "hour"], set_=changed), rows)


def silent_sources(connection: Connection, now: datetime) -> tuple[Silence, ...]:
    """Every source that is silent for longer than is its habit, by name."""
    a = source_activity.c
    query = sa.select(a.source, a.hour, a.count, a.last_at).where(a.hour > now - GIVEN_UP - HABIT)
    hours: dict[str, list[tuple[datetime, int, datetime]]] = defaultdict(list)
    for source, hour, count, last_at in connection.execute(query.order_by(a.source, a.hour)):
        hours[source].append((hour, count, last_at))
    found = (_silence(source, those, now) for source, those in hours.items())
    return tuple(each for each in found if each is not None)


def _silence(source: str, hours: Iterable[tuple[datetime, int, datetime]], now: datetime) -> Silence | None:
    active = list(hours)
    last_at = active[-1][2]
    habit = [each for each in active if each[0] > last_at - HABIT]
    if sum(count for _, count, _ in habit) < ENOUGH or now - last_at > GIVEN_UP:
        return None
    usual = _usual_gap([hour for hour, _, _ in habit])
    known_for = last_at - active[0][0]
    soonest = SOONEST if known_for >= WELL_KNOWN else SOONEST_OF_NEW
    return Silence(source, last_at, usual) if now - last_at > max(TIMES * usual, soonest) else None


def _usual_gap(hours: list[datetime]) -> timedelta:
    """The longest time between two hours in which something came. Of many the second longest, as one may be a fault."""
    gaps = sorted((later - earlier for earlier, later in pairwise(hours)), reverse=True)
    if not gaps:
        return timedelta(hours=1)
    return gaps[1] if len(gaps) >= 5 else gaps[0]
