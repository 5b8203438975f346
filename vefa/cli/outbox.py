"""`vefa outbox`: messages that went into files instead of to customers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.text import Text

from vefa.cli.moments import shown
from vefa.cli.options import Json
from vefa.cli.printing import out, print_json, table
from vefa.cli.session import Session
from vefa.errors import UserError
from vefa.language.wording import MEDIA

if TYPE_CHECKING:
    from pathlib import Path

    from vefa.foresight.letters import Letter


def outbox(
    context: typer.Context,
    last: Annotated[int, typer.Option(help="How many to list, the newest first.", min=1)] = 20,
    journey: Annotated[str | None, typer.Option(help="Only this journey's.", show_default=False)] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page with all messages in a browser.")] = False,
    path: Annotated[bool, typer.Option("--path", help="Print the page's path, and nothing else.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Take all messages away. The ledger keeps its rows.")] = False,
    as_json: Json = False,
) -> None:
    """List the messages in the outbox: what customers would have got. Its page shows them as they would look."""
    session: Session = context.obj
    folder = session.settings.var / "outbox"
    if clear:
        _clear(folder)
    elif path:
        typer.echo(_page(folder))
    elif open_:
        typer.launch(str(_page(folder)))
    else:
        _list(folder, last, journey, as_json, session.settings.zone)


def _page(folder: Path) -> Path:
    page = folder / "index.html"
    if not page.exists():
        raise UserError(f"The outbox at {folder} is empty: no message has gone into it yet.")
    return page


def _clear(folder: Path) -> None:
    from vefa.channels.outbox import reset_outbox

    reset_outbox(folder)
    out().print(f"The outbox at {folder} is empty now.", markup=False)


def _list(folder: Path, last: int, journey: str | None, as_json: bool, zone: ZoneInfo) -> None:
    from vefa.foresight.letters import letters

    found = letters(folder, last, journey)
    if as_json:
        print_json(found)
        return
    console = out()
    if not found:
        console.print("No message is in the outbox. Try: vefa run")
        return
    listed = table("when", "by", "journey", "step", "to", "subject")
    for letter in found:
        listed.add_row(*_row(letter, zone))
    console.print(listed)
    console.print(f"All of them, as they would look: {_page(folder)}", style="dim", markup=False, soft_wrap=True)


def _row(letter: Letter, zone: ZoneInfo) -> tuple[str | Text, ...]:
    when = shown(datetime.fromisoformat(letter.moment), zone) if letter.moment else ""
    medium = MEDIA[letter.medium]
    texts = (letter.journey, letter.step, letter.to, letter.subject.replace("\n", " "))
    return when.partition(" ")[2], medium, *(Text(text, no_wrap=True, overflow="ellipsis") for text in texts)
