"""What was said to tools and to staff: the errands of one enrolment, and those that need a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.engine.tables import journeys, step_names
from vefa.errands.shopify_admin import STOPPED
from vefa.errands.tables import errands
from vefa.foresight.reasons import reason_words

r = errands.c

#: What could not be brought out is told so long.
SHOWN = timedelta(days=2)
#: What has been tried so often without success is worth a look before it is given up.
OFTEN = 4


@dataclass(frozen=True)
class Told:
    """One errand of an enrolment, or about an answer of theirs (`step` is the survey then). `because` tells in plain
    words why it has not gone, or not yet."""

    errand: int
    step: str
    kind: str
    target: str
    state: str
    reason: str | None
    because: str
    queued_at: datetime
    next_try_at: datetime | None
    attempts: int
    settled_at: datetime | None


@dataclass(frozen=True)
class Stuck:
    """Errands to one tool or team that did not get through in the same way."""

    kind: str
    target: str
    state: str
    reason: str
    count: int
    journey: str


def told_of(connection: Connection, enrolment_id: int) -> tuple[Told, ...]:
    """All errands of the enrolment, in the order in which they were made."""
    rows = connection.execute(
        sa.select(errands, step_names.c.name)
        .join(step_names, step_names.c.id == r.step)
        .where(r.enrolment_id == enrolment_id)
        .order_by(r.queued_at, r.id)
    )
    return tuple(_told(row, row.name) for row in rows)


def notices(connection: Connection, keys: Sequence[str], about: str) -> tuple[Told, ...]:
    """What teams were told under these keys, each of their people, in the order in which it was made."""
    rows = connection.execute(sa.select(errands).where(r.key.in_(keys)).order_by(r.queued_at, r.id))
    return tuple(_told(row, about) for row in rows)


def _told(row: Any, step: str) -> Told:
    return Told(
        row.id,
        step,
        row.kind,
        row.target,
        row.state,
        row.reason,
        reason_words(row.reason or ""),
        row.queued_at,
        row.next_try_at if row.state == "queued" else None,
        row.attempts,
        row.settled_at,
    )


def stuck(connection: Connection, now: datetime) -> Iterator[Stuck]:
    """What failed or is in doubt of late, and what has been tried often: by whom it was for, and why."""
    lately = sa.and_(r.state.in_(("failed", "unknown")), r.settled_at > now - SHOWN)
    stopped = sa.and_(r.attempts > 0, r.reason.startswith(STOPPED))
    again = sa.and_(r.state == "queued", sa.or_(r.attempts >= OFTEN, stopped))
    columns = (r.kind, r.target, r.state, sa.func.coalesce(r.reason, "?").label("reason"))
    name = sa.func.coalesce(sa.func.min(journeys.c.name), "").label("journey")
    query = (
        sa.select(*columns, sa.func.count().label("count"), name)
        .select_from(errands.join(journeys, journeys.c.id == r.journey_id, isouter=True))
        .where(sa.or_(lately, again))
        .group_by(*columns[:3], r.reason)
        .order_by(*columns[:3], r.reason)
    )
    for row in connection.execute(query):
        yield Stuck(*row)
