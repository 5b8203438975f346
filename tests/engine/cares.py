"""A journey of complaints that watches for events, and what happens to complaints."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from tests.engine.worlds import NOON, World, email, make_plan, wait
from vefa.crm.tables import tickets
from vefa.engine.tables import occasions
from vefa.language.conditions import EventScope
from vefa.plan.plans import Plan, Whenever
from vefa.plan.policy import Policy, QuietHours, Rule, Withhold
from vefa.plan.steps import Message, Step
from vefa.plan.ways_in import EventTrigger

OPENED = EventTrigger("ticket.opened", "ticket")


def tell(key: str = "tell", next: str | None = None, **more: Any) -> Message:
    """A message in a `whenever`: about the complaint itself."""
    given: dict[str, Any] = {"purpose": "transactional"} | more
    return email(f"whenever/{key}", next, id=key, **given)


def care(*aside: Step, event: str = "ticket.answered", of_customer: bool = False, **more: Any) -> Plan:
    """A journey that waits a month, with these steps each time the event comes."""
    own = more.pop("own", (wait("rest", None, days=30),))
    aside = aside or (tell(),)
    entry = Whenever("on-event", EventScope(event, of_customer), aside[0].key, tuple(step.key for step in aside))
    given: dict[str, Any] = {"trigger": OPENED, "whenever": (entry,)} | more
    return make_plan(*own, *aside, **given)


def complain(world: World, customer: int, at: datetime = NOON, **more: Any) -> int:
    """The customer opens one."""
    return world.fact(tickets, "ticket", customer_id=customer, opened_at=at, **more)


def answer(world: World, ticket: int, at: datetime, **more: Any) -> None:
    """It is answered."""
    world.change(tickets, "ticket", ticket, answered_at=at, **more)


def happened(world: World, customer: int, ticket: int, at: datetime, **more: Any) -> int:
    """Another answer to the same complaint: an event of its own."""
    return world.happen("ticket.answered", customer, at, object_kind="ticket", object_id=ticket, **more)


def notes(world: World) -> list[str]:
    """How what was noted of events stands."""
    return [row.state for row in world.rows(occasions)]


def awake(hour: int) -> Policy:
    """Nothing goes before that hour."""
    quiet = QuietHours(time(0), time(hour), Withhold("defer", None))
    return Policy(rules=tuple(Rule("transactional", medium, False, quiet) for medium in ("email", "sms")))
