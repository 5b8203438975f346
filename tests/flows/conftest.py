"""Plans made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vefa.language.conditions import Duration
from vefa.plan.plans import Plan, Runs
from vefa.plan.steps import Message, WaitFor
from vefa.plan.ways_in import EventTrigger

MakePlan = Callable[..., Plan]


@pytest.fixture
def plan() -> MakePlan:
    """Makes a journey of a wait and an e-mail; any part may be given."""

    def make(journey: str = "delivery-thank-you", **parts: Any) -> Plan:
        given = {
            "journey": journey,
            "name": "Delivery thank-you",
            "description": "Thank the customer once the parcel is in their hands.",
            "trigger": EventTrigger("order.delivered", "order"),
            "steps": (
                WaitFor("wait-1", "wait-1-day", "mail-1", Duration(days=1)),
                Message("mail-1", "thanks", None, "email", "delivery-thank-you", "commercial"),
            ),
            "runs": Runs(minutes=15),
        }
        return Plan(**{**given, **parts})

    return make
