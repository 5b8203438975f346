"""Business days in Türkiye: what was said to the shop must reach İYS within three of them.

The eve of a religious holiday and the afternoon of 28 October are half days off; here they are business days, so that a
deadline comes rather too early than too late.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache

from holidays import HolidayBase, country_holidays

from vefa.consent.words import ZONE

#: How many business days there are from a word to İYS.
DAYS = 3


@cache
def _holidays() -> HolidayBase:
    return country_holidays("TR")


def is_business_day(day: date) -> bool:
    """Whether offices are open, if only for half the day."""
    return day.weekday() < 5 and day not in _holidays()


def due_by(said_at: datetime, days: int = DAYS) -> datetime:
    """The end of the last business day on which İYS may still be told; the day of the word is not counted."""
    day, left = said_at.astimezone(ZONE).date(), days
    while left:
        day += timedelta(days=1)
        left -= is_business_day(day)
    return datetime.combine(day + timedelta(days=1), time(), ZONE).astimezone(said_at.tzinfo)
