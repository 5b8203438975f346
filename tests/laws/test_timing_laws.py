"""Laws of waits and quiet hours on the customer's own clock (rules 1, 5)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.laws.strategies import (
    ZONES,
    birthdays,
    changes,
    clock_times,
    lengths,
    moments,
    offsets,
    quiet_hours,
    weekdays,
    zones,
)
from vefa.crm.dates import start_of
from vefa.engine.timing import WEEKDAYS, end_of_day, moment_end, move, quiet_until, wait_end, yearly
from vefa.language.conditions import Duration
from vefa.plan.policy import QuietHours

MANY = settings(max_examples=max(150, settings().max_examples))


def local(moment: datetime, zone: str) -> datetime:
    """What the clock of `zone` shows."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def skipped(wall: datetime, zone: str) -> bool:
    """Whether the clock of `zone` never shows `wall`."""
    tz = ZoneInfo(zone)
    there = [wall.replace(tzinfo=tz, fold=fold).timestamp() for fold in (0, 1)]
    return all(datetime.fromtimestamp(stamp, tz).replace(tzinfo=None) != wall for stamp in there)


@MANY
@given(st.data(), zones, clock_times)
def test_a_local_time_is_shown_when_it_is_said_to_be_and_first_after_a_gap(
    data: st.DataObject, zone: str, clock: time
) -> None:
    day = local(data.draw(moments(zone)), zone).date()

    moment = start_of(day, clock, zone)

    shown = local(moment, zone)
    if skipped(datetime.combine(day, clock), zone):
        assert moment in changes(zone)
        assert shown > datetime.combine(day, clock)
    else:
        assert shown == datetime.combine(day, clock)
        for earlier in (moment - timedelta(minutes=30), moment - timedelta(hours=1)):
            assert local(earlier, zone) != shown, "the first of two"


@pytest.mark.parametrize("hour", [0, 1, 12, 23])
def test_a_day_that_a_zone_skipped_whole_begins_with_the_next(hour: int) -> None:
    moment = start_of(date(2011, 12, 30), time(hour), "Pacific/Apia")

    assert local(moment, "Pacific/Apia").isoformat() == "2011-12-31T00:00:00"


def test_quiet_hours_whose_end_the_clock_jumps_over_into_quiet_hours_last_on() -> None:
    moment = datetime(2015, 10, 3, 15, 29, tzinfo=UTC)  # a minute before the clock jumps from 02:00 to 02:30

    end = quiet_until(moment, QuietHours(time(2, 15), time(2)), "Australia/Lord_Howe")

    assert end is not None
    assert local(end, "Australia/Lord_Howe").isoformat() == "2015-10-05T02:00:00"


@MANY
@given(st.data(), zones, lengths, st.none() | clock_times, weekdays)
def test_a_wait_never_ends_before_its_length_on_the_calendar(
    data: st.DataObject, zone: str, length: Duration, at: time | None, on: tuple[str, ...]
) -> None:
    start = data.draw(moments(zone))

    end = wait_end(start, length, zone, at, on)

    if length.seconds or at is None or not length.days:
        assert end >= move(start, length, zone)
    else:  # whole days and a time: that day, at that time
        assert local(end, zone).date() >= local(start, zone).date() + timedelta(days=length.days)
    assert end >= start


@MANY
@given(st.data(), zones, lengths, clock_times, weekdays)
def test_where_a_wait_says_at_the_clock_shows_that_time_or_jumped_over_it(
    data: st.DataObject, zone: str, length: Duration, at: time, on: tuple[str, ...]
) -> None:
    end = wait_end(data.draw(moments(zone)), length, zone, at, on)

    shown = local(end, zone)
    jumped = end in changes(zone) and shown.time() > at
    assert shown.time() == at or jumped


