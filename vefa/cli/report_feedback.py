"""`vefa report feedback`: how customers answered what messages asked."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import typer

from vefa.cli.options import Days, Json, Now
from vefa.cli.printing import out, percent, print_json, table
from vefa.cli.session import Session

if TYPE_CHECKING:
    from vefa.insight.feedback import FeedbackReport, FeedbackRow


def feedback(
    context: typer.Context,
    days: Days = 90,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Tell each survey's result, how many answered, and which journey asked."""
    from vefa.database import reading
    from vefa.insight.feedback import count_feedback
    from vefa.plan.surveys import Surveys

    session: Session = context.obj
    until = session.moment(now)
    surveys = Surveys(session.root, session.settings.shop.locales)
    with session.store() as engine, reading(engine) as connection:
        found = count_feedback(connection, surveys, until - timedelta(days=days), until)
    print_json(found) if as_json else _show(found)


def _show(found: FeedbackReport) -> None:
    console = out()
    if not found.rows:
        console.print("Nothing was asked, and nothing answered.")
        return
    numbers = ("asked", "answers", "rate")
    rows = table("survey", "journey", *numbers, "result", numbers=numbers)
    for each in found.rows:
        name, who = (each.survey, "") if each.journey is None else ("", each.journey)
        rows.add_row(name, who, f"{each.asked:,}", f"{each.answers:,}", percent(each.rate, 0), _result(each))
    console.print(rows)


def _result(row: FeedbackRow) -> str:
    if row.nps is not None:
        return f"NPS {row.nps:+d} ({row.promoters} promoters, {row.detractors} detractors)"
    if row.content is not None:
        return f"{percent(row.content, 0)} content, {row.average:.1f} of 5"
    return ", ".join(f"{choice} {count}" for choice, count in row.choices.items())
