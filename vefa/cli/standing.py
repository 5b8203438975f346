"""`vefa status`: how all journeys stand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.text import Text

from vefa.cli.moments import shown
from vefa.cli.options import Json, Now
from vefa.cli.printing import out, plain, print_json, table
from vefa.cli.session import Session
from vefa.logs import masked

if TYPE_CHECKING:
    from rich.console import Console

    from vefa.crm.shared_mailboxes import SharedMailboxes
    from vefa.foresight.status import JourneyStatus, Sendings, Status
    from vefa.foresight.troubles import Trouble

STATES = {"live": "green", "paused": "yellow", "closing": "yellow", "draft": "dim", "gone": "dim"}


def status(
    context: typer.Context,
    now: Now = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Say only what is late or wrong; exit code 1 if anything is. For monitoring."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show each journey's state: who waits where, what is due or late, what went out, and what needs a person."""
    session: Session = context.obj
    if check:
        _check(session, now, as_json)
        return
    found, shared = _look(session, now), _shared(session)
    if as_json:
        print_json({**plain(found), "shared_addresses": plain(shared)})
        return
    _show(found, session.settings.zone)
    if shared.addresses:
        from vefa.foresight.order_contents import describe_sharing

        out().print(f"\n{describe_sharing(shared)}", style="dim", markup=False)


def _shared(session: Session) -> SharedMailboxes:
    from vefa.crm.shared_mailboxes import shared_mailboxes
    from vefa.database import reading

    with session.store() as engine, reading(engine) as connection:
        return shared_mailboxes(connection)


def _look(session: Session, now: str | None, *, migrate: bool = True) -> Status:
    from vefa.database import reading
    from vefa.foresight.status import status as told
    from vefa.plan.project import loyalty_rests

    iys, rests = session.settings.iys.enabled, loyalty_rests(session.settings)
    with session.store(migrate) as engine, reading(engine) as connection:
        return told(
            connection, session.moment(now), datetime.now(UTC), iys=iys, rests=rests, shop=session.settings.shop
        )


def _check(session: Session, now: str | None, as_json: bool) -> None:
    """What monitoring asks: a database that cannot be used is a trouble like any other, and nothing is migrated."""
    from vefa.errors import StoreError
    from vefa.foresight.troubles import Trouble

    try:
        troubles = _look(session, now, migrate=False).troubles
    except StoreError as error:
        troubles = (Trouble("database", masked(str(error)).rstrip("."), "vefa deploy migrates; else see the database"),)
    print_json(list(troubles)) if as_json else _tell(out(), troubles)
    if troubles:
        raise typer.Exit(1)


def _show(found: Status, zone: ZoneInfo) -> None:
    console = out()
    if not found.journeys:
        console.print("No journey has run yet. Try: vefa run")
        _needs_a_person(console, found)
        return
    overview = table(
        "journey", "state", "inside", "due", "late", "sent in 24 h", "sent in 7 days", "last looked", numbers=NUMBERS
    )
    for each in found.journeys:
        overview.add_row(*_row(each, zone))
    console.print(overview)
    _waiting(console, found.journeys)
    _events(console, found.journeys)
    _needs_a_person(console, found)
    _in_doubt(console, found, zone)


def _needs_a_person(console: Console, found: Status) -> None:
    if found.troubles:
        console.print()
        console.print("What needs a person", style="bold red")
        _tell(console, found.troubles)


NUMBERS = ("inside", "due", "late")


def _row(each: JourneyStatus, zone: ZoneInfo) -> tuple[str | Text, ...]:
    late = Text(f"{each.late:,}", style="red" if each.late else "dim")
    state = Text(each.state, style=STATES.get(each.state, ""))
    return (
        Text(each.journey, style="bold"),
        state,
        f"{each.active:,}",
        f"{each.due:,}",
        late,
        _sent(each.day),
        _sent(each.week),
        shown(each.last_tick_at, zone).partition(" ")[2] or "never",
    )


def _sent(counts: Sendings) -> str:
    others = ((counts.held, "held"), (counts.failed, "failed"), (counts.unknown, "unknown"))
    told = ", ".join(f"{count:,} {word}" for count, word in others if count)
    return f"{counts.sent:,} ({told})" if told else f"{counts.sent:,}"


def _waiting(console: Console, journeys: tuple[JourneyStatus, ...]) -> None:
    if not any(each.waiting for each in journeys):
        return
    console.print()
    console.print("Where they stand", style="bold cyan")
    where = table("journey", "step", "customers", "due now", numbers=("customers", "due now"))
    for each in journeys:
        for place, step in enumerate(each.waiting):
            where.add_row("" if place else each.journey, step.step, f"{step.customers:,}", f"{step.due:,}")
    console.print(where)


def _events(console: Console, journeys: tuple[JourneyStatus, ...]) -> None:
    told = [each for each in journeys if each.events.day or each.events.under_way]
    if not told:
        return
    console.print()
    console.print("Events that `whenever` follows", style="bold cyan")
    met = table("journey", "met in 24 h", "under way", numbers=("met in 24 h", "under way"))
    for each in told:
        met.add_row(each.journey, f"{each.events.day:,}", f"{each.events.under_way:,}")
    console.print(met)


def _tell(console: Console, troubles: tuple[Trouble, ...]) -> None:
    """What is late or wrong, each with what to do."""
    for each in troubles:
        console.print(f"{each.says}.", markup=False)
        console.print(f"  → {each.do}", style="dim", markup=False)
    if not troubles:
        console.print("Nothing is late, and nothing is wrong.")


def _in_doubt(console: Console, found: Status, zone: ZoneInfo) -> None:
    if not found.unknown:
        return
    console.print()
    console.print(f"{found.unknown_in_all:,} may or may not have gone out", style="bold yellow")
    doubtful = table("send", "journey", "step", "customer", "by", "when")
    for each in found.unknown:
        when = shown(each.claimed_at, zone)
        doubtful.add_row(str(each.send), each.journey, each.step, each.customer, each.medium or "", when)
    console.print(doubtful)
