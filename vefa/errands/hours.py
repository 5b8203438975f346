"""When the shop is open: on its own clock, and not on the holidays of its country."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING

from vefa.crm.dates import local_date, start_of
from vefa.language.values import WEEKDAYS
from vefa.plan.outside import Hours

if TYPE_CHECKING:
    from holidays import HolidayBase

#: Nobody is closed for longer; whoever says so is open at once.
LONGEST = 60


def opening(hours: Hours, moment: datetime, zone: str, country: str) -> datetime:
    """The first moment not before this one at which the shop is open: the moment itself while it is."""
    first = local_date(moment, zone)
    for ahead in range(LONGEST):
        day = first + timedelta(days=ahead)
        span = None if hours.holidays and is_holiday(day, country) else hours.days.get(WEEKDAYS[day.weekday()])
        if span is None:
            continue
        begin, end = start_of(day, span[0], zone), _end(day, span[1], zone)
        if moment < end:
            return max(begin, moment)
    return moment


def is_holiday(day: date, country: str) -> bool:
    """A public holiday. The eve of a religious one is half a day off in Türkiye, and counts as a working day."""
    known = _holidays(country)
    return known is not None and day in known


def _end(day: date, clock: time, zone: str) -> datetime:
    return start_of(day + timedelta(days=1), clock, zone) if clock == time() else start_of(day, clock, zone)


@cache
def _holidays(country: str) -> HolidayBase | None:
    from holidays import country_holidays

    try:
        return country_holidays(country)
    except NotImplementedError:  # a country whose holidays nobody has written down
        return None
