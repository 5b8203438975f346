"""`vefa export` and `vefa forget`: what a customer may ask for, done by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vefa.cli.options import Customer, Json
from vefa.cli.printing import err, out, print_json, table
from vefa.cli.session import Session

if TYPE_CHECKING:
    from vefa.engine.forgetting import Forgot


def export(
    context: typer.Context,
    customer: Customer,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it there instead of printing it.", show_default=False)
    ] = None,
) -> None:
    """Everything that is known of one customer, as JSON: what they see on their own page."""
    from vefa.database import reading
    from vefa.engine.dossier import as_json, dossier
    from vefa.files import write_private
    from vefa.foresight.persons import find_person

    session: Session = context.obj
    with session.store() as engine, reading(engine) as connection:
        told = as_json(dossier(connection, find_person(connection, customer).id))
    if to is None:
        sys.stdout.write(told.decode() + "\n")
    else:
        write_private(to, told)
        err().print(f"{to} holds what is known of them.", markup=False)


def forget(
    context: typer.Context,
    customer: Customer,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether you are sure.")] = False,
    as_json: Json = False,
) -> None:
    """Forget a customer for good: only hashes stay, so that nobody writes to them and no import brings them back."""
    from vefa.database import reading
    from vefa.engine import forgetting
    from vefa.foresight.persons import find_person

    session: Session = context.obj
    now = session.moment(None)
    with session.store() as engine:
        with reading(engine) as connection:
            person = find_person(connection, customer)
        if not yes:
            typer.confirm(f"Forget customer {person.outside_id} for good? It cannot be undone.", abort=True, err=True)
        done = forgetting.forget(engine, session.settings, person.id, now)
    if as_json:
        print_json(done)
    elif done is not None:
        _show(done)


def _show(done: Forgot) -> None:
    """What was removed, place by place, and what is still there."""
    console, rows = out(), sum(done.removed.values())
    console.print(f"Forgotten. {rows} rows removed, {done.journeys_left} journeys ended.", markup=False)
    places = {**done.removed, **{f"{name}, emptied": count for name, count in done.stripped.items()}}
    places |= {**(done.raw or {}), "messages in the outbox": done.outbox, **(done.files or {})}
    found = table("removed", "how many", numbers=("how many",))
    for name, count in places.items():
        if count:
            found.add_row(name.replace("_", " "), f"{count:,}")
    console.print(found)
    for each in done.remains:
        console.print(f"Not reached: {each}.", markup=False)
