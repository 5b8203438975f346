"""`vefa report replies`: how soon tickets are answered, beside how soon customers expect it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from vefa.cli.options import Days, Json, Now
from vefa.cli.printing import out, percent, print_json, table
from vefa.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vefa.insight.replies import Replies


class By(StrEnum):
    """What tickets are told apart by."""

    AGENT = "agent"
    CATEGORY = "category"


def replies(
    context: typer.Context,
    days: Days = 30,
    by: Annotated[By | None, typer.Option(help="For each agent or each category.", show_default=False)] = None,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """How soon complaints and questions are answered, beside how soon customers expect it."""
    from vefa.database import reading
    from vefa.insight.replies import replies as counted

    session: Session = context.obj
    end = session.moment(now)
    with session.store() as engine, reading(engine) as connection:
        found = counted(connection, end - timedelta(days=days), end, by.value if by else None)
    if as_json:
        print_json([_facts(each) for each in found])
    elif not found:
        out().print("Nobody opened a ticket in that time.")
    elif by is None:
        _show(found[0])
    else:
        _show_each(found, by.value)


def _facts(each: Replies) -> dict[str, object]:
    bounds = {
        bound.within: {"expected": bound.expected / 100, "answered": bound.answered.rate} for bound in each.bounds
    }
    counts = {"tickets": each.tickets, "answered": each.answered, "waiting": each.waiting}
    return {"of": each.of, **counts, "content": each.content, "within": bounds}


def _show(found: Replies) -> None:
    console = out()
    console.print(f"{found.tickets:,} tickets, {found.answered:,} answered, {found.waiting:,} still waiting.\n")
    made = table(
        "answered within",
        "customers who expect it by then",
        "tickets",
        numbers=("customers who expect it by then", "tickets"),
    )
    for bound in found.bounds:
        made.add_row(bound.within, f"{bound.expected} %", percent(bound.answered.rate, 0))
    console.print(made)
    if found.content is not None:
        console.print(f"\n{percent(found.content, 0)} of customers are answered as soon as they expect it.")


def _show_each(found: Sequence[Replies], by: str) -> None:
    within = [bound.within for bound in found[0].bounds[:-1]]
    numbers = ("tickets", "waiting", *within, "as expected")
    made = table(by, *numbers, numbers=numbers)
    for each in found:
        shares = (percent(bound.answered.rate, 0) for bound in each.bounds[:-1])
        made.add_row(each.of, f"{each.tickets:,}", f"{each.waiting:,}", *shares, percent(each.content, 0))
    out().print(made)
