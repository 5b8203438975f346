"""One customer in one journey, row by row, on both databases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from vefa.crm.identity import address_key, bucket
from vefa.crm.tables import consents, contacts, customers
from vefa.database import writing
from vefa.engine.plans import store_plan
from vefa.engine.tables import enrolments, journeys, plans, step_names
from vefa.language.conditions import Duration
from vefa.ledger.tables import sends
from vefa.plan.plans import Plan
from vefa.plan.steps import Message, WaitFor
from vefa.plan.ways_in import EventTrigger

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ENTERED = datetime(2026, 3, 2, 12, tzinfo=UTC)
STEPS = (
    WaitFor("wait", "wait", "mail", Duration(days=1)),
    Message("mail", "mail", None, "email", "thanks", "commercial"),
)
PLAN = Plan("thanks", "Thanks", EventTrigger("order.delivered", "order"), STEPS)


@dataclass
class Rows:
    """Puts rows into the journey's tables; every column has a likely value."""

    engine: sa.Engine

    def insert(self, table: sa.Table, **values: Any) -> Any:
        with writing(self.engine) as connection:
            return connection.execute(sa.insert(table).values(**values)).inserted_primary_key[0]

    def number(self, table: sa.Table) -> int:
        with self.engine.connect() as connection:
            return connection.execute(sa.select(table.c.id).order_by(table.c.id.desc())).scalars().first() or 0

    def step(self, name: str) -> int:
        with self.engine.connect() as connection:
            query = sa.select(step_names.c.id).where(step_names.c.name == name)
            return int(connection.execute(query).scalar_one())

    def customer(self, number: str = "C-1", email: str = "ayse@ornek.example", *, consent: bool = True) -> int:
        values = {"zone": "Europe/Istanbul", "bucket": bucket(number), "known_at": ENTERED}
        key: int = self.insert(customers, outside_id=number, first_name="Ayşe", **values)
        self.insert(
            contacts,
            customer_id=key,
            channel="email",
            address=email,
            address_key=address_key(email),
        )
        said = {"channel": "email", "purpose": "commercial", "granted": consent, "source": "HS_WEB"}
        self.insert(consents, customer_id=key, occurred_at=ENTERED, known_at=ENTERED, **said)
        return key

    def enrolment(self, customer: int, **values: Any) -> int:
        given = {
            "journey_id": self.number(journeys),
            "customer_id": customer,
            "entry_key": customer,
            "plan_id": self.number(plans),
            "entered_at": ENTERED,
            "enrolled_at": ENTERED,
            "state": "active",
            "step": self.step("wait"),
            "arrived_at": ENTERED,
            "due_at": NOW,
        }
        key: int = self.insert(enrolments, **{**given, **values})
        return key

    def send(self, enrolment: int, customer: int, **values: Any) -> int:
        given = {
            "enrolment_id": enrolment,
            "step": self.step("mail"),
            "journey_id": self.number(journeys),
            "plan_id": self.number(plans),
            "customer_id": customer,
            "purpose": "commercial",
            "template": "thanks",
            "state": "sent",
            "due_at": ENTERED,
            "not_before": ENTERED,
        }
        key: int = self.insert(sends, **{**given, **values})
        return key


@pytest.fixture
def rows(engine: sa.Engine) -> Rows:
    """The journey stored, and nobody in it."""
    with writing(engine) as connection:
        store_plan(connection, PLAN, ENTERED)
    return Rows(engine)
