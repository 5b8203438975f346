"""A shop of three journeys whose customers order again and again, while everything goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from tests.acceptance.small_shop import JOURNEY, fill, write_files
from vefa.crm.happenings import mark_stale, record_events
from vefa.crm.tables import customers, orders
from vefa.database import reading, writing
from vefa.engine.plans import store_plan
from vefa.plan.project import load_project
from vefa.settings import load_settings

#: Each journey with the purposes of its messages, in the order of its steps.
JOURNEYS = {
    "care-news": ("commercial",),
    "order-news": ("transactional", "commercial"),
    "order-texts": ("transactional",),
}
_FILES = {
    "journeys/order-news.yaml": JOURNEY.format(name="Order news"),
    "journeys/care-news.yaml": """\
name: Care news
description: Says a little later how to look after it.
owner: care@ornek.example
purpose: commercial
trigger: {event: order.placed}
steps:
  - wait: {for: 20 minutes}
  - email: offer
    id: care
    subject: {en: "How to look after it"}
""",
    "journeys/order-texts.yaml": """\
name: Order texts
description: Confirms the order.
owner: care@ornek.example
purpose: transactional
trigger: {event: order.placed}
steps:
  - sms: confirmed
    id: confirmed
""",
    "journeys/templates/confirmed.en.sms.txt": "We have your order {{ order.number }}.\n",
}


def open_for_business(root: Path, engine: sa.Engine, people: int, since: datetime) -> None:
    """The files, the plans as they were deployed, and so many customers; each has ordered once."""
    write_files(root, **_FILES)
    fill(engine, people)
    project = load_project(root, load_settings(root))
    for plan in project.plans.values():
        with writing(engine) as connection:
            store_plan(connection, plan, since)


def order_again(engine: sa.Engine, buyers: Sequence[int], at: datetime) -> None:
    """These customers order now; the number of an order tells its customer and how many there were before."""
    with writing(engine) as connection:
        before = connection.scalar(sa.select(sa.func.max(orders.c.id))) or 0
        rows = [
            {
                "id": number,
                "source": "shop",
                "outside_id": f"O{number}",
                "number": f"O{number}",
                "customer_id": buyer,
                "total": 100,
                "currency": "TRY",
                "placed_at": at,
                "placed_known_at": at,
            }
            for number, buyer in enumerate(buyers, before + 1)
        ]
        connection.execute(sa.insert(orders), rows)
        record_events(connection, "order", [row["id"] for row in rows])
        mark_stale(connection, buyers)


def people_of(engine: sa.Engine) -> list[int]:
    """Everybody's number."""
    with reading(engine) as connection:
        return list(connection.scalars(sa.select(customers.c.id).order_by(customers.c.id)))