@MANY
@given(st.data(), zones, lengths, st.none() | clock_times, weekdays.filter(bool))
def test_a_wait_ends_on_one_of_its_weekdays_and_on_the_first_that_comes(
    data: st.DataObject, zone: str, length: Duration, at: time | None, on: tuple[str, ...]
) -> None:
    start = data.draw(moments(zone))

    end = wait_end(start, length, zone, at, on)

    free = wait_end(start, length, zone, at)
    shown, first = local(end, zone).date(), local(free, zone).date()
    assert WEEKDAYS[shown.weekday()] in on
    between = [first + timedelta(days=n) for n in range((shown - first).days)]
    assert not any(WEEKDAYS[day.weekday()] in on for day in between)
    assert end >= free


@MANY
@given(st.data(), zones, lengths, st.none() | clock_times, weekdays)
def test_who_comes_later_waits_until_no_earlier(
    data: st.DataObject, zone: str, length: Duration, at: time | None, on: tuple[str, ...]
) -> None:
    one = data.draw(moments(zone))
    two = one + timedelta(minutes=data.draw(st.integers(0, 3_000)))
    assume(local(one, zone) <= local(two, zone))  # in the doubled hour the clock itself goes back
    assume(at is not None or not on)  # moved to a weekday without a time, the time of day is kept

    first, second = (wait_end(start, length, zone, at, on) for start in (one, two))

    assert first <= second


@MANY
@given(st.data(), zones, offsets, st.none() | clock_times, weekdays)
def test_a_moment_s_end_stands_on_its_day_at_its_time(
    data: st.DataObject, zone: str, offset: Duration, at: time | None, on: tuple[str, ...]
) -> None:
    moment = data.draw(moments(zone))

    end = moment_end(moment, offset, zone, at, on)

    moved = move(moment, offset, zone)
    assert local(end, zone).date() >= local(moved, zone).date()
    if not on and at is not None:
        assert local(end, zone).date() == local(moved, zone).date() or end in changes(zone)
    if not on and at is None:
        assert end == moved


def is_quiet(moment: datetime, quiet: QuietHours, zone: str) -> bool:
    """By the words of the policy: from `start` up to `end` on the customer's clock."""
    clock = local(moment, zone).time()
    if quiet.start <= quiet.end:
        return quiet.start <= clock < quiet.end
    return clock >= quiet.start or clock < quiet.end


@MANY
@given(st.data(), zones, quiet_hours)
def test_quiet_hours_end_at_the_first_moment_that_is_not_quiet(
    data: st.DataObject, zone: str, quiet: QuietHours
) -> None:
    moment = data.draw(moments(zone))

    end = quiet_until(moment, quiet, zone)

    if end is None:
        assert not is_quiet(moment, quiet, zone)
        return
    assert is_quiet(moment, quiet, zone)
    assert not is_quiet(end, quiet, zone)
    assert moment < end <= moment + timedelta(hours=50)
    if any(moment < change <= end for change in changes(zone)):
        return  # a clock put back may leave the quiet hours for a while before their end
    step = moment
    while (step := step + timedelta(minutes=15)) < end:
        assert is_quiet(step, quiet, zone)


@given(st.data(), zones)
def test_the_last_moment_of_a_day_is_right_before_the_next_day(data: st.DataObject, zone: str) -> None:
    moment = data.draw(moments(zone))

    end = end_of_day(moment, zone)

    assert end >= moment
    assert local(end, zone).date() == local(moment, zone).date()
    assert local(end + timedelta(microseconds=1), zone).date() > local(moment, zone).date()


@given(birthdays, st.integers(1990, 2100))
@example(date(2000, 2, 29), 2100)
def test_everybody_has_one_birthday_a_year_and_29_february_falls_on_the_28th(born: date, year: int) -> None:
    day = yearly(born, year)

    assert day.year == year
    leap = (born.month, born.day) == (2, 29)
    assert (day.month, day.day) == (born.month, born.day) or (leap and (day.month, day.day) == (2, 28))


@pytest.mark.parametrize("zone", ZONES)
def test_every_zone_of_these_laws_is_known(zone: str) -> None:
    assert ZoneInfo(zone).key == zone
