"""What the laws are tried on: moments around changes of the clock, and (in `histories`) whole shops."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from vefa.engine.timing import WEEKDAYS
from vefa.language.conditions import Duration
from vefa.plan.policy import Cap, QuietHours, Withhold

#: Clocks that change in either hemisphere, by half an hour, before Ramadan, not at all, and with odd offsets.
ZONES = (
    "Europe/Istanbul",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
)
FIRST, LAST = datetime(2015, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)

zones = st.sampled_from(ZONES)


@cache
def changes(zone: str, first: datetime = FIRST, last: datetime = LAST) -> tuple[datetime, ...]:
    """The moments at which the clock of `zone` is changed, to the minute."""
    tz, found, day = ZoneInfo(zone), [], first
    while day < last:
        low, high = day, day + timedelta(days=1)
        if low.astimezone(tz).utcoffset() != high.astimezone(tz).utcoffset():
            while high - low > timedelta(minutes=1):
                middle = low + (high - low) / 2
                same = middle.astimezone(tz).utcoffset() == low.astimezone(tz).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            found.append(high.replace(second=0, microsecond=0))
        day += timedelta(days=1)
    return tuple(found)


@st.composite
def moments(draw: st.DrawFn, zone: str) -> datetime:
    """Any moment, or (as often) one within half a day of a change of the clock or around a leap day."""
    marks = [*changes(zone), datetime(2028, 2, 29, tzinfo=UTC), datetime(2024, 2, 29, tzinfo=UTC)]
    anywhere = st.integers(0, int((LAST - FIRST).total_seconds()) // 60).map(lambda m: FIRST + timedelta(minutes=m))
    near = st.builds(lambda mark, m: mark + timedelta(minutes=m), st.sampled_from(marks), st.integers(-720, 720))
    second = draw(st.sampled_from((0, 0, 0, 1, 59)))
    return draw(st.one_of(anywhere, near)) + timedelta(seconds=second)


#: Times of day, with those at which clocks are changed more often.
clock_times = st.one_of(
    st.sampled_from((time(0), time(1, 30), time(2), time(2, 15), time(2, 30), time(3), time(9), time(23, 59))),
    st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30, 45))),
)
lengths = st.one_of(
    st.builds(Duration, st.integers(0, 40)),
    st.builds(Duration, st.just(0), st.integers(0, 100_000)),
    st.builds(Duration, st.integers(0, 10), st.sampled_from((0, 3_600, 5_400, 20_000))),
)
offsets = st.builds(Duration, st.integers(-10, 30), st.sampled_from((0, -3_600, 7_200)))
weekdays = st.sets(st.sampled_from(WEEKDAYS), max_size=7).map(lambda days: tuple(d for d in WEEKDAYS if d in days))
withholds = st.builds(
    Withhold, st.sampled_from(("defer", "skip", "drop_after")), st.builds(Duration, st.just(0), st.integers(60, 90_000))
)
quiet_hours = st.builds(QuietHours, clock_times, clock_times, withholds)
caps = st.builds(
    Cap,
    st.sampled_from(("a week", "a day")),
    st.integers(1, 3),
    st.sampled_from((Duration(7), Duration(1), Duration(0, 3_600))),
    st.sampled_from((None, "commercial", "transactional")),
    st.sampled_from((None, "email", "sms")),
    withholds,
)
birthdays = st.one_of(
    st.just(date(2000, 2, 29)), st.just(date(1996, 2, 29)), st.dates(date(1940, 1, 1), date(2010, 12, 31))
)
