"""How many customers a journey could reach now, and how many stand where in it: counts, never names."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.conditions import compile_condition
from vefa.crm.facts import borders
from vefa.crm.scope import Scope, World, known_zones
from vefa.crm.tables import customers
from vefa.engine.tables import enrolments, journeys, plans, step_names
from vefa.language.conditions import Condition, Everything, Known
from vefa.plan.codec import plan_hash
from vefa.plan.loyalty import NO_PROGRAMME, Programme
from vefa.plan.plans import Plan
from vefa.plan.ways_in import DateTrigger, SegmentTrigger
from vefa.settings import Shop


@dataclass(frozen=True)
class Standing:
    """Who is in the journey now: by step, in older plans (by hash), and in all."""

    steps: dict[str, int] = field(default_factory=dict)
    older: dict[str, int] = field(default_factory=dict)

    @property
    def all(self) -> int:
        return sum(self.steps.values()) + sum(self.older.values())


def audience_size(
    connection: Connection, plan: Plan, now: datetime, shop: Shop, loyalty: Programme = NO_PROGRAMME
) -> int:
    """Customers who would pass the journey's audience now (and its segment, or have its date)."""
    # The dated rows answer for any moment and nothing is written; the roll-ups are the ticks' business.
    world = World(now, shop, known_zones(connection), "dated", borders(connection, now, shop, "dated"), loyalty)
    scope = Scope(world, customers.c.id, zone=customers.c.zone)
    wanted = sa.and_(compile_condition(_who(plan), scope), customers.c.forgotten_at.is_(None))
    return connection.execute(sa.select(sa.func.count()).select_from(customers).where(wanted)).scalar_one()


def _who(plan: Plan) -> Condition:
    match plan.trigger:
        case SegmentTrigger(condition=condition):
            return Everything((plan.audience, condition))
        case DateTrigger(field=name) if not name.startswith("shop."):
            return Everything((plan.audience, Known(name, True)))
    return plan.audience


def standing(connection: Connection, plan: Plan) -> Standing:
    """How many active customers stand at each step of this plan, and how many are still in older ones."""
    e, p, n = enrolments.c, plans.c, step_names.c
    rows = connection.execute(
        sa.select(p.hash, n.name, sa.func.count())
        .select_from(enrolments.join(plans, p.id == e.plan_id).join(journeys, journeys.c.id == e.journey_id))
        .join(step_names, n.id == e.step, isouter=True)
        .where(journeys.c.name == plan.journey, e.state == "active")
        .group_by(p.hash, n.name)
    )
    own = plan_hash(plan)
    steps: dict[str, int] = {}
    older: dict[str, int] = {}
    for hash_, key, count in rows:
        if hash_ == own and key is not None:
            steps[key] = count
        else:
            older[hash_] = older.get(hash_, 0) + count
    return Standing(steps, older)
