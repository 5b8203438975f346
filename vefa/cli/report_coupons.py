"""`vefa report coupons`: what coupons brought and cost."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from vefa.cli.options import Json, Now
from vefa.cli.printing import out, percent, print_json, table
from vefa.cli.session import Session

if TYPE_CHECKING:
    from vefa.insight.coupons import CouponReport, Given

NUMBERS = ("given", "told", "used", "rate", "expired", "revenue", "cost at most")


def report_coupons(
    context: typer.Context,
    journey: Annotated[
        str | None, typer.Option("--journey", metavar="JOURNEY", help="Only of that journey.", show_default=False)
    ] = None,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Coupons by journey, step and pool: given, told, used, what they brought and cost, and what a checkout let
    through although it should not have."""
    from vefa.database import reading
    from vefa.insight.coupons import coupon_report
    from vefa.rewards.redemptions import find_redemptions

    session: Session = context.obj
    moment = session.moment(now)
    with session.store() as engine:
        find_redemptions(engine, moment)
        with reading(engine) as connection:
            found = coupon_report(connection, moment, journey)
    print_json(_as_json(found)) if as_json else _show(found)


def _as_json(found: CouponReport) -> dict[str, Any]:
    from vefa.cli.printing import plain
    from vefa.insight.coupons import totals

    def said(one: Given) -> dict[str, Any]:
        return {**plain(one), "rate": one.rate}

    steps = [said(one) for one in found.steps]
    return {"now": found.now, "steps": steps, "all": said(totals(found)), "never_given": dict(found.strange)}


def _show(found: CouponReport) -> None:
    from vefa.insight.coupons import NEVER_GIVEN, totals

    console = out()
    if not found.steps and not found.strange:
        console.print("No coupon has been given yet.")
        return
    rows = table("journey", "step", "pool", *NUMBERS, numbers=NUMBERS)
    for one in found.steps:
        rows.add_row(one.journey, one.step, one.pool or "", *_numbers(one))
    if len(found.steps) > 1:
        rows.add_row(Text("all", style="bold"), "", "", *_numbers(totals(found)))
    console.print(rows)
    shippings = totals(found).free_shippings
    if shippings:
        console.print(f"{shippings:,} of the used ones gave free shipping: no order tells what that cost.", style="dim")
    told = {**totals(found).anomalies}
    if found.strange:
        told[NEVER_GIVEN] = sum(found.strange.values())
    if told:
        console.print()
        console.print("What the checkout let through", style="bold yellow")
        for word, count in told.items():
            console.print(f"  {count:,} × {word}", markup=False)


def _numbers(one: Given) -> tuple[str, ...]:
    counts = (f"{one.given:,}", f"{one.told:,}", f"{one.redeemed:,}", percent(one.rate), f"{one.expired:,}")
    return (*counts, _money(one.revenue), _money(one.cost))


def _money(sums: Mapping[str, Decimal]) -> str:
    return "\n".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(sums.items()))
