"""`vefa import` and `vefa demo-shop`: facts into the shop's database."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from vefa.cli.options import Json, Now
from vefa.cli.printing import err, out, percent, print_json, progress, table
from vefa.cli.rejects import printable, rejects_table
from vefa.cli.session import Session

if TYPE_CHECKING:
    from vefa.crm.importers.summary import ImportSummary


def import_(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which column map: config/importers/NAME.yaml.")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="A folder, a file, or the URL of a database.")],
    history: Annotated[
        bool, typer.Option("--history", help="Old data: all of it counts as known when it happened, for replays.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing: what would change, and some rows for each reason.")
    ] = False,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Bring the shop's exports into the database. The same files again change nothing.

    Rows that cannot be used are kept aside (vefa rejects) and stop nothing. With more of them than the setting
    imports.unusable_share says, nothing is removed, and the exit code is 1.
    """
    from vefa.crm.importers.map_files import find_map
    from vefa.crm.importers.runs import run_import
    from vefa.engine.merging import unite_all

    session: Session = context.obj
    column_map = find_map(session.settings, name)
    moment = session.moment(now)
    with session.store() as engine, progress(f"importing {name}") as bar:

        def told(_what: str, done: int, total: int | None) -> None:
            bar(done, total or 0)

        summary = run_import(engine, column_map, path, moment, history, session.settings, told, dry=dry_run)
        if not dry_run:
            unite_all(engine, moment)
    print_json(summary.as_json()) if as_json else _show_import(summary, dry_run)
    if summary.unusable:
        _tell_unusable(summary, session.settings.imports.unusable_share)
        raise typer.Exit(1)


def _show_import(summary: ImportSummary, dry: bool) -> None:
    console = out()
    done = table("what", "read", "new", "changed", "unchanged", "not usable", "put right", numbers=NUMBERS)
    for name, read, new, changed, unchanged, rejected, counted in summary.rows():
        done.add_row(name, f"{read:,}", f"{new:,}", f"{changed:,}", f"{unchanged:,}", rejected, counted)
    console.print(done)
    for file, count in (each for each in summary.misshapen.items() if each[1]):
        console.print(f"{file}: {count:,} rows do not have the file's columns.", style="yellow", markup=False)
    if dry:
        _show_samples(summary)
        return
    words = f"{summary.events:,} events recorded in {summary.seconds:.1f} seconds."
    kept = f" Unusable rows: vefa rejects --import {summary.import_id}" if summary.rejected else ""
    console.print(f"{words}{kept}")


def _show_samples(summary: ImportSummary) -> None:
    """Some rows for each thing that would become of them."""
    console = out()
    if summary.would_change:
        rows = table("would be", "what", "file", "line", "its id", numbers=("line",))
        for change in summary.would_change:
            rows.add_row(change.what, change.target, printable(change.file), str(change.line), printable(change.key))
        console.print(rows)
    if summary.samples:
        console.print(rejects_table(summary.samples))
    console.print("Nothing was written.")


def _tell_unusable(summary: ImportSummary, allowed: float) -> None:
    shares = ", ".join(f"{name} {percent(share)}" for name, share in summary.unusable.items())
    err().print(
        f"Too many rows cannot be used ({shares}; imports.unusable_share allows {percent(allowed)}). "
        "What could be used is imported, and nothing was removed. Mend the map or the file, and import it again.",
        style="red",
        markup=False,
    )


NUMBERS = ("read", "new", "changed", "unchanged")


def demo_shop(
    context: typer.Context,
    customers: Annotated[int, typer.Option(help="How many customers.", min=1)] = 3000,
    months: Annotated[int, typer.Option(help="How many months of history.", min=1)] = 24,
    seed: Annotated[int, typer.Option(help="The same seed makes the same shop.")] = 1,
    end: Annotated[
        str | None, typer.Option(metavar="MOMENT", help="When the history ends; else now.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Fill an empty database with a made-up shop: customers, orders, parcels, returns, complaints and reviews."""
    from vefa.crm.demo_shop import make_demo_shop

    session: Session = context.obj
    moment = session.moment(end, "--end") if end else datetime.now(UTC).replace(microsecond=0)
    with session.store() as engine, progress("making customers") as bar:
        summary = make_demo_shop(engine, customers, months, seed, session.settings, moment, bar)
    if as_json:
        print_json(summary)
        return
    made = table("what", "rows", numbers=("rows",))
    for name, count in asdict(summary).items():
        made.add_row(name.replace("_", " "), f"{count:,}")
    out().print(made)
    err().print("Next: vefa run", style="dim")
