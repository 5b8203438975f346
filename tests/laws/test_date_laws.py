"""Whose day it is enters, once a year, at that time on their own clock; nobody else does (language: `date`)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws.histories import DAY, SPAN, History, Person, people, starts
from tests.laws.stage import Theatre, rows
from tests.laws.strategies import clock_times
from vefa.crm.dates import local_date, start_of
from vefa.engine.tables import enrolments
from vefa.engine.timing import yearly
from vefa.language.conditions import Duration
from vefa.plan.plans import Plan
from vefa.plan.policy import Policy
from vefa.plan.steps import WaitFor
from vefa.plan.ways_in import DateTrigger

Entry = tuple[int, int, datetime]


def journey(trigger: DateTrigger) -> Plan:
    return Plan("main", "main", trigger, (WaitFor("rest", "rest", None, Duration(1)),))


def anniversary_base(person: Person, field: str) -> date | None:
    return person.born if field == "customer.birth_date" else local_date(person.joined, person.zone)


def expected(history: History, trigger: DateTrigger) -> set[Entry]:
    """By the words of the language, customer by customer and year by year."""
    found = set()
    for number, person in enumerate(history.people, 1):
        base = anniversary_base(person, trigger.field)
        for year in range(history.start.year - 1, history.start.year + 2):
            if base is None or base.year >= year:
                continue
            day = yearly(base, year) + timedelta(days=trigger.offset)
            moment = start_of(day, trigger.at, person.zone)
            if history.start <= moment <= history.moment(SPAN):
                found.add((number, year, moment))
    return found


@st.composite
def dated_histories(draw: st.DrawFn) -> History:
    field = draw(st.sampled_from(("customer.birth_date", "customer.created_at")))
    trigger = DateTrigger(field, draw(st.integers(-4, 4)), draw(clock_times))
    start = draw(starts)
    shop = tuple(draw(st.lists(people(start), min_size=3, max_size=12)))
    gap = draw(st.sampled_from((6 * 60, DAY, 2 * DAY)))
    ticks = tuple(sorted({*range(draw(st.integers(0, gap)), SPAN, gap), SPAN}))
    return History(start, shop, (), (journey(trigger),), Policy(), ticks)


def signed_up(joined: datetime, zone: str, start: datetime) -> History:
    """Somebody's anniversary of signing up, when UTC and their own clock were on different days."""
    person = Person(zone, None, joined, frozenset(), ())
    plan = journey(DateTrigger("customer.created_at", 0, time(9)))
    return History(start, (person,), (), (plan,), Policy(), (DAY, 3 * DAY, 5 * DAY, SPAN))


COMMON, LEAP = datetime(2027, 2, 25, 12, tzinfo=UTC), datetime(2028, 2, 25, 12, tzinfo=UTC)
IN_A_LEAP_YEAR, IN_A_COMMON_YEAR = datetime(2024, 2, 29, 22, 30, tzinfo=UTC), datetime(2023, 2, 28, 22, 30, tzinfo=UTC)
WEST_OF_UTC = datetime(2023, 3, 1, 2, tzinfo=UTC)


@settings(max_examples=max(20, settings().max_examples // 10))
@given(dated_histories())
@example(signed_up(IN_A_LEAP_YEAR, "Europe/Istanbul", COMMON))
@example(signed_up(IN_A_COMMON_YEAR, "Europe/Istanbul", LEAP))
@example(signed_up(WEST_OF_UTC, "America/New_York", LEAP))
def test_everybody_whose_day_it_is_enters_once_at_that_moment_of_their_own_clock(
    theatre: Theatre, history: History
) -> None:
    stage = theatre.open(history)
    for minute in history.ticks:
        stage.tick(minute)

    entered = [(r.customer_id, r.entry_key, r.entered_at) for r in rows(stage.database, enrolments)]
    trigger = history.journeys[0].trigger
    assert isinstance(trigger, DateTrigger)
    assert len(entered) == len(set(entered))
    assert set(entered) == expected(history, trigger)
