"""What a `whenever` will do is explained; what it did is told of one customer, and counted for all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.foresight.conftest import ENTERED, NOW, STEPS, Rows
from vefa.crm.tables import events, tickets
from vefa.database import reading, writing
from vefa.engine.plans import store_plan
from vefa.engine.tables import enrolments, occasions, plans
from vefa.foresight.explain import explain
from vefa.foresight.status import status
from vefa.foresight.why import passed, why
from vefa.language.conditions import Compare, EventScope
from vefa.plan.plans import Plan, Whenever
from vefa.plan.policy import Policy
from vefa.plan.steps import Arm, Branch, Message, Tag
from vefa.plan.ways_in import EventTrigger

PLAN = Plan(
    "care",
    "Care",
    EventTrigger("ticket.opened", "ticket"),
    (
        *STEPS,
        Branch("whenever/if", "if", None, (Arm(Compare("ticket.state", "=", "answered"), "whenever/tell"),)),
        Message("whenever/tell", "tell", "whenever/tag", "email", "answered", "transactional"),
        Tag("whenever/tag", "tag", None, "told"),
    ),
    whenever=(
        Whenever(
            "whenever-ticket-state-changed",
            EventScope("ticket.state_changed"),
            "whenever/if",
            ("whenever/if", "whenever/tell", "whenever/tag"),
        ),
    ),
)


@pytest.fixture
def rows(engine: sa.Engine) -> Iterator[Rows]:
    """The journey is deployed, and one customer is in it who met two events."""
    rows = Rows(engine)
    with writing(engine) as connection:
        store_plan(connection, PLAN, ENTERED)
    ada = rows.customer()
    known = {"opened_at": ENTERED, "opened_known_at": ENTERED}
    ticket = rows.insert(tickets, source="shop", outside_id="t1", customer_id=ada, **known)
    inside = rows.enrolment(ada, object_kind="ticket", object_id=ticket)
    for n, state in enumerate(("done", "waiting"), 1):
        at = NOW - timedelta(hours=3 - n)
        event = rows.insert(
            events,
            source="shop",
            type="ticket.state_changed",
            object_kind="ticket",
            object_key="t1",
            object_id=ticket,
            occurrence=n,
            customer_id=ada,
            occurred_at=at,
            known_at=at,
        )
        rows.insert(
            occasions,
            enrolment_id=inside,
            journey_id=rows.number(enrolments),
            whenever=rows.step("whenever-ticket-state-changed"),
            event_id=event,
            occurred_at=at,
            noted_at=at,
            state=state,
        )
    yield rows


def test_explain_tells_it_beside_what_happens_from_top_to_bottom() -> None:
    told = explain(PLAN, Policy())

    (aside,) = told.whenever
    assert [line.key for line in told.timeline] == ["wait", "mail"]
    assert aside.when == (
        "Each time the state of a complaint is changed, whatever step they stand at, at once and once for each event:"
    )
    assert [line.what for line in aside.timeline] == [
        "Choose a way",
        "If the state of the complaint is answered",
        "Send the e-mail “answered”",
        "Tag them “told”",
        "Else",
        "Nothing more comes of it",
    ]


def test_why_tells_each_event_and_what_came_of_it(rows: Rows) -> None:
    with reading(rows.engine) as connection:
        (journey,) = why(connection, "C-1").journeys

    (story,) = journey.stories
    assert [(met.what, met.because) for met in story.met] == [
        ("the state of a complaint was changed", "its steps were taken"),
        ("the state of a complaint was changed", "its turn has not come yet"),
    ]


def test_messages_of_a_whenever_say_nothing_of_where_a_customer_is() -> None:
    assert passed(PLAN, {"tell", "wait"}, "active", "wait") == ()
    assert passed(PLAN, {"tell"}, "finished", None) == ("wait", "mail")


@pytest.mark.parametrize(("minutes", "late"), [(0, 0), (59, 1)])
def test_status_counts_the_events_of_a_day_and_those_that_wait_too_long(rows: Rows, minutes: int, late: int) -> None:
    now = NOW + timedelta(minutes=minutes) - timedelta(minutes=59)
    with reading(rows.engine) as connection:
        (journey,) = status(connection, now, datetime.now(UTC)).journeys

    assert (journey.events.day, journey.events.under_way, journey.events.late) == (2, 1, late)
    assert rows.number(plans)
