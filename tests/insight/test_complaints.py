"""What customers complain of: by category and by agent, week by week, with the time to resolution."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from tests.engine.worlds import DAY, HOUR, ISTANBUL, NOON, World
from vefa.crm.tables import tickets
from vefa.database import reading
from vefa.insight.complaints import By, Complaints, complaints
from vefa.insight.weeks import Weeks

WEEK = 7 * DAY


def found(world: World, by: By = "category") -> Complaints:
    with reading(world.database) as connection:
        return complaints(connection, Weeks.back(3, ZoneInfo(ISTANBUL), NOON), by)


def test_each_category_has_its_weeks_its_median_and_its_score(world: World) -> None:
    who = world.customer()
    given = (
        ("damaged", NOON - HOUR, 2, 4),
        ("damaged", NOON - WEEK, 5, 1),
        ("damaged", NOON - WEEK, 9, None),
        ("damaged", NOON - WEEK, None, None),
        (None, NOON - 2 * WEEK, 30, None),
        ("late", NOON - 20 * WEEK, None, None),
        ("late", NOON - 20 * WEEK, 3, 5),
    )
    for category, opened, hours, csat in given:
        resolved = {} if hours is None else {"resolved_at": opened + hours * HOUR - 3 * HOUR}
        world.fact(tickets, "ticket", customer_id=who, opened_at=opened, category=category, csat=csat, **resolved)

    report = found(world)

    assert report.mondays == (date(2026, 2, 23), date(2026, 3, 2), date(2026, 3, 9))
    damaged, unsaid, late = report.causes
    assert (damaged.of, damaged.tickets, damaged.open, damaged.resolved) == ("damaged", 4, 1, 3)
    assert (damaged.median, damaged.judged, damaged.csat, damaged.weeks) == (timedelta(hours=2), 2, 2.5, (0, 3, 1))
    assert (unsaid.of, unsaid.tickets, unsaid.median, unsaid.csat) == ("·", 1, timedelta(hours=27), None)
    assert (late.of, late.tickets, late.open, late.resolved, late.weeks) == ("late", 0, 1, 0, (0, 0, 0))
    assert (report.whole.tickets, report.whole.open, report.whole.weeks) == (5, 2, (1, 3, 1))
    assert report.whole.median == timedelta(hours=4), "of four the mean of the middle two"


def test_by_agent_and_only_what_is_known(world: World) -> None:
    who = world.customer()
    for agent in ("Elif", "Elif", None):
        world.fact(tickets, "ticket", customer_id=who, opened_at=NOON - HOUR, agent=agent)
    world.fact(tickets, "ticket", customer_id=who, opened_at=NOON - HOUR, opened_known_at=NOON + HOUR, agent="Can")

    assert [(each.of, each.tickets, each.open) for each in found(world, "agent").causes] == [
        ("Elif", 2, 2),
        ("·", 1, 1),
    ]


def test_without_a_ticket_there_is_nothing_to_tell(world: World) -> None:
    assert (found(world).whole.tickets, found(world).causes) == (0, ())
