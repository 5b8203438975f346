"""What a new plan leaves of an older one's `whenever`: messages that wait to go, and whose step is gone (rule 21)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.engine.tables import enrolments, step_names
from vefa.ledger.claims import ended
from vefa.ledger.tables import sends
from vefa.plan.plans import Plan

s, n = sends.c, step_names.c


def vanished_messages(connection: Connection, plan: Plan, inside: Any) -> dict[str, int]:
    """Steps of `whenever` that the new plan lacks, with how many messages of theirs wait for those whom `inside` (over
    `enrolments`) chooses."""
    query = sa.select(n.name, sa.func.count()).join_from(sends, step_names, n.id == s.step)
    found = connection.execute(query.where(_waiting(inside)).group_by(n.name))
    return {name: count for name, count in found if name not in _kept(plan)}


def drop_vanished(connection: Connection, plan: Plan, journey_id: int, inside: Any, now: datetime) -> None:
    """These messages do not go; whom they were for stays where they are."""
    kept = sa.select(n.id).where(n.journey_id == journey_id, n.name.in_(sorted(_kept(plan))))
    values = ended("skipped", "left: their step was removed") | {"settled_at": now}
    connection.execute(sa.update(sends).where(_waiting(inside), s.step.not_in(kept)).values(values))


def _kept(plan: Plan) -> frozenset[str]:
    return frozenset(plan.step(key).id for key in plan.aside)


def _waiting(inside: Any) -> Any:
    chosen = sa.select(enrolments.c.id).where(inside)
    return sa.and_(s.occasion != 0, s.state == "queued", s.enrolment_id.in_(chosen))
