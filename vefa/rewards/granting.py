"""Points that are given without an order: by a step of a journey, or by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.points import CUSTOMER, ISSUED, mark_points, point_moves
from vefa.database import Instant, inserting
from vefa.plan.steps import Points


def grant(
    connection: Connection, step: Points, number: int, whom: sa.Select[Any], now: datetime, runs_out_at: datetime | None
) -> None:
    """Points for each enrolment that `whom` chooses (id, customer, occasion): once per enrolment and step, in a
    `whenever` per event, too."""
    chosen = whom.subquery()
    enrolment, customer, occasion = chosen.c[0], chosen.c[1], chosen.c[2]
    of_event = sa.case((occasion != 0, sa.literal(":") + sa.cast(occasion, sa.Text)), else_="")
    values: dict[str, Any] = {
        "key": sa.literal("step:") + sa.cast(enrolment, sa.Text) + sa.literal(f":{number}") + of_event,
        "customer_id": customer,
        "debit": sa.literal(ISSUED),
        "credit": sa.literal(CUSTOMER),
        "points": sa.literal(step.points),
        "kind": sa.literal("grant"),
        "rule": sa.literal(step.rule or step.id),
        "at": sa.literal(now, Instant()),
        "earned_at": sa.literal(now, Instant()),
        "runs_out_at": sa.cast(sa.null(), sa.BigInteger) if runs_out_at is None else sa.literal(runs_out_at, Instant()),
        "posted_at": sa.literal(now, Instant()),
        "enrolment_id": enrolment,
        "step": sa.literal(number),
    }
    rows = sa.select(*values.values()).where(sa.true())  # SQLite reads ON CONFLICT as a join without a WHERE
    connection.execute(inserting(connection, point_moves).from_select(list(values), rows).on_conflict_do_nothing())
    mark_points(connection, sa.select(customer))
