"""`vefa report measures` and `vefa report effects`: how the shop is doing, and what each journey brought."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import typer

from vefa.cli.moments import shown
from vefa.cli.options import Days, Json, Now
from vefa.cli.printing import out, percent, print_json, table
from vefa.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vefa.insight.effects import Effect
    from vefa.insight.measures import Measures


def measures(context: typer.Context, days: Days = 30, now: Now = None, as_json: Json = False) -> None:
    """How the shop is doing: who stays, who comes again, what an order is worth; and how it was before."""
    from vefa.database import reading
    from vefa.insight.measures import measures as measured

    session: Session = context.obj
    end, span = session.moment(now), timedelta(days=days)
    shop = session.settings.shop
    with session.store() as engine, reading(engine) as connection:
        found = [measured(connection, moment - span, moment, shop) for moment in (end, end - span)]
    if as_json:
        print_json([_facts(each) for each in found])
    else:
        _show_measures(found, session)


def effects(context: typer.Context, days: Days = 90, now: Now = None, as_json: Json = False) -> None:
    """What each journey brought: who reached its goal, beside those held out, and whether that may be chance."""
    from vefa.database import reading
    from vefa.insight.effects import effects as found_in

    session: Session = context.obj
    end = session.moment(now)
    with session.store() as engine, reading(engine) as connection:
        found = found_in(connection, end - timedelta(days=days), end)
    print_json([_effect(each) for each in found]) if as_json else _show_effects(found)


def _facts(found: Measures) -> dict[str, object]:
    shares = {"retention": found.retention, "repeat": found.repeat, "conversion": found.conversion}
    return {
        "begin": found.begin,
        "end": found.end,
        "customers": found.customers,
        **{name: share.rate for name, share in shares.items()},
        "newcomers": found.conversion.of,
        "orders": found.orders,
        "revenue": found.revenue,
        "orders_without_rate": found.unpriced,
        "average_order": found.average_order,
        "baskets_left": found.baskets.of,
        "baskets_come_back_to": found.baskets.hits,
    }


def _show_measures(found: Sequence[Measures], session: Session) -> None:
    console, currency = out(), session.settings.shop.currency
    spans = tuple(f"{shown(each.begin, session.settings.zone)} →" for each in found)
    made = table("", *spans, numbers=spans)
    lines = {
        "customers, at the end": [f"{each.customers:,}" for each in found],
        "retention: regulars of all customers": [percent(each.retention.rate) for each in found],
        "repeat rate: regulars of all buyers": [percent(each.repeat.rate) for each in found],
        "orders": [f"{each.orders:,}" for each in found],
        "revenue": [f"{each.revenue:,.2f} {currency}" for each in found],
        "average order": [f"{each.average_order:,.2f} {currency}" if each.average_order else "·" for each in found],
        "newcomers": [f"{each.conversion.of:,}" for each in found],
        "conversion: newcomers who have ordered": [percent(each.conversion.rate) for each in found],
        "baskets left": [f"{each.baskets.of:,}" for each in found],
        "baskets come back to within 7 days": [percent(each.baskets.rate) for each in found],
    }
    if any(each.unpriced for each in found):
        lines["orders in a currency without a rate, in no sum"] = [f"{each.unpriced:,}" for each in found]
    for name, values in lines.items():
        made.add_row(name, *values)
    console.print(made)
    if not any(each.baskets.of for each in found):
        console.print("\nNo basket was told of: send the event basket.abandoned (docs/measures.md).", style="dim")


def _effect(each: Effect) -> dict[str, object]:
    return {
        "journey": each.journey,
        "entered": each.entered.of,
        "written_to": each.written_to,
        "reached": each.entered.rate if each.has_goal else None,
        "holdout": each.holdout.of,
        "holdout_reached": each.holdout.rate if each.has_goal else None,
        "uplift": each.uplift,
        "uplift_low": each.interval.low if each.interval else None,
        "uplift_high": each.interval.high if each.interval else None,
        "beyond_chance": each.beyond_chance,
    }


def _show_effects(found: Sequence[Effect]) -> None:
    if not found:
        out().print("Nobody entered a journey in that time.")
        return
    numbers = ("entered", "written to", "goal", "held out", "without", "uplift")
    made = table("journey", *numbers, "chance", numbers=("journey", *numbers))
    made.columns[0].justify = "left"
    for each in found:
        uplift, chance = "·", "·"
        if each.uplift is not None and each.interval is not None:
            bounds = f"{100 * each.interval.low:+.1f} to {100 * each.interval.high:+.1f}"
            uplift = f"{percent(each.uplift, 1, '+')} ({bounds})"
            chance = "hardly" if each.beyond_chance else "maybe"
        reached, without = (each.entered.rate, each.holdout.rate) if each.has_goal else (None, None)
        counts = (f"{each.entered.of:,}", f"{each.written_to:,}", percent(reached))
        made.add_row(each.journey, *counts, f"{each.holdout.of or '·'}", percent(without), uplift, chance)
    out().print(made)
