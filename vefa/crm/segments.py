"""Who is in a segment: one statement over everybody, driven by the roll-ups where the condition needs one.

A condition that nobody without orders can meet reads `facts` alone, along its indexes; others read the customers, with
the roll-ups beside them. Nothing is looked up anew for each customer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import sqlalchemy as sa

from vefa.crm import facts as rollups
from vefa.crm.atoms import holds_of_missing
from vefa.crm.conditions import compile_filter
from vefa.crm.scope import Scope, World
from vefa.crm.tables import customers, facts
from vefa.language.conditions import Anything, Condition, Everything, Happened, InSegment, Not, Nothing, Reacted

#: Fields that are made from the roll-up, with their value where there is none.
OF_ROLL_UPS: dict[str, int | None] = {
    "orders.count": 0,
    "orders.revenue": 0,
    "orders.average": None,
    "orders.first_at": None,
    "orders.last_at": None,
    "orders.typical_gap": None,
    "orders.gaps_since_last": None,
    "rfm.recency": None,
    "rfm.frequency": None,
    "rfm.monetary": None,
}


def members(condition: Condition, world: World) -> sa.Select[Any]:
    """The ids (column `customer_id`) of all customers who meet the condition as of the world's now.

    Who is not known yet by then is among them; whoever asks looks at `known_at` of the few that are new.
    """
    source, scope = everybody(world, list(fields_of(condition)), only_buyers=_needs_row(condition))
    query = sa.select(scope.customer_id.label("customer_id")).select_from(source)
    return query.where(compile_filter(condition, scope))


def everybody(world: World, asked: Collection[str], *, only_buyers: bool = False) -> tuple[Any, Scope]:
    """All customers, or all who have a roll-up, with what the fields asked about need beside them; and their scope."""
    kept: Any = facts if world.facts == "rolled" else rollups.dated(world.now, world.shop).subquery("facts")
    source: Any = customers
    with_customer = not only_buyers or any(name.startswith("customer.") for name in asked)
    if only_buyers:
        source = kept.join(customers, customers.c.id == kept.c.customer_id) if with_customer else kept
    elif set(asked) & set(OF_ROLL_UPS):
        source = customers.outerjoin(kept, kept.c.customer_id == customers.c.id)
    scope = Scope(
        world,
        customers.c.id if with_customer else kept.c.customer_id,
        zone=customers.c.zone if with_customer else None,
        customer=customers.c if with_customer else None,
        facts=kept.c,
        has_facts=only_buyers,
        is_whole=True,
    )
    return source, scope


def fields_of(condition: Condition) -> Iterator[str]:
    """Every field that the condition asks about, with repeats."""
    match condition:
        case Everything(parts) | Anything(parts) | Nothing(parts):
            for part in parts:
                yield from fields_of(part)
        case Not(inner) | InSegment(_, inner):
            yield from fields_of(inner)
        case Happened() | Reacted():
            return
        case _:
            yield condition.field


def _needs_row(condition: Condition) -> bool:
    """Whether surely nobody without a roll-up meets the condition."""
    match condition:
        case Everything(parts):
            return any(_needs_row(part) for part in parts)
        case Anything(parts):
            return bool(parts) and all(_needs_row(part) for part in parts)
        case InSegment(_, inner):
            return _needs_row(inner)
        case Not() | Nothing() | Happened() | Reacted():
            return False
        case _:
            name = condition.field
            return name in OF_ROLL_UPS and not holds_of_missing(condition, OF_ROLL_UPS[name])
