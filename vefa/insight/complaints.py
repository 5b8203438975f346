"""What customers complain of and ask about, week by week; how long it takes to resolve, and how content they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.tables import tickets
from vefa.insight.replies import unresolved
from vefa.insight.weeks import Weeks

By = Literal["category", "agent"]
ALL, UNSAID = "all", "·"

t = tickets.c


@dataclass(frozen=True)
class Cause:
    """Tickets of one category, or of one agent. `weeks`: how many were opened in each.

    `open` counts whatever is open now, however old. `median` is the time from opening to resolution of those that were
    opened in these weeks; `csat` the average of the scores that `judged` of them got.
    """

    of: str
    tickets: int
    open: int
    resolved: int
    median: timedelta | None
    judged: int
    csat: float | None
    weeks: tuple[int, ...]


@dataclass(frozen=True)
class Complaints:
    """All together, and each by itself, the most frequent first."""

    mondays: tuple[date, ...]
    whole: Cause
    causes: tuple[Cause, ...]


def complaints(connection: Connection, weeks: Weeks, by: By = "category") -> Complaints:
    """Tickets opened in these weeks and those still open, as known at the end of them."""
    everything = sa.literal(ALL, sa.Text)
    (whole,) = _causes(connection, weeks, everything) or (
        Cause(ALL, 0, 0, 0, None, 0, None, (0,) * len(weeks.mondays)),
    )
    name = sa.func.coalesce(sa.func.nullif(t[by], ""), UNSAID)
    return Complaints(weeks.mondays, whole, tuple(_causes(connection, weeks, name)))


def _causes(connection: Connection, weeks: Weeks, name: Any) -> list[Cause]:
    here, is_open = _opened_in(weeks), unresolved(weeks.now)
    resolved = sa.and_(here, sa.not_(is_open))
    counts = (
        name.label("name"),
        _number(here).label("tickets"),
        _number(is_open).label("open"),
        _number(resolved).label("resolved"),
        _number(sa.and_(here, t.csat.is_not(None))).label("judged"),
        sa.func.sum(sa.case((here, t.csat))).label("points"),
        *(
            _number(sa.and_(here, t.opened_at >= begin, t.opened_at < end)).label(f"week{n}")
            for n, (begin, end) in enumerate(pairwise(weeks.bounds))
        ),
    )
    known = sa.and_(t.opened_known_at <= weeks.now, sa.or_(here, is_open))
    rows = connection.execute(sa.select(*counts).where(known).group_by(name))
    medians = _medians(connection, name, resolved)
    found = [_cause(row, medians.get(row.name), len(weeks.mondays)) for row in rows]
    return sorted(found, key=lambda cause: (-cause.tickets, -cause.open, cause.of))


def _cause(row: Any, median: timedelta | None, weeks: int) -> Cause:
    csat = round(int(row.points) / row.judged, 2) if row.judged else None
    numbers = tuple(row._mapping[f"week{n}"] for n in range(weeks))
    return Cause(row.name, row.tickets, row.open, row.resolved, median, row.judged, csat, numbers)


def _medians(connection: Connection, name: Any, resolved: Any) -> dict[str, timedelta]:
    """The middle of the times to resolution; of an even number of them the mean of the middle two."""
    took = sa.type_coerce(t.resolved_at, sa.BigInteger) - sa.type_coerce(t.opened_at, sa.BigInteger)
    place = sa.func.row_number().over(partition_by=name, order_by=took)
    whole = sa.func.count().over(partition_by=name)
    each = sa.select(name.label("name"), took.label("took"), place.label("place"), whole.label("whole"))
    lined = each.where(resolved).subquery("lined")
    middle = sa.and_(lined.c.place * 2 >= lined.c.whole, lined.c.place * 2 <= lined.c.whole + 2)
    query = sa.select(lined.c.name, sa.func.min(lined.c.took), sa.func.max(lined.c.took)).where(middle)
    rows = connection.execute(query.group_by(lined.c.name))
    return {name: timedelta(microseconds=(int(low) + int(high)) // 2) for name, low, high in rows}


def _number(which: Any) -> Any:
    return sa.func.count(sa.case((which, 1)))


def _opened_in(weeks: Weeks) -> Any:
    return sa.and_(t.opened_at >= weeks.start, t.opened_at <= weeks.now, t.opened_known_at <= weeks.now)
