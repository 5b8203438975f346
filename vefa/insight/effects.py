"""What each journey has brought: everybody who entered beside the share that was never written to.

Both are counted from entry on, whoever got a message or not (intention to treat): chance alone told them apart, so what
differs between them is the journey.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.engine.plans import pinned
from vefa.engine.tables import enrolments, journeys
from vefa.insight.proportions import Interval, Share, difference
from vefa.ledger.tables import sends


@dataclass(frozen=True)
class Effect:
    """One journey: who entered, who of them got a message, and who reached the goal with and without it. Without
    `has_goal` nobody can have reached one."""

    journey: str
    has_goal: bool
    written_to: int
    entered: Share
    holdout: Share

    @property
    def uplift(self) -> float | None:
        """How much more often the goal is reached; None without a holdout or a goal."""
        if not self.has_goal or self.entered.rate is None or self.holdout.rate is None:
            return None
        return self.entered.rate - self.holdout.rate

    @property
    def interval(self) -> Interval | None:
        """Where the true uplift lies, with 95 %."""
        return None if self.uplift is None else difference(self.entered, self.holdout)

    @property
    def beyond_chance(self) -> bool | None:
        """Whether the difference is more than chance; None without a holdout."""
        return None if self.interval is None else 0.0 not in self.interval


def effects(connection: Connection, begin: datetime, end: datetime) -> tuple[Effect, ...]:
    """Every journey that somebody entered from `begin` to `end`, as it stood at `end`."""
    e, j, s = enrolments.c, journeys.c, sends.c
    held, reached = e.state == "holdout", sa.and_(e.goal_at.is_not(None), e.goal_at <= end)
    told = sa.exists().where(s.enrolment_id == e.id, s.state == "sent").correlate_except(sends)
    query = (
        sa.select(
            j.name,
            sa.func.count(sa.case((told, 1))),
            sa.func.count(sa.case((sa.and_(~held, reached), 1))),
            sa.func.count(sa.case((~held, 1))),
            sa.func.count(sa.case((sa.and_(held, reached), 1))),
            sa.func.count(sa.case((held, 1))),
            j.plan_id,
        )
        .join_from(enrolments, journeys, j.id == e.journey_id)
        .where(e.enrolled_at > begin, e.enrolled_at <= end)
        .group_by(j.name, j.plan_id)
        .order_by(j.name)
    )
    return tuple(
        Effect(
            name,
            plan_id is None or pinned(connection, plan_id).plan.goal is not None,
            written,
            Share(goals, entered),
            Share(others, without),
        )
        for name, written, goals, entered, others, without, plan_id in connection.execute(query)
    )
