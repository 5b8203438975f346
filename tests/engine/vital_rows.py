"""Messages as workers leave them and reports as providers give them, in numbers that say something of a rate."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tests.engine.worlds import MINUTE, NOON
from vefa.crm.identity import address_key, bucket
from vefa.crm.tables import contacts, customers, suppressions
from vefa.database import writing
from vefa.engine.plans import journey_row
from vefa.engine.tables import enrolments, step_names
from vefa.ledger.tables import batches, sends


def send(
    database: sa.Engine, count: int, *, journey: str = "thanks", state: str = "sent", at: datetime = NOON
) -> list[int]:
    """So many messages of the journey, each to a customer of its own, as a worker would have left them."""
    with writing(database) as connection:
        row = journey_row(connection, journey)
        first = (connection.scalar(sa.select(sa.func.max(customers.c.id))) or 0) + 1
        numbers = range(first, first + count)
        batch = {"owner": "t", "journey_id": row.id, "reserved_at": at, "claimed_at": at, "settled_at": at}
        batch |= {"plan_id": row.plan_id, "step": 0, "size": count}
        batch_id = connection.execute(sa.insert(batches).values(batch)).inserted_primary_key[0]
        plan_id = row.plan_id
        step = connection.scalar(sa.select(sa.func.max(step_names.c.id)).where(step_names.c.journey_id == row.id))
        rows: dict[sa.Table, list[dict[str, Any]]] = {customers: [], contacts: [], enrolments: [], sends: []}
        for n in numbers:
            rows[customers].append(
                {"id": n, "outside_id": f"V{n}", "zone": "UTC", "bucket": bucket(f"V{n}"), "known_at": at}
            )
            address = f"v{n}@ornek.example"
            rows[contacts].append(
                {"customer_id": n, "channel": "email", "address": address, "address_key": address_key(address)}
            )
            rows[enrolments].append(
                {
                    "id": n, "journey_id": row.id, "customer_id": n, "entry_key": n, "plan_id": plan_id,
                    "entered_at": at, "enrolled_at": at, "state": "finished", "arrived_at": at,
                }
            )  # fmt: skip
            rows[sends].append(
                {
                    "enrolment_id": n, "step": step, "journey_id": row.id, "plan_id": plan_id, "template": "note",
                    "customer_id": n, "purpose": "commercial", "medium": "email", "state": state, "due_at": at,
                    "not_before": at, "batch_id": batch_id, "claimed_at": at, "attempt": 1,
                }
            )  # fmt: skip
        for table, given in rows.items():
            connection.execute(sa.insert(table), given)
    return list(numbers)


def report(database: sa.Engine, numbers: list[int], reason: str, at: datetime = NOON + MINUTE) -> None:
    """The provider tells that these came back, or were complained about."""
    row = {"channel": "email", "reason": reason, "occurred_at": at, "known_at": at}
    rows = [{**row, "address_key": address_key(f"v{n}@ornek.example")} for n in numbers]
    with writing(database) as connection:
        connection.execute(sa.insert(suppressions), rows)
