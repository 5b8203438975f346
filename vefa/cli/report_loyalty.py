"""`vefa report loyalty`: what the loyalty programme brings and owes, and which rewards customers like."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import typer

from vefa.cli.moments import shown
from vefa.cli.options import Days, Json, Now
from vefa.cli.printing import out, percent, plain, print_json, table
from vefa.cli.session import Session

if TYPE_CHECKING:
    from vefa.insight.loyalty import LoyaltyReport


def loyalty(
    context: typer.Context,
    days: Days = 90,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Points issued, spent and run out, by rule; members of each tier; what the shop owes; which rewards are used."""
    from vefa.database import reading
    from vefa.insight.loyalty import loyalty_report

    session: Session = context.obj
    until = session.moment(now)
    with session.store() as engine, reading(engine) as connection:
        found = loyalty_report(
            connection, session.project.loyalty, session.settings.shop, until - timedelta(days=days), until
        )
    if as_json:
        rewards = [{**plain(each), "rate": each.rate} for each in found.rewards]
        derived = {"issued": found.issued, "redemption_rate": found.redemption_rate, "rewards": rewards}
        print_json({**plain(found), **derived})
    else:
        _show(found, session)


def _show(found: LoyaltyReport, session: Session) -> None:
    console, zone = out(), session.settings.zone
    console.print(f"From {shown(found.since, zone)} to {shown(found.until, zone)}", style="dim")
    flows = table("points", "for", "customers", "times", "sum", numbers=("customers", "times", "sum"))
    for flow in found.flows:
        kind = flow.kind.replace("_", " ")
        flows.add_row(kind, flow.rule or "", f"{flow.customers:,}", f"{flow.moves:,}", f"{flow.points:+,}")
    console.print(flows)
    if found.redemption_rate is not None:
        console.print(f"{found.issued:,} points issued, {found.spent:,} spent: {percent(found.redemption_rate)}.")
    tiers = table("tier", "members", "points", numbers=("members", "points"))
    for tier in found.tiers:
        tiers.add_row(tier.tier or "none", f"{tier.members:,}", f"{tier.points:,}")
    console.print(tiers)
    worth = f", worth {found.liability:,.2f} {found.currency}" if found.liability is not None else ""
    console.print(f"{found.members:,} members can spend {found.outstanding:,} points{worth}.", markup=False)
    if found.owed:
        console.print(f"{found.owed:,} points are owed: spent, and then the order came back.", markup=False)
    rewards = table("reward", "given", "used", "rate", numbers=("given", "used", "rate"))
    for reward in found.rewards:
        rewards.add_row(reward.reward, f"{reward.given:,}", f"{reward.used:,}", percent(reward.rate))
    if found.rewards:
        console.print(rewards)
