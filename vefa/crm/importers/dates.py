"""Moments and days as sources write them. An offset that stands in the text counts; a text is never read as local
time in spite of one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

from vefa.crm.importers.numbers import parse_number

#: Nothing in a shop happened before or will happen after; a year outside is a slip of the keyboard.
FIRST_YEAR, LAST_YEAR = 1900, 2200
#: The year under which birthdays of an unknown year are kept: a leap year before all that are possible.
NO_YEAR = 1896
#: The format of seconds or milliseconds since 1970.
EPOCH = "epoch"
#: The format of ISO 8601, beside others.
ISO = "iso"
_NAMED = (EPOCH, ISO)
_LONGEST = 100
_MILLISECONDS_FROM = 100_000_000_000

_OFFSET = r"(?:Z|(?:UTC|GMT)(?:[+-]\d{1,2}(?::?\d{2})?)?|[+-]\d{2}(?::?\d{2})?)"
#: A time of day, and an offset behind it.
_WITH_OFFSET = re.compile(rf"(?P<rest>.*\d:\d\d.*?)\s*(?P<offset>{_OFFSET})", re.IGNORECASE | re.DOTALL)
#: A format that ends in an offset: by directive, or in its own letters.
_OFFSET_AT_END = re.compile(rf"\s*(?P<offset>%[zZ]|(?<=[\sSMfp]){_OFFSET})$")
_NUMBERS = re.compile(r"([+-])(\d{1,2}):?(\d{2})?")
_NO_YEAR = re.compile(r"--(\d{2})-?(\d{2})")
_YEARS, _CLOCKS = re.compile(r"%[YyGcx]"), re.compile(r"%[HIcX]")
_DAYS = re.compile(r"%[djcxu]")


@dataclass(frozen=True)
class Moment:
    """A moment as it is written; `timed` where a time of day stands with it. Aware where an offset does."""

    at: datetime
    timed: bool


@dataclass(frozen=True)
class _Pattern:
    """A format, what remains of it without an offset at its end, and the offset that it spells out."""

    whole: str
    bare: str
    offset: timezone | None
    timed: bool


def problem_of(pattern: str) -> str | None:
    """What is wrong with a format; None where dates can be read by it."""
    if pattern in _NAMED:
        return None
    try:
        _parsed(datetime(2024, 3, 15, 13, 5, 7, tzinfo=UTC).strftime(pattern), pattern)
    except (ValueError, re.error):
        return f'no dates can be read by "{pattern}"; write one such as "%d.%m.%Y %H:%M"'
    return None if _DAYS.search(pattern) else f'"{pattern}" holds no day; write one such as "%d.%m.%Y"'


def has_year(pattern: str) -> bool:
    """Whether dates of that format have a year."""
    return pattern in _NAMED or _YEARS.search(pattern) is not None


def parse_moment(text: str, formats: tuple[str, ...]) -> Moment | None:
    """The moment, by the first format that fits, or ISO 8601 where there is none; None where it is no moment."""
    if len(text) > _LONGEST:
        return None
    for pattern in formats:
        found = _NAMED_READERS[pattern](text) if pattern in _NAMED else _by_pattern(text, _pattern(pattern))
        if found is not None:
            return _within(found)
    return None if formats else _within(_iso(text))


def parse_birthday(text: str, formats: tuple[str, ...]) -> date | None:
    """A date of birth, in the year NO_YEAR where its own is not written; None where it is none."""
    if found := _NO_YEAR.fullmatch(text):
        return _day(f"{found[1]}/{found[2]}", "%m/%d")
    for pattern in formats:
        if not has_year(pattern) and (day := _day(text, pattern)):
            return day
    full = tuple(pattern for pattern in formats if has_year(pattern))
    moment = parse_moment(text, full) if full or not formats else None
    return moment.at.date() if moment else None


def _day(text: str, pattern: str) -> date | None:
    try:
        return _parsed(f"{text} {NO_YEAR}", f"{pattern} %Y").date()
    except ValueError:
        return None


def _within(found: Moment | None) -> Moment | None:
    return found if found and FIRST_YEAR <= found.at.year < LAST_YEAR else None


def _epoch(text: str) -> Moment | None:
    number = parse_number(text)
    if number is None:
        return None
    seconds = number / 1000 if abs(number) >= _MILLISECONDS_FROM else number
    try:
        return Moment(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(seconds * 1_000_000)), timed=True)
    except OverflowError:
        return None


def _iso(text: str) -> Moment | None:
    timed = len(text) > len("2026-01-31") or ":" in text
    try:
        return Moment(datetime.fromisoformat(text), timed)
    except ValueError:
        pass
    rest, offset = _apart(text)
    try:
        return Moment(datetime.fromisoformat(rest).replace(tzinfo=offset), timed) if offset else None
    except ValueError:
        return None


_NAMED_READERS = {EPOCH: _epoch, ISO: _iso}


def _by_pattern(text: str, pattern: _Pattern) -> Moment | None:
    if "%Z" not in pattern.whole:  # strptime takes names of zones by it, and forgets them
        try:
            found = _parsed(text, pattern.whole)
            return Moment(found if found.tzinfo else found.replace(tzinfo=pattern.offset), pattern.timed)
        except ValueError:
            pass
    rest, offset = _apart(text)
    try:
        return Moment(_parsed(rest, pattern.bare).replace(tzinfo=offset), pattern.timed) if offset else None
    except ValueError:
        return None


def _parsed(text: str, pattern: str) -> datetime:
    return datetime.strptime(text, pattern)  # noqa: DTZ007  # the caller adds the zone where none is written


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> _Pattern:
    timed = _CLOCKS.search(pattern) is not None
    found = _OFFSET_AT_END.search(pattern)
    if found is None or not timed:
        return _Pattern(pattern, pattern, None, timed)
    spelt = found["offset"]
    return _Pattern(pattern, pattern[: found.start()], None if spelt.startswith("%") else _offset(spelt), timed)


def _apart(text: str) -> tuple[str, timezone | None]:
    """The text without the offset that stands behind its time, and the offset."""
    found = _WITH_OFFSET.fullmatch(text)
    offset = _offset(found["offset"]) if found else None
    return (found["rest"], offset) if found and offset else (text, None)


def _offset(text: str) -> timezone | None:
    found = _NUMBERS.search(text)
    if found is None:
        return UTC
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    if minutes >= 24 * 60 or int(found[3] or 0) > 59:
        return None
    return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))
