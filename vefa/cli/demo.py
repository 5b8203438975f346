"""`vefa demo`: a made-up shop, 120 days of journeys in it, and the same once more as Prefect runs them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from vefa.cli.moments import shown
from vefa.cli.options import Json
from vefa.cli.printing import err, out, print_json, progress, table
from vefa.cli.session import Session
from vefa.cli.walking import Hand, Span, opened, take_over, walk
from vefa.errors import UserError

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from vefa.cli.demo_needs import Need
    from vefa.foresight.status import Totals
    from vefa.settings import Settings

#: The demo always ends here, so that everybody sees the same shop.
END = datetime(2026, 6, 14, 15, tzinfo=UTC)
EVERY = timedelta(hours=12)
MONTHS, SEED = 24, 1


def demo(
    context: typer.Context,
    customers: Annotated[int, typer.Option(help="How many customers the shop has.", min=1)] = 1000,
    days: Annotated[int, typer.Option(help="How many days of journeys.", min=1)] = 120,
    prefect: Annotated[bool, typer.Option(help="End with one run of each journey in Prefect.")] = True,
    as_json: Json = False,
) -> None:
    """See it all: a made-up shop in var/demo and 120 days of its journeys. Nothing leaves this machine.

    It begins anew each time; your own shop is not touched.
    """
    session: Session = context.obj
    settings = _demo_settings(session.settings)
    own = Session(settings.root)
    own.settings = settings
    own.project.refuse_problems()
    span = Span(END - timedelta(days=days), END - EVERY, EVERY)
    with own.store() as engine:
        _make(engine, settings, customers)
        _link(engine, span.begin)
        _walk(own, engine, span)
        runs = _prefect(settings, sorted(own.project.plans)) if prefect else []
        found, customer, told = _totals(engine, settings, span.begin)
    if as_json:
        print_json({"root": settings.root, "end": END, "journeys": found, "runs": runs, "needs": told})
        return
    _show(found, span.begin, settings)
    _show_runs(runs)
    _show_needs(told)
    _where_next(settings, customer or "CUSTOMER")


def _demo_settings(real: Settings) -> Settings:
    """A shop of its own in `var/demo`: copies of the journeys and rules, its own database, and no way out but files."""
    from vefa.settings import Channels

    if not (real.root / "journeys").is_dir():
        raise UserError(
            f"There are no journeys in {real.root}. Go to the shop's folder, or name it: vefa --root DIR demo"
        )
    root = real.var / "demo"
    for room in ("journeys", "config", "var"):
        shutil.rmtree(root / room, ignore_errors=True)
    for room in ("journeys", "config"):
        if (real.root / room).is_dir():
            shutil.copytree(real.root / room, root / room)
    own = {"root": root, "database_url": "sqlite:///var/vefa.db", "channels": Channels()}
    (root / "config").mkdir(exist_ok=True)
    _write_settings(root / "config" / "settings.yaml", real)
    return real.model_copy(update=own)


def _write_settings(path: Path, real: Settings) -> None:
    """What `vefa --root var/demo …` needs to see this shop. Without channels and database: files, and SQLite."""
    from io import StringIO

    from ruamel.yaml import YAML

    text = StringIO()
    YAML().dump({"shop": real.shop.model_dump(mode="json")}, text)
    path.write_text(f"# Made by vefa demo; the next demo writes it anew.\n{text.getvalue()}", encoding="utf-8")


def _make(engine: Engine, settings: Settings, customers: int) -> None:
    from vefa.crm.demo_shop import make_demo_shop

    with progress(f"making a shop of {customers:,} customers") as bar:
        make_demo_shop(engine, customers, MONTHS, SEED, settings, END, bar)


def _link(engine: Engine, begin: datetime) -> None:
    """Which products go together, as they were known when the journeys begin."""
    from vefa.crm.recommendations.making import make_links

    with progress("finding what is bought together") as bar:
        make_links(engine, begin, bar)


def _walk(own: Session, engine: Engine, span: Span) -> None:
    """The journeys, up to the hour that is left to Prefect."""
    from vefa.cli.demo_life import Life

    hand = Hand(span.begin)
    with opened(own.settings, engine, own.project.policy, hand) as shop, progress("walking the journeys") as bar:
        for sentence in take_over(own.project, engine, span.begin):
            err().print(sentence, style="yellow", markup=False)
        life = Life(shop, span.begin)

        def told(done: int, total: int) -> None:
            life.go_on(hand())
            bar(done, total)

        for _ in walk(shop, hand, span, told=told):
            pass


def _prefect(settings: Settings, journeys: Sequence[str]) -> list[Any]:
    """Each journey once as a real flow run, by whichever package offers it; none where none does."""
    offered = entry_points(group="vefa.flows", name="run_once")
    if not offered:
        err().print("Prefect's part is left out: the package flows is not installed.", style="yellow")
        return []
    with progress("each journey once, run by Prefect") as bar:
        done: list[Any] = []

        def told(result: Any) -> None:
            done.append(result)
            bar(len(done), len(journeys))

        bar(0, len(journeys))
        next(iter(offered)).load()(journeys, END, settings, told)
    return done


def _totals(
    engine: Engine, settings: Settings, begin: datetime
) -> tuple[tuple[Totals, ...], str | None, Sequence[Need]]:
    from vefa.cli.demo_needs import needs
    from vefa.database import reading
    from vefa.foresight.status import busiest_customer, totals

    with reading(engine) as connection:
        found = totals(connection)
        told = needs(connection, {each.journey: each for each in found}, settings.shop, begin, END)
        return found, busiest_customer(connection), told


NUMBERS = ("entered", "e-mail", "SMS", "held back", "waiting", "finished", "left", "goal")


def _show(found: Sequence[Totals], begin: datetime, settings: Settings) -> None:
    console = out()
    span = f"{shown(begin, settings.zone)} to {shown(END, settings.zone)}"
    console.print(Text("What the journeys did", style="bold cyan"), Text(span, style="dim"))
    done = table("journey", *NUMBERS, numbers=NUMBERS)
    for each in found:
        email, sms = each.sent.get("email", 0), each.sent.get("sms", 0)
        held = sum(each.held.values())
        counts = (each.entered, email, sms, held, each.active, each.finished, each.left, each.goals)
        done.add_row(each.journey, *(f"{count:,}" if count else "[dim]·[/dim]" for count in counts))
    console.print(done)
    _show_held(found)


def _show_held(found: Sequence[Totals]) -> None:
    from collections import Counter

    from vefa.foresight.reasons import reason_words

    console = out()
    held: Counter[str] = Counter()
    for each in found:
        for reason, count in each.held.items():
            held[reason_words(reason)] += count
    if not held:
        return
    console.print("\n[bold cyan]Why messages were held back[/bold cyan]")
    reasons = table("messages", "reason", numbers=("messages",))
    for words, count in held.most_common():
        reasons.add_row(f"{count:,}", words)
    console.print(reasons)


def _show_runs(runs: Sequence[Any]) -> None:
    if not runs:
        return
    console = out()
    console.print("\n[bold cyan]The last hours, run by Prefect[/bold cyan]")
    done = table("flow run", "state", "what it did")
    for run in runs:
        done.add_row(run.journey, Text(run.state, style="green" if run.good else "red"), Text(run.message))
    console.print(done)


def _show_needs(told: Sequence[Need]) -> None:
    console = out()
    console.print("\n[bold cyan]What shops need, and what was done[/bold cyan] [dim](docs/what-shops-need.md)[/dim]")
    done = table("need", "what was done")
    for each in told:
        done.add_row(each.need, each.done)
    console.print(done)


def _where_next(settings: Settings, customer: str) -> None:
    console = out()
    root = _short(settings.root)
    page = settings.var / "outbox" / "index.html"
    console.print("\n[bold cyan]Where to look next[/bold cyan]")
    vefa = f"{_program()} --root {root}"
    lines = (
        (str(_short(page)), "every message, as it would look"),
        (f"{vefa} explain win-back", "a journey in plain words"),
        (f"{vefa} status --now {END:%Y-%m-%dT%H:%MZ}", "who waits where, what is due"),
        (f"{vefa} why {customer}", "one customer's whole story"),
        (f"{vefa} up", "Prefect with all journeys on this machine"),
    )
    guide = table("where", "what")
    guide.show_header = False
    for where, what in lines:
        guide.add_row(Text(f"  {where}", style="bold"), Text(what, style="dim"))
    console.print(guide)


def _program() -> str:
    """How to call vefa from here: by its name where that is found, else by where it stands."""
    return "vefa" if shutil.which("vefa") else str(_short(Path(sys.argv[0]).absolute()))


def _short(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
