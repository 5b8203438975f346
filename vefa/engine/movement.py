"""The one way from step to step, and into the queue of a message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.database import among
from vefa.engine.plans import Pinned
from vefa.engine.tables import enrolments
from vefa.ledger import claims
from vefa.ledger.claims import Place
from vefa.plan.steps import Message

e = enrolments.c


def move_on(connection: Connection, pin: Pinned, which: Any, target: str | None, arrived: Any) -> int:
    """Put the active enrolments that `which` chooses at `target` (None: the end), logically at `arrived` (rule 5)."""
    if target is None:
        values: dict[str, Any] = {"state": "finished", "left_at": arrived, "due_at": None, "step": None}
    else:
        values = {"step": pin.number(target), "arrived_at": arrived, "due_at": arrived}
    update = sa.update(enrolments).where(which, e.state == "active")
    return connection.execute(update.values(phase=0, wait_basis=None, **values)).rowcount


def go_on(connection: Connection, pin: Pinned, step: Message, enrolment_ids: Sequence[int], arrived: Any) -> None:
    """Let those whose message at the step has come to an end go on.

    Whom a deploy has just moved to another plan stays, and goes on by that one in its next tick.
    """
    if not enrolment_ids:
        return
    here = e.step == pin.number(step.key)
    ours = among(e.id, enrolment_ids, here, e.plan_id == pin.id)
    if move_on(connection, pin, ours, step.next, arrived) < len(enrolment_ids):
        stayed = among(e.id, enrolment_ids, here, e.state == "active", e.plan_id != pin.id, e.phase == 1)
        connection.execute(sa.update(enrolments).where(stayed).values(due_at=arrived))


def inside(pin: Pinned, step: Message) -> sa.ColumnElement[bool]:
    """Over `enrolments`: the step's message may still go to them. What an event has set going is brought to its end,
    even where they have finished meanwhile."""
    if step.key in pin.plan.aside:
        return e.state.in_(("active", "finished"))
    return sa.and_(e.state == "active", e.phase == 1)


def queue_messages(
    connection: Connection,
    pin: Pinned,
    step: Message,
    which: Any,
    *,
    occasion: Any = None,
    arrived: Any = e.arrived_at,
    variant: str | None = None,
    trial: int | None = None,
    not_before: Any = None,
) -> int:
    """Put the step's message into the ledger for the enrolments that `which` chooses, a batch at most.

    `occasion` and `arrived`, over `enrolments`: for which event of a `whenever` it is, and when that happened.
    All of them get the same `variant`; with a `trial` they are those on whom it is tried.
    """
    columns = {
        "enrolment_id": e.id,
        "step": sa.literal(pin.number(step.id)),
        "journey_id": e.journey_id,
        "plan_id": e.plan_id,
        "template": sa.literal(step.of(variant).template),
        "customer_id": e.customer_id,
        "purpose": sa.literal(step.purpose),
        "medium": sa.literal(step.medium) if step.medium else sa.cast(sa.null(), sa.Text),
        "due_at": arrived,
        "not_before": arrived if not_before is None else not_before,
    }
    if occasion is not None:
        columns["occasion"] = occasion
    if variant is not None:
        columns |= {"variant": sa.literal(variant), "trial": sa.literal(trial, sa.BigInteger)}
    return claims.queue(connection, Place(pin.journey_id, pin.id, pin.numbers[step.key]), columns, which)
