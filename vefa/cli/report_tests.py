"""`vefa report tests`: what each test on a message came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vefa.cli.moments import shown
from vefa.cli.options import Json, Now
from vefa.cli.printing import out, percent, print_json, table
from vefa.cli.session import Session

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from vefa.insight.trials import TrialRun, Tried

BY = {"clicked": "clicked", "opened": "opened", "goal": "reached the goal"}


def report_tests(
    context: typer.Context,
    journey: Annotated[str | None, typer.Argument(metavar="[JOURNEY]", help="Only this journey's.")] = None,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Tell of each A/B test what its variants came to, which was chosen, and whether the difference is beyond chance.

    The range beside a rate is where the true one lies in 95 of 100 cases.
    """
    from vefa.database import reading
    from vefa.insight.trials import trial_runs

    session: Session = context.obj
    with session.store() as engine, reading(engine) as connection:
        runs = trial_runs(connection, session.moment(now), journey)
    print_json(runs) if as_json else _show(runs, session.settings.zone)


def _show(runs: tuple[TrialRun, ...], zone: ZoneInfo) -> None:
    console = out()
    if not runs:
        console.print("No test has begun yet.")
    for run in runs:
        console.print(f"{run.journey} · {run.step}, from {shown(run.began_at, zone)}", markup=False)
        rows = table("variant", "got it", BY[run.by], "rate", "range", numbers=("got it", BY[run.by], "rate", "range"))
        for each in run.variants:
            rows.add_row(each.variant, f"{each.sent:,}", f"{each.reacted:,}", percent(each.rate), _range(each))
        console.print(rows)
        console.print(f"{_decision(run, zone)} {_verdict(run)}\n", markup=False)


def _range(each: Tried) -> str:
    return f"{100 * each.low:.1f}–{percent(each.high)}"


def _decision(run: TrialRun, zone: ZoneInfo) -> str:
    if run.chosen is None or run.decided_at is None:
        return "Not decided yet."
    then = {each.variant: each.at_decision for each in run.variants}
    counts = ", ".join(f"{name} {tally.reacted} of {tally.sent}" for name, tally in then.items() if tally)
    return f"Decided for {run.chosen} on {shown(run.decided_at, zone)} ({counts})."


def _verdict(run: TrialRun) -> str:
    if run.p_value is None:
        return "Too few to tell whether the difference is more than chance."
    words = "The difference is beyond chance" if run.beyond_chance else "The difference may be chance"
    return f"{words} (p = {run.p_value:.3f})."
