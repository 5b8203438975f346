"""`vefa report complaints`: what customers complain of, how long it takes to resolve, and how content they are."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from vefa.cli.options import Json, Now, WeeksBack
from vefa.cli.printing import out, print_json, table
from vefa.cli.report_replies import By
from vefa.cli.session import Session

if TYPE_CHECKING:
    from vefa.insight.complaints import Cause, Complaints

#: Weeks that fit beside the rest on a screen.
SHOWN = 6


def complaints(
    context: typer.Context,
    weeks: WeeksBack = 8,
    by: Annotated[By, typer.Option(help="For each category, or for each agent.")] = By.CATEGORY,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """What customers complain of, how long it takes to resolve, and how content they are with it."""
    from vefa.database import reading
    from vefa.insight.complaints import complaints as counted
    from vefa.insight.weeks import Weeks

    session: Session = context.obj
    looked_at = Weeks.back(weeks, session.settings.zone, session.moment(now))
    with session.store() as engine, reading(engine) as connection:
        found = counted(connection, looked_at, by.value)
    print_json(_facts(found)) if as_json else _show(found, by.value)


def _facts(found: Complaints) -> dict[str, object]:
    causes = (found.whole, *found.causes)
    return {"weeks": [day.isoformat() for day in found.mondays], "rows": [_row(each) for each in causes]}


def _row(cause: Cause) -> dict[str, object]:
    hours = None if cause.median is None else round(cause.median / timedelta(hours=1), 2)
    counts = {"tickets": cause.tickets, "open": cause.open, "resolved": cause.resolved, "judged": cause.judged}
    return {"of": cause.of, **counts, "median_hours": hours, "csat": cause.csat, "weeks": list(cause.weeks)}


def _show(found: Complaints, by: str) -> None:
    whole, console = found.whole, out()
    if not whole.tickets and not whole.open:
        console.print("Nobody opened a ticket in that time, and none is open.")
        return
    shown = found.mondays[-SHOWN:]
    weeks = [f"{day:%d.%m.}" for day in shown]
    numbers = ("tickets", "open", "resolved in", "csat", *weeks)
    made = table(by, *numbers, numbers=numbers)
    for cause in (*found.causes, whole):
        counts = (str(number) if number else "" for number in cause.weeks[-SHOWN:])
        csat = "" if cause.csat is None else f"{cause.csat:.1f} ({cause.judged:,})"
        made.add_row(cause.of, f"{cause.tickets:,}", f"{cause.open:,}", _span(cause.median), csat, *counts)
    console.print(made)
    console.print("\nResolved in: the median. The weeks begin on these Mondays; csat is of so many answers.")


def _span(median: timedelta | None) -> str:
    if median is None:
        return ""
    minutes = median / timedelta(minutes=1)
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 48 * 60 else f"{minutes / 1440:.1f} d"
