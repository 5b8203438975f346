"""`vefa privacy`: what customers ask for by law, as shop systems pass it on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vefa.cli.options import Json
from vefa.cli.printing import out, print_json, table
from vefa.cli.session import Session
from vefa.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Engine

    from vefa.engine.privacy_requests import PrivacyRequest

Action = Literal["list", "show", "confirm", "close"]
KINDS = {"erase": "forget a customer", "export": "what is held of a customer", "erase_shop": "erase the whole shop"}


def privacy(
    context: typer.Context,
    action: Annotated[Action, typer.Argument(help="List all, show one, confirm an erasure, or close one.")] = "list",
    number: Annotated[int, typer.Argument(metavar="[NUMBER]", help="Which request.", show_default=False)] = 0,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who did it; kept with the request.")] = "",
    note: Annotated[str, typer.Option(metavar="TEXT", help="With close: what came of it, naming nobody.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether you are sure.")] = False,
    as_json: Json = False,
) -> None:
    """Requests of the law: who asked to be forgotten or for a copy, what came of it, and what waits for a person."""
    from vefa.database import reading
    from vefa.engine.privacy_requests import all_requests

    session: Session = context.obj
    with session.store() as engine:
        with reading(engine) as connection:
            found = all_requests(connection)
        if action == "list":
            print_json([_listed(each) for each in found]) if as_json else _list(found)
            return
        request = next((each for each in found if each.id == number), None)
        if request is None:
            raise UserError(f"There is no request {number}. vefa privacy lists them.")
        if action == "show":
            _show(engine, request)
            return
        if request.done_at is not None:
            raise UserError(f"Request {number} is done: {request.outcome}.")
        by_hand = note or "closed by hand"
        outcome = _confirmed(session, engine, request, yes) if action == "confirm" else by_hand
        _close(engine, request, outcome, by or _login())
    out().print(f"Request {number}: {outcome}.", markup=False)


def _confirmed(session: Session, engine: Engine, request: PrivacyRequest, yes: bool) -> str:
    from vefa.engine.erasures import erase_all

    if request.kind != "erase_shop":
        raise UserError("Only the erasure of a whole shop is confirmed; others are carried out or closed.")
    if not yes:
        typer.confirm("Forget every customer of this shop for good? It cannot be undone.", abort=True, err=True)
    count = erase_all(engine, session.settings, datetime.now(UTC))
    return f"{count:,} customers forgotten"


def _close(engine: Engine, request: PrivacyRequest, outcome: str, by: str) -> None:
    from vefa.database import writing
    from vefa.engine.privacy_requests import close_request

    with writing(engine) as connection:
        close_request(connection, request.id, outcome, by, datetime.now(UTC))


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


def _listed(request: PrivacyRequest) -> dict[str, object]:
    """Everything but whom it is about."""
    return {name: value for name, value in vars(request).items() if name != "subject"}


def _list(found: Sequence[PrivacyRequest]) -> None:
    if not found:
        out().print("Nobody has asked for anything yet.")
        return
    rows = table("request", "of", "asks", "received", "done", "by", "what came of it")
    for each in found:
        done = f"{each.done_at:%Y-%m-%d %H:%M} UTC" if each.done_at else "not yet"
        received = f"{each.received_at:%Y-%m-%d %H:%M} UTC"
        rows.add_row(
            str(each.id), each.source, KINDS[each.kind], received, done, each.done_by or "", each.outcome or ""
        )
    out().print(rows)


def _show(engine: Engine, request: PrivacyRequest) -> None:
    """Whom it is about, and what to do; nobody's name is kept once it is done."""
    from vefa.crm.tables import customers
    from vefa.database import among, reading
    from vefa.engine.erasures import customers_meant

    console, subject = out(), request.subject
    console.print(f"Request {request.id}: {KINDS[request.kind]}, passed on by {request.source}.", markup=False)
    if subject is None:
        console.print(f"Done: {request.outcome}. Whom it was about is not kept.", markup=False)
        return
    named = (subject.outside_id, subject.email, subject.phone, *(f"order {each}" for each in subject.orders))
    console.print(f"It names {', '.join(each for each in named if each) or 'nobody'}.", markup=False)
    if request.kind != "export":
        return
    with reading(engine) as connection:
        ids = customers_meant(connection, subject)
        numbers = [row.outside_id for row in connection.execute(customers.select().where(among(customers.c.id, ids)))]
    for outside_id in numbers:
        console.print(f"  vefa export {outside_id} --to {request.id}.json", markup=False)
    if not numbers:
        console.print("  Nobody of that number or address is here: tell them that nothing is held of them.")
    console.print(f"When it has been answered: vefa privacy close {request.id}", markup=False)
