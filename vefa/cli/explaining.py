"""`vefa explain`: a whole journey in plain words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from vefa.cli.options import Json, Now
from vefa.cli.printing import out, print_json
from vefa.cli.session import Session

if TYPE_CHECKING:
    from rich.console import Console

    from vefa.foresight.explain import Explanation
    from vefa.foresight.timeline import Line
    from vefa.plan.plans import Plan

MARKS = {
    "wait_for": "◷",
    "wait_until_time": "◷",
    "wait_until_event": "◷",
    "message": "✉",
    "branch": "◇",
    "split": "%",
    "coupon": "★",
    "points": "✚",
    "tag": "#",
    "enter": "→",
    "webhook": "↗",
    "notify": "☎",
    "stop": "■",
}


def explain(
    context: typer.Context,
    journey: Annotated[str, typer.Argument(metavar="JOURNEY", help="Name of the journey's file, without .yaml.")],
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Tell a journey in plain words: who enters, what happens when, who leaves, and how many stand where."""
    session: Session = context.obj
    told = _explained(session, session.plan(journey), session.moment(now))
    print_json(told) if as_json else _show(told)


def _explained(session: Session, plan: Plan, now: datetime) -> Explanation:
    from vefa.database import reading
    from vefa.foresight.audience import audience_size, standing
    from vefa.foresight.explain import explain as explained

    with session.store() as engine, reading(engine) as connection:
        size = audience_size(connection, plan, now, session.settings.shop, session.project.loyalty)
        return explained(plan, session.project.policy, size, standing(connection, plan))


def _show(told: Explanation) -> None:
    console = out()
    console.print(Text(told.name, style="bold"))
    console.print(
        f"{told.journey} · {told.status} · {told.purpose} · looks {told.runs} · plan {told.plan}", style="dim"
    )
    if told.description:
        console.print(told.description, markup=False)
    if told.owner:
        console.print(f"Owner: {told.owner}", style="dim", markup=False)
    _part(console, "Who enters", (*told.enters, f"This would fit {_people(told.audience_now)} now."))
    _timeline(console, told)
    _part(console, "Who leaves", told.leaves)
    _part(console, "When it has worked", (told.goal,) if told.goal else ())
    _part(console, "What the shop's policy says", told.policy)


def _people(count: int | None) -> str:
    return "1 customer" if count == 1 else f"{count or 0:,} customers"


def _part(console: Console, title: str, sentences: tuple[str, ...]) -> None:
    if not sentences:
        return
    console.print()
    console.print(title, style="bold cyan")
    for sentence in sentences:
        console.print(Padding(Text(sentence), (0, 0, 0, 2), expand=False))


def _timeline(console: Console, told: Explanation) -> None:
    console.print()
    inside = f"{_people(told.inside)} inside now" if told.inside else "nobody inside now"
    older = f", {told.in_older_plans:,} of them in older versions" if told.in_older_plans else ""
    console.print(f"[bold cyan]What happens[/bold cyan] [dim]({inside}{older})[/dim]")
    console.print(_lines(told.timeline))
    for aside in told.whenever:
        _part(console, "Whenever", (aside.when,))
        console.print(_lines(aside.timeline))


def _lines(lines: tuple[Line, ...]) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0), expand=False)
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    for line in lines:
        grid.add_row(Padding(_told(line), (0, 0, 0, 2 + 2 * line.depth), expand=False), _here(line))
    return grid


def _told(line: Line) -> Table:
    """One line of the timeline: a mark, what happens, and beneath it when, and notes."""
    inner = Table.grid(padding=(0, 1, 0, 0))
    inner.add_column(no_wrap=True, width=1)
    inner.add_column()
    if line.key is None:
        inner.add_row("┊" if line.kind == "way" else "·", Text(line.what, style="italic"))
        return inner
    title = Text(line.what, style="bold" if line.kind == "message" else "")
    title.append(f"  {line.id}", style="dim cyan")
    inner.add_row(MARKS[line.kind], title)
    if line.when:
        inner.add_row("", Text(line.when, style="green"))
    for note in line.notes:
        inner.add_row("", Text(note, style="dim"))
    return inner


def _here(line: Line) -> Text:
    return Text(f"{line.here:,} here", style="yellow") if line.here else Text("")
