"""Ticking more often changes only how soon; who is alone in the shop fares as in company."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.histories import (
    DAY,
    SPAN,
    Doing,
    History,
    Moment,
    histories,
    minutes,
    orders,
    people,
    second_journey,
    starts,
)
from tests.laws.plans import plans, steady
from tests.laws.stage import Stage, Theatre, names_of_steps, rows
from vefa.database import writing
from vefa.engine.plans import set_state
from vefa.engine.tables import enrolments, journeys
from vefa.language.conditions import Duration
from vefa.ledger.tables import sends
from vefa.plan.plans import Exits, Plan
from vefa.plan.policy import Policy
from vefa.plan.steps import FieldMoment, Message, Step, Tag, WaitFor, WaitUntilEvent, WaitUntilTime
from vefa.plan.ways_in import EnteredTrigger

FEW = settings(max_examples=6 if settings().derandomize else settings().max_examples // 25)


def calm(plan: Plan) -> Plan:
    """The journey without anything that asks what the time is, or what may change between two ticks."""
    steps: list[Step] = []
    sent = False
    for step in plan.steps:
        match step:
            case Message():
                steps.append(replace(step, not_after=None, unless=None))
                sent = True
            case WaitUntilTime() if step.until.field == "order.delivered_at":
                steps.append(replace(step, until=FieldMoment("trigger.at", step.until.offset)))
            case WaitUntilEvent() if sent:  # after a real sending, time counts from the tick
                steps.append(WaitFor(step.key, step.id, step.next, Duration(1)))
            case _:
                steps.append(step)
    return replace(plan, steps=tuple(steps), exits=Exits())


def calm_doing(doing: Doing) -> Doing:
    """Known when it happens, never corrected, never taken back."""
    moments = {name: Moment(m.at) for name, m in doing.moments.items() if name != "cancelled"}
    return replace(doing, moments=moments)


@st.composite
def calm_histories(draw: st.DrawFn) -> History:
    """Only the clock decides when things happen, nothing decides whether."""
    start = draw(starts)
    shop = tuple(
        replace(person, said=tuple(word for word in person.said if word[2] < 0), suppressed=())
        for person in draw(st.lists(people(start), min_size=2, max_size=4))
    )
    second = second_journey(draw(st.sampled_from((None, "order.placed"))))
    sends_on = isinstance(second.trigger, EnteredTrigger)
    return History(
        start=start,
        people=shop,
        doings=tuple(calm_doing(draw(orders(number))) for number in range(len(shop)) for _ in range(2)),
        journeys=(calm(draw(plans(sends_on=sends_on, asked=steady))), second),
        policy=Policy(),
        ticks=(),
    )


def through(theatre: Theatre, history: History, ticks: tuple[int, ...]) -> Counter[tuple[int, str, str]]:
    """Who got what in the end, if the journeys tick at these minutes."""
    stage = theatre.open(history)
    for minute in ticks:
        stage.learn(minute)
        stage.tick(minute)
    with writing(stage.database) as connection:  # others may still be sent into the second
        set_state(connection, "main", "closing", history.moment(SPAN))
    for day in range(1, 60):
        if stage.active():
            stage.tick(SPAN + day * DAY)
    return Counter((one.person, one.journey, one.step) for one in stage.got)


@FEW
@given(calm_histories(), st.sampled_from((DAY, 2 * DAY)), st.lists(minutes, max_size=5))
def test_ticking_more_often_changes_only_how_soon(
    theatre: Theatre, history: History, gap: int, random: list[int]
) -> None:
    sparse = tuple(sorted({0, *range(gap // 2, SPAN, gap), SPAN}))
    dense = tuple(sorted({*range(0, SPAN, 13 * 60), *random, *sparse}))

    assert through(theatre, history, sparse) == through(theatre, history, dense)


def silent(plan: Plan) -> Plan:
    """The journey with a mark in place of each message: nothing in it counts from the tick."""
    steps = [Tag(s.key, s.id, s.next, "seen") if isinstance(s, Message) else s for s in plan.steps]
    return replace(plan, steps=tuple(steps))


def ends(theatre: Theatre, history: History, ticks: tuple[int, ...]) -> Counter[tuple[Any, ...]]:
    """When, by the journeys' own reckoning, each customer came to where they stand at the end of the span."""
    stage = theatre.open(history)
    for minute in ticks:
        stage.learn(minute)
        stage.tick(minute)
    names = names_of_steps(stage.database)
    return Counter(
        (r.journey_id, r.customer_id, r.entered_at, r.state, str(names.get(r.step)), r.arrived_at, r.left_at)
        for r in rows(stage.database, enrolments)
        if r.state != "left"  # who is made to leave does so in the tick
    )


@FEW
@given(calm_histories().filter(lambda h: h.journeys[0].trigger.kind != "segment"))
def test_waits_count_from_the_logical_arrival_and_never_from_the_tick(theatre: Theatre, history: History) -> None:
    history = replace(history, journeys=tuple(silent(plan) for plan in history.journeys))
    sparse = (*range(0, SPAN, 2 * DAY), SPAN)
    dense = tuple(sorted({*range(0, SPAN, 13 * 60), *sparse}))

    assert ends(theatre, history, sparse) == ends(theatre, history, dense)


# --- in company ------------------------------------------------------------------------------------------------------


def alone(history: History, person: int) -> History:
    """The same, but of the customers only one is there; the others come in years, and nothing happens to them."""
    later = datetime(2045, 1, 1, tzinfo=UTC)
    never = Moment(10**7)
    return replace(
        history,
        people=tuple(p if n == person else replace(p, joined=later) for n, p in enumerate(history.people)),
        doings=tuple(
            d if d.person == person else replace(d, moments=dict.fromkeys(d.moments, never)) for d in history.doings
        ),
    )


def fate(stage: Stage, person: int) -> tuple[Any, ...]:
    """Everything that the journeys did about a customer."""
    names, which = names_of_steps(stage.database), {r.id: r.name for r in rows(stage.database, journeys)}
    inside = [r for r in rows(stage.database, enrolments) if r.customer_id == person + 1]
    entries = [
        (which[r.journey_id], r.entered_at, r.state, str(r.reason), str(names.get(r.step)), str(r.due_at), r.arrived_at)
        for r in inside
    ]
    messages = [
        (which[r.journey_id], names[r.step], r.state, str(r.reason), str(r.claimed_at), str(r.settled_at), r.attempt)
        for r in rows(stage.database, sends)
        if r.customer_id == person + 1
    ]
    got = [(o.at, o.medium, o.journey, o.step, o.outcome) for o in stage.got if o.person == person + 1]
    return sorted(entries), sorted(messages), sorted(got)


def lived(theatre: Theatre, history: History) -> Stage:
    stage = theatre.open(history)
    for minute in history.ticks:
        stage.learn(minute)
        stage.tick(minute)
    return stage


@FEW
@given(histories(gentle=True), st.integers(0, 4))
def test_nobody_s_journey_is_moved_by_other_customers(theatre: Theatre, history: History, number: int) -> None:
    person = number % len(history.people)

    together = fate(lived(theatre, history), person)
    by_themselves = fate(lived(theatre, alone(history, person)), person)

    assert together == by_themselves
