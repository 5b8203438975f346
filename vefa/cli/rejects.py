"""`vefa rejects`: the rows of imports that could not be used, and how to mend them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from vefa.cli.options import Json
from vefa.cli.printing import err, out, print_json, table
from vefa.cli.session import Session

if TYPE_CHECKING:
    from rich.table import Table

    from vefa.crm.importers.rejecting import Reject

#: Letters of a value that are shown.
_LONGEST = 60


def rejects(
    context: typer.Context,
    import_id: Annotated[
        int | None, typer.Option("--import", metavar="ID", help="Of this import; else of the last one.")
    ] = None,
    all_imports: Annotated[bool, typer.Option("--all", help="Of all imports and mapped webhooks.")] = False,
    name: Annotated[str | None, typer.Option("--map", metavar="NAME", help="Of imports by this map.")] = None,
    file: Annotated[str | None, typer.Option(metavar="FILE", help="Of this file.")] = None,
    target: Annotated[str | None, typer.Option(metavar="NAME", help="Of this target, such as orders.")] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Whose reason holds this text.")] = None,
    most: Annotated[int, typer.Option("--most", metavar="N", help="How many rows at most.", min=1)] = 100,
    as_json: Json = False,
) -> None:
    """Rows that could not be used: file, line, value, reason, and the key of the map that would mend it.

    The values are your customers' data: mind where you send the output.
    """
    from vefa.crm.importers.rejected import Wanted, count_rejects, read_rejects
    from vefa.database import reading

    session: Session = context.obj
    wanted = Wanted(import_id, all_imports, name, file, target, reason)
    with session.store() as engine, reading(engine) as connection:
        found, total = read_rejects(connection, wanted, most), count_rejects(connection, wanted)
    if as_json:
        print_json({"total": total, "rejects": found})
        return
    if not found:
        out().print("No row was refused.")
        return
    out().print(rejects_table(found))
    if total > len(found):
        err().print(f"{total - len(found):,} more: say --most, --file, --target or --reason.", style="dim")


def rejects_table(found: Sequence[Reject]) -> Table:
    """The rows as a table for people; what a file holds moves no cursor and paints nothing."""
    made = table("file", "line", "what", "reason", "value", "mend it", numbers=("line",))
    for each in found:
        what = ".".join(part for part in (each.target, each.field) if part)
        value, hint = printable(each.detail or "")[:_LONGEST], printable(each.hint or "")
        made.add_row(*map(_plain, (printable(each.place), str(each.line), what, each.reason, value, hint)))
    return made


def printable(text: str) -> str:
    """The text with what no terminal should obey (controls, changes of direction) written out."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
