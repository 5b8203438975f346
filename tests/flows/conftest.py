"""Plans made by hand, and one Prefect server for all tests that need one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from vefa.language.conditions import Duration
from vefa.plan.steps import EventTrigger, Message, Plan, Runs, WaitFor

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


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    """The API of a Prefect server with an empty database, and Prefect's own settings pointing to it."""
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}), prefect_test_harness(120):
        yield PREFECT_API_URL.value()
