"""`vefa run`: the journeys, walked by hand, without Prefect."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from vefa.cli.moments import shown
from vefa.cli.options import Json, Now
from vefa.cli.printing import err, out, print_json, progress, table
from vefa.cli.session import Session
from vefa.cli.walking import Hand, Span, Walked, added_up, opened, parse_length, take_over, walk
from vefa.errors import UserError

if TYPE_CHECKING:
    from collections import Counter


def run(
    context: typer.Context,
    journeys: Annotated[
        list[str] | None, typer.Argument(metavar="[JOURNEY]...", help="Only these; else all that are live.")
    ] = None,
    now: Now = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="MOMENT", help="Go on to this moment, as time would.", show_default=False),
    ] = None,
    every: Annotated[str, typer.Option(metavar="LENGTH", help="With --until: how often to look, such as 1h.")] = "1h",
    as_json: Json = False,
) -> None:
    """Walk the journeys: who enters, who goes on, what is sent. New and changed journeys are taken over first.

    Going on after a stop is safe: what was done is not done again.
    """
    session: Session = context.obj
    for name in journeys or ():
        session.plan(name)
    begin = session.moment(now)
    end = session.moment(until, "--until") if until else begin
    if end < begin:
        raise UserError("--until lies before --now.")
    hand = Hand(begin if now or until else None)
    span, policy = Span(begin, end, parse_length(every)), session.project.policy
    with session.store() as engine, opened(session.settings, engine, policy, hand) as shop, progress("walking") as bar:
        for sentence in take_over(session.project, engine, begin):
            err().print(sentence, style="yellow", markup=False)
        walked = added_up(walk(shop, hand, span, journeys or (), bar))
    print_json(list(walked.values())) if as_json else show_walked(walked, end, session.settings.zone)


NUMBERS = ("entered", "sent", "held back", "put off", "in doubt", "left", "finished", "waiting")


def show_walked(walked: dict[str, Walked], now: datetime, zone: ZoneInfo) -> None:
    """The table of a run, and the reasons under it."""
    console = out()
    if not walked:
        console.print("Nothing was due.")
        return
    done = table("journey", *NUMBERS, numbers=NUMBERS)
    for each in sorted(walked.values(), key=lambda one: one.journey):
        doubt = each.failed + each.unknown
        counts = (each.entered, each.sent, each.held.total(), each.deferred.total(), doubt)
        done.add_row(each.journey, *(f"{n:,}" for n in (*counts, each.left, each.finished, each.waiting)))
    console.print(done)
    _reasons("Did not enter", (each.refused for each in walked.values()))
    _reasons("Held back", (each.held for each in walked.values()))
    _reasons("Put off", (each.deferred for each in walked.values()))
    console.print(f"As of {shown(now, zone)}. Look on with: vefa status, vefa outbox, vefa why CUSTOMER", style="dim")


def _reasons(title: str, counters: Iterable[Counter[str]]) -> None:
    from collections import Counter

    from vefa.foresight.reasons import reason_words, refusal_words

    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    if not total:
        return
    reasons = table("how many", "why", numbers=("how many",))
    reasons.show_header = False
    for reason, count in total.most_common():
        words = refusal_words(reason)
        reasons.add_row(f"{count:>9,}", words if words != reason else reason_words(reason))
    out().print(f"\n[bold cyan]{title}[/bold cyan]")
    out().print(reasons)
