from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from flows.schedules import Daily, Every, schedule
from vefa.plan.plans import Runs

ISTANBUL = "Europe/Istanbul"


def test_at_once_means_every_minute_by_schedule() -> None:
    """The instant path is quicker; the schedule is the net beneath it."""
    assert schedule("order-thank-you", Runs(at_once=True), ISTANBUL).interval == timedelta(minutes=1)


def test_every_n_minutes_is_an_interval() -> None:
    assert schedule("win-back", Runs(minutes=15), ISTANBUL).interval == timedelta(minutes=15)


def test_a_time_of_day_is_a_cron_line_on_the_shops_clock() -> None:
    made = schedule("birthday", Runs(at=time(9, 5)), ISTANBUL)

    assert made == Daily(time(9, 5), ISTANBUL)
    assert made.cron == "5 9 * * *"


def test_journeys_of_one_interval_do_not_start_in_the_same_second() -> None:
    names = ("win-back", "birthday", "anniversary", "return-care", "onboarding")
    anchors = {schedule(name, Runs(minutes=15), ISTANBUL).anchor for name in names}

    assert len(anchors) == len(names)


def test_a_journeys_schedule_is_the_same_at_every_deploy() -> None:
    assert schedule("win-back", Runs(minutes=15), ISTANBUL) == schedule("win-back", Runs(minutes=15), ISTANBUL)


@pytest.mark.parametrize("minutes", [0, 1, 7, 8, 14, 15, 16])
def test_the_next_time_of_an_interval_is_later_and_on_its_grid(minutes: int) -> None:
    every = Every(timedelta(minutes=15), datetime(2026, 1, 1, 0, 8, tzinfo=UTC))
    after = datetime(2026, 3, 1, 12, minutes, tzinfo=UTC)

    following = every.next(after)

    assert after < following <= after + timedelta(minutes=15)
    assert (following - every.anchor) % every.interval == timedelta(0)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-03-01T05:59:00+00:00", "2026-03-01T06:00:00+00:00"),
        ("2026-03-01T06:00:00+00:00", "2026-03-02T06:00:00+00:00"),
        ("2026-03-01T23:30:00+00:00", "2026-03-02T06:00:00+00:00"),
    ],
)
def test_the_next_daily_time_is_on_the_shops_clock(after: str, expected: str) -> None:
    daily = Daily(time(9, 0), ISTANBUL)

    assert daily.next(datetime.fromisoformat(after)) == datetime.fromisoformat(expected)


def test_a_daily_time_stays_the_same_hour_when_the_clocks_change() -> None:
    daily = Daily(time(9, 0), "Europe/Berlin")

    assert daily.next(datetime(2026, 3, 28, 9, tzinfo=UTC)) == datetime(2026, 3, 29, 7, tzinfo=UTC)
