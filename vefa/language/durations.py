"""Small values as people write them: lengths of time, clock times, moments, shares and sums.

Every reader takes what stood in the file and gives the value, or raises a Mistake whose sentence says what to write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal

from vefa.language.conditions import Duration
from vefa.language.problems import Mistake, nearest

DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
SECONDS = {"minute": 60, "hour": 3600}
UNITS = (*SECONDS, *DAYS)
LONGEST_DAYS = 36_500
NO_TIME = Duration()

_DURATION = re.compile(r"(-?\d+)\s*([^\W\d_]+)")
_TIME = re.compile(r"(\d{1,2}):(\d{2})")
_MOMENT = re.compile(r"([\w.]+)(?:\s*([+-])\s*(.+))?")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_MONEY = re.compile(r"(\d+(?:\.\d{1,2})?)\s+([A-Z]{3})")
_WRITE_DURATION = "Write a number and a unit, such as 3 days or 2 hours."


@dataclass(frozen=True)
class Sum:
    """An amount of money with its currency (ISO 4217)."""

    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Offset:
    """A field's moment moved by a length of time: `order.delivered_at + 5 days`."""

    field: str
    length: Duration = NO_TIME


def read_duration(value: object, *, negative: bool = False) -> Duration:
    """`3 days`, `2 hours`; months have 30 days and years 365. Zero is no length unless `negative` is allowed."""
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise Mistake(f"{quoted(value)} is no length of time", _WRITE_DURATION, "duration")
    number, unit = int(found[1]), _unit(found[2])
    if number < 0 and not negative:
        raise Mistake("a length of time cannot be negative", _WRITE_DURATION, "duration")
    if number == 0 and not negative:
        raise Mistake(
            "a length of time must be more than nothing", "Leave it out, or write 1 minute or more.", "duration"
        )
    length = Duration(days=number * DAYS[unit]) if unit in DAYS else Duration(seconds=number * SECONDS[unit])
    if abs(length.days) > LONGEST_DAYS or abs(length.seconds) > LONGEST_DAYS * 86_400:
        raise Mistake("a length of time is 100 years at most", _WRITE_DURATION, "duration")
    return length


def _unit(word: str) -> str:
    known = [form for unit in UNITS for form in (unit, unit + "s")]
    if word.lower() not in known:
        near = nearest(word, known)
        hint = f'Did you mean "{near}"?' if near else f"Units are {', '.join(unit + 's' for unit in UNITS)}."
        raise Mistake(f'"{word}" is no unit of time', hint, "unit")
    return word.lower().removesuffix("s")


def read_time(value: object) -> time:
    """`"09:00"`: 24 hours, two digits of minutes."""
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise Mistake(
            f"{quoted(value)} is no time of day",
            'Write hours and minutes of the 24-hour clock, such as "09:00".',
            "time",
        )
    return time(int(found[1]), int(found[2]))


def read_day(value: str) -> date | None:
    """`2026-01-31`, or None where it is no day."""
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        return None


def read_date(value: object) -> date:
    """The same as a key's value."""
    day = read_day(value) if isinstance(value, str) else None
    if day is None:
        raise Mistake(f"{quoted(value)} is no day", "Write year, month and day, such as 2026-12-31.", "day")
    return day


def read_moment(value: object) -> Offset:
    """`FIELD`, `FIELD + 5 days` or `FIELD - 2 hours`. Whether there is such a field is asked elsewhere."""
    found = _MOMENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise Mistake(
            f"{quoted(value)} is no moment",
            "Write a field, with or without a length of time, such as order.delivered_at + 5 days.",
            "moment",
        )
    if found[2] is None:
        return Offset(found[1])
    length = read_duration(found[3])
    sign = -1 if found[2] == "-" else 1
    return Offset(found[1], Duration(days=sign * length.days, seconds=sign * length.seconds))


def read_percent(value: object) -> int:
    """`12.5%` in hundredths of a per cent: 1250. Between 0 and 100 %."""
    found = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise Mistake(f"{quoted(value)} is no share", "Write a number with a per cent sign, such as 10%.", "percent")
    hundredths = Decimal(found[1]) * 100
    if hundredths != int(hundredths) or not 0 < hundredths <= 10_000:
        raise Mistake(
            f"{quoted(value)} is no share",
            "Write more than 0% and at most 100%, with two decimals at most.",
            "percent",
        )
    return int(hundredths)


def read_sum(value: object) -> Sum:
    """`100 TRY`."""
    found = _MONEY.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or Decimal(found[1]) <= 0:
        raise Mistake(
            f"{quoted(value)} is no sum of money",
            "Write an amount and a currency of three capitals, such as 100 TRY.",
            "money",
        )
    return Sum(Decimal(found[1]), found[2])


def read_rate(value: object) -> Decimal:
    """A coupon's discount: `15` or `15%`, above 0 and up to 100."""
    text = str(value).strip().removesuffix("%").strip() if not isinstance(value, bool) else ""
    if not re.fullmatch(r"\d+(\.\d{1,2})?", text) or not 0 < Decimal(text) <= 100:
        raise Mistake(f"{quoted(value)} is no discount", "Write a number from 1 to 100, such as 15.", "percent")
    return Decimal(text)


YES_NO = {"yes": True, "no": False, "true": True, "false": False}


def read_yes_no(value: object) -> bool:
    """`yes` or `no` (also true or false)."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in YES_NO:
        return YES_NO[value.lower()]
    raise Mistake(f"{quoted(value)} is neither yes nor no", "Write yes or no.", "bool")


def quoted(value: object) -> str:
    """What stood in the file, as a sentence can name it."""
    match value:
        case str():
            return f'"{value}"'
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case dict():
            return "a group of keys"
        case list():
            return "a list"
    return str(value)
