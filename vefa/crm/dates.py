"""Dates in SQL, and the customer's own day: the few things that the databases spell differently."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from vefa.database import to_micros


class DateNumber(FunctionElement[int]):
    """A date as the number YYYYMMDD."""

    type = sa.Integer()
    inherit_cache = True
    name = "date_number"


class MonthDay(FunctionElement[int]):
    """A date, or the UTC date of an instant (microseconds), as the number MMDD."""

    type = sa.Integer()
    inherit_cache = True
    name = "month_day"


@compiles(DateNumber, "sqlite")
def _date_number_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return f"CAST(strftime('%Y%m%d', {compiler.process(element.clauses, **kw)}) AS INTEGER)"


@compiles(DateNumber, "postgresql")
def _date_number_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    day = compiler.process(element.clauses, **kw)
    return (
        f"CAST(extract(year FROM {day}) * 10000 + extract(month FROM {day}) * 100 + extract(day FROM {day}) AS INTEGER)"
    )


@compiles(MonthDay, "sqlite")
def _month_day_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    (clause,) = element.clauses
    inner = compiler.process(clause, **kw)
    if isinstance(clause.type, sa.Date):
        return f"CAST(strftime('%m%d', {inner}) AS INTEGER)"
    return f"CAST(strftime('%m%d', {inner} / 1000000, 'unixepoch') AS INTEGER)"


@compiles(MonthDay, "postgresql")
def _month_day_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    (clause,) = element.clauses
    inner = compiler.process(clause, **kw)
    if not isinstance(clause.type, sa.Date):
        inner = f"(to_timestamp({inner} / 1000000) AT TIME ZONE 'UTC')"
    return f"CAST(extract(month FROM {inner}) * 100 + extract(day FROM {inner}) AS INTEGER)"


@lru_cache(maxsize=4096)
def local_date(moment: datetime, zone: str) -> date:
    """The date on the clock of `zone`."""
    return moment.astimezone(ZoneInfo(zone)).date()


@lru_cache(maxsize=65536)
def start_of(day: date, clock: time, zone: str) -> datetime:
    """The moment (UTC) when the clock of `zone` shows `clock` on `day`: in a gap the first valid moment after it, in
    an overlap the first of the two (rule 5)."""
    tz = ZoneInfo(zone)
    wall = datetime.combine(day, clock.replace(fold=0), tzinfo=tz)  # fold=0: the first of two
    moment = wall.astimezone(UTC)
    if moment.astimezone(tz).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return moment
    # In a gap, fold=0 reads the clock by the offset before it, which lands after the gap by as much as the wall
    # time was inside it: by a day at most, where a zone changed sides of the date line. The first valid moment is the
    # change itself.
    before, after = moment - timedelta(hours=25), moment
    offset = before.astimezone(tz).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(tz).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def by_zone(zone: ColumnElement[str], zones: Iterable[str], default: str, value: Any, kind: Any) -> ColumnElement[Any]:
    """`CASE zone WHEN … END` over a function of the zone; `value(zone)` is bound with the SQL type `kind`.

    Where all zones agree it is that one value, which an index can be searched for.
    """
    usual = value(default)
    whens = {name: sa.literal(found, kind) for name in zones if (found := value(name)) != usual}
    return sa.case(whens, value=zone, else_=sa.literal(usual, kind)) if whens else sa.literal(usual, kind)


def day_start_micros(day: date, zone: str) -> int:
    """Microseconds of the day's first moment in `zone`."""
    return to_micros(start_of(day, time(0), zone))
