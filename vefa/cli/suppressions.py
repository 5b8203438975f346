"""`vefa suppressions`: addresses that nothing goes to, why, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from vefa.cli.moments import shown
from vefa.cli.options import Json
from vefa.cli.printing import out, print_json, table
from vefa.cli.rejects import printable
from vefa.cli.session import Session
from vefa.errors import UserError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlalchemy.engine import Connection

    from vefa.foresight.suppression_list import Suppression

suppressions = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Addresses that nothing goes to: list them, explain one, lift it, or add one by hand.",
)
Address = Annotated[
    str, typer.Argument(metavar="ADDRESS", help="An e-mail address, a phone number, or a customer's number.")
]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in your words; it is kept.")]
By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who does it; else who is logged in.", show_default=False)
]


@suppressions.command("list")
def list_(
    context: typer.Context,
    reason: Annotated[
        str | None, typer.Option(metavar="REASON", help="Of this reason only, such as bounced.", show_default=False)
    ] = None,
    channel: Annotated[
        str | None, typer.Option(metavar="CHANNEL", help="email or sms; else both.", show_default=False)
    ] = None,
    most: Annotated[int, typer.Option("--most", metavar="N", help="How many at most, the newest first.", min=1)] = 100,
    as_json: Json = False,
) -> None:
    """The addresses that are suppressed now, the newest first."""
    from vefa.foresight.suppression_list import count_suppressions, list_suppressions

    session: Session = context.obj
    now = datetime.now(UTC)
    with _reading(session) as connection:
        found = list_suppressions(connection, now, reason=reason, channel=channel, most=most)
        counts = count_suppressions(connection, now)
    if as_json:
        print_json({"counts": counts, "suppressions": found})
        return
    if not found:
        out().print("No address is suppressed." if not counts else "No address is suppressed for that.")
        return
    rows = table("customer", "address", "reason", "what", "since", "until")
    for each in found:
        rows.add_row(*_row(each, session.settings.zone))
    out().print(rows)
    out().print(", ".join(f"{name} {count:,}" for name, count in counts.items()), style="dim", markup=False)


@suppressions.command("explain")
def explain(context: typer.Context, address: Address, as_json: Json = False) -> None:
    """Why nothing goes to an address, since when, what proves it, what lifts it, and what was lifted before."""
    from vefa.foresight.reasons import SUPPRESSIONS
    from vefa.foresight.suppression_list import find_places, list_suppressions, past_suppressions

    session: Session = context.obj
    zone = session.settings.zone
    with _reading(session) as connection:
        places = find_places(connection, address, session.settings.shop.country)
        found = list_suppressions(connection, datetime.now(UTC), places=places)
        past = past_suppressions(connection, places)
    if as_json:
        print_json({"suppressions": found, "history": past})
        return
    if not found:
        out().print("Nothing stands against it.", markup=False)
    for each in found:
        out().print(f"{each.channel}: {SUPPRESSIONS.get(each.reason, each.reason)} ({each.reason})", markup=False)
        out().print(f"  stops {_what(each)} since {shown(each.since, zone)}{_until(each, zone)}", markup=False)
        if each.evidence:
            out().print(f"  evidence: {printable(each.evidence)}", markup=False)
        out().print(f"  lifted by: {'; '.join(each.lifted_by) or 'nothing'}", markup=False)
    for before in past:
        author = f" by {printable(before.author)}" if before.author else ""
        note = f": {printable(before.note)}" if before.note else ""
        line = f"{shown(before.at, zone)}  {before.what}{author} ({before.reason}, {before.signal}){note}"
        out().print(line, style="dim", markup=False)


@suppressions.command("lift")
def lift(
    context: typer.Context,
    address: Address,
    reason: Why,
    by: By = None,
    even_complaint: Annotated[
        bool, typer.Option("--even-complaint", help="Also what was called spam: only if they asked for messages again.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take away what stops an address. Who did it, when and why is kept; a complaint stays unless you say so."""
    from vefa.crm.lifting import lifted_by
    from vefa.crm.suppressing import lift_reasons
    from vefa.database import writing
    from vefa.foresight.suppression_list import find_places, list_suppressions

    session: Session = context.obj
    now = datetime.now(UTC)
    reasons = tuple(each for each in lifted_by("hand") if even_complaint or each != "complained")
    note, author = _given(reason), by or _user()
    with session.store() as engine, writing(engine) as connection:
        places = find_places(connection, address, session.settings.shop.country)
        moments = dict.fromkeys(places, now)
        count = lift_reasons(connection, "hand", moments, reasons, note=note, author=author)
        left = list_suppressions(connection, now, places=places)
    if as_json:
        print_json({"lifted": count, "left": left})
    else:
        out().print(f"{count} lifted by {author}." if count else "There was nothing to lift.", markup=False)
        for each in left:
            hint = ": say --even-complaint" if each.reason == "complained" else ""
            out().print(f"{each.channel} stays suppressed ({each.reason}){hint}", markup=False)
    if left:
        raise typer.Exit(1)


@suppressions.command("add")
def add(
    context: typer.Context,
    address: Address,
    reason: Why,
    by: By = None,
    commercial: Annotated[
        bool, typer.Option("--commercial", help="Stop commercial messages only; else nothing at all goes there.")
    ] = False,
) -> None:
    """Stop an address by hand, whether or not it is a customer's."""
    from vefa.crm.suppressing import Stop, stop_by_hand
    from vefa.database import writing
    from vefa.foresight.suppression_list import find_places

    session: Session = context.obj
    now = datetime.now(UTC)
    note, author = _given(reason), by or _user()
    with session.store() as engine, writing(engine) as connection:
        places = find_places(connection, address, session.settings.shop.country)
        stops = [
            Stop(channel, key, "manual", note, now, now, "commercial" if commercial else None)
            for channel, key in places
        ]
        new = sum(stop_by_hand(connection, stop, author) for stop in stops)
    out().print(f"{new} added by {author}." if new else "It was there already.", markup=False)


@contextmanager
def _reading(session: Session) -> Iterator[Connection]:
    from vefa.database import reading

    with session.store() as engine, reading(engine) as connection:
        yield connection


def _row(each: Suppression, zone: ZoneInfo) -> tuple[str, ...]:
    from rich.markup import escape

    address = each.address or f"nobody's, key {each.address_key[:8]}…"
    cells = (", ".join(each.customers), address, each.reason, _what(each), shown(each.since, zone))
    return (*(escape(printable(cell)) for cell in cells), shown(each.until, zone))


def _what(each: Suppression) -> str:
    return "commercial messages" if each.purpose == "commercial" else "everything"


def _until(each: Suppression, zone: ZoneInfo) -> str:
    return f" until {shown(each.until, zone)}" if each.until else ""


def _given(reason: str) -> str:
    """The author's words. Raises UserError where there are none."""
    if not reason.strip():
        raise UserError("Say why: --reason TEXT. It is kept with the address.")
    return reason.strip()[:500]


def _user() -> str:
    from getpass import getuser

    try:
        return getuser()
    except (KeyError, OSError):
        return "somebody"
