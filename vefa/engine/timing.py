"""When a wait ends, and when a message may go: pure arithmetic on the customer's own clock (rules 1, 5, 6).

Everything comes in and goes out as aware UTC datetimes with the zone's name beside them. Days are calendar days on
the customer's clock; hours and minutes are elapsed time. In a gap of the clock the first valid moment counts, in an
overlap the first of the two.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from vefa.crm.dates import start_of
from vefa.language.conditions import Duration
from vefa.plan.policy import QuietHours
from vefa.plan.steps import Weekday

WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT = time(0)


def move(moment: datetime, length: Duration, zone: str) -> datetime:
    """`moment` moved by calendar days on the clock of `zone` (the same time of day), then by elapsed seconds."""
    if length.days:
        local = moment.astimezone(ZoneInfo(zone))
        moment = start_of(local.date() + timedelta(days=length.days), local.time(), zone)
    return moment + timedelta(seconds=length.seconds)


def wait_end(
    start: datetime,
    length: Duration,
    zone: str,
    at: time | None = None,
    on: tuple[Weekday, ...] = (),
) -> datetime:
    """When a wait of `length` from the logical arrival `start` is over.

    With whole days and `at`: that day at `at`, even where that is less than `length` times 24 hours away. With hours
    or minutes and `at`: the first `at` not before. `on` then moves forward to the next such weekday.
    """
    end = move(start, length, zone)
    if at is not None:
        day = end.astimezone(ZoneInfo(zone)).date()
        whole_days = length.days != 0 and length.seconds == 0
        end = start_of(day, at, zone) if whole_days else _first_at(end, at, zone)
    return _on(end, at, on, zone)


def moment_end(
    moment: datetime, offset: Duration, zone: str, at: time | None = None, on: tuple[Weekday, ...] = ()
) -> datetime:
    """When a wait until a field's `moment` plus `offset` is over: with `at`, on that day at that time."""
    end = move(moment, offset, zone)
    if at is not None:
        end = start_of(end.astimezone(ZoneInfo(zone)).date(), at, zone)
    return _on(end, at, on, zone)


def _first_at(moment: datetime, at: time, zone: str) -> datetime:
    day = moment.astimezone(ZoneInfo(zone)).date()
    here = start_of(day, at, zone)
    return here if here >= moment else start_of(day + timedelta(days=1), at, zone)


def _on(end: datetime, at: time | None, on: tuple[Weekday, ...], zone: str) -> datetime:
    if not on:
        return end
    local = end.astimezone(ZoneInfo(zone))
    for ahead in range(7):
        day = local.date() + timedelta(days=ahead)
        if WEEKDAYS[day.weekday()] in on:
            return end if ahead == 0 else start_of(day, at or local.time(), zone)
    raise ValueError(f"{on!r} names no weekday")


def as_moment(value: date | datetime, zone: str) -> datetime:
    """A moment as it is; a date as its first moment on the clock of `zone`."""
    return value if isinstance(value, datetime) else start_of(value, MIDNIGHT, zone)


def end_of_day(moment: datetime, zone: str) -> datetime:
    """The last moment of the day that `moment` falls on in `zone`."""
    day = moment.astimezone(ZoneInfo(zone)).date()
    return start_of(day + timedelta(days=1), MIDNIGHT, zone) - timedelta(microseconds=1)


def quiet_until(moment: datetime, quiet: QuietHours, zone: str) -> datetime | None:
    """The end of the quiet hours that `moment` falls into, or None. Hours whose start and end agree are none."""
    end = _quiet_end(moment, quiet, zone)
    while end is not None and (further := _quiet_end(end, quiet, zone)) is not None:
        end = further  # the clock jumped over their end, right into their next start
    return end


def _quiet_end(moment: datetime, quiet: QuietHours, zone: str) -> datetime | None:
    """Where the clock of `zone` next shows the end, if it shows quiet hours now."""
    local = moment.astimezone(ZoneInfo(zone))
    clock = local.time()
    crosses = quiet.start > quiet.end
    inside = (clock >= quiet.start or clock < quiet.end) if crosses else quiet.start <= clock < quiet.end
    if not inside:
        return None
    ends_tomorrow = crosses and clock >= quiet.start
    end = start_of(local.date() + timedelta(days=1 if ends_tomorrow else 0), quiet.end, zone)
    # In an overlap the clock shows the quiet hours twice; the second time their end has already passed once.
    return end if end > moment else _second(local.date(), quiet.end, zone)


def _second(day: date, clock: time, zone: str) -> datetime:
    return datetime.combine(day, clock.replace(fold=1), tzinfo=ZoneInfo(zone)).astimezone(UTC)


def yearly(day: date, year: int) -> date:
    """The anniversary of `day` in `year`; 29 February falls on the 28th in other years."""
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 2, 28)
