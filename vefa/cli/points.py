"""`vefa points`: what a customer has, spending and correcting at the counter, and the ledger's own check."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vefa.cli.moments import shown, zone_of
from vefa.cli.options import Customer, Json, Now
from vefa.cli.printing import out, print_json, table
from vefa.cli.session import Session
from vefa.errors import UserError

if TYPE_CHECKING:
    from vefa.foresight.persons import Person
    from vefa.foresight.points import Standing
    from vefa.rewards.by_hand import Counter
    from vefa.rewards.ledger_check import Checked

points = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Points of the loyalty programme: show, spend, correct, post what is due, check the ledger.",
)


@points.command("show")
def show(context: typer.Context, customer: Customer, now: Now = None, as_json: Json = False) -> None:
    """What the customer has, what it is worth, what runs out when; and how it came about."""
    from vefa.foresight.points import points_of

    session: Session = context.obj
    with _counter(session, now) as (counter, person):
        found = person(customer)
        if counter.programme.runs:
            counter.settle(found.id)
        standing = points_of(counter.connection, found, counter.programme, session.settings.shop, counter.now)
    print_json(standing) if as_json else _show(standing, found, session)


@points.command("redeem")
def redeem(
    context: typer.Context,
    customer: Customer,
    count: Annotated[int, typer.Argument(metavar="POINTS", min=1, help="How many.")],
    key: Annotated[
        str, typer.Option(metavar="TEXT", help="What it is for, such as a receipt's number: given twice, spent once.")
    ],
    order: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="The order that they pay for.", show_default=False)
    ] = None,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Spend points. More than the customer has is refused."""
    session: Session = context.obj
    with _counter(session, now) as (counter, person):
        left = counter.redeem(person(customer).id, count, key, order)
    _told(f"Spent. {left:,} points are left.", {"spent": count, "left": left}, as_json)


@points.command("correct", context_settings={"ignore_unknown_options": True})
def correct(
    context: typer.Context,
    customer: Customer,
    change: Annotated[int, typer.Argument(metavar="POINTS", help="How many to give; with a minus, to take.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it stands in the ledger.")],
    key: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="What it is for: given twice, corrected once.", show_default=False),
    ] = None,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Give or take points by hand, for a reason."""
    if not change or not reason.strip():
        raise UserError("A correction is of at least one point, and has a reason.")
    session: Session = context.obj
    with _counter(session, now) as (counter, person):
        found = person(customer)
        left = counter.correct(found.id, change, reason, key or f"{found.id}:{counter.now.isoformat()}")
    _told(f"Corrected. They have {left:,} points now.", {"change": change, "left": left}, as_json)


@points.command("settle")
def settle(context: typer.Context, now: Now = None, as_json: Json = False) -> None:
    """Post everything that is due: orders, returns, spendings, what has run out.

    The flow `vefa-loyalty` does the same every hour.
    """
    from vefa.rewards.points import settle_points

    session: Session = context.obj
    session.project.refuse_problems()
    with session.store() as engine:
        moment = session.moment(now)
        done = settle_points(engine, session.project.loyalty, session.settings.shop, moment)
    says = f"{done.customers:,} customers looked at, {done.moves:,} moves posted, {done.tiers:,} changes of tier."
    _told(says, done, as_json)


@points.command("check")
def check(context: typer.Context, as_json: Json = False) -> None:
    """Count the whole ledger anew: whether every account and every lot is right. Ends with 1 where something is not."""
    from vefa.database import reading
    from vefa.rewards.ledger_check import check_ledger

    session: Session = context.obj
    with session.store() as engine, reading(engine) as connection:
        found = check_ledger(connection)
    print_json(found) if as_json else _checked(found)
    if found.faults:
        raise typer.Exit(1)


@contextmanager
def _counter(session: Session, now: str | None) -> Iterator[tuple[Counter, Any]]:
    """The counter, and how it finds a person: one transaction."""
    from vefa.database import writing
    from vefa.foresight.persons import find_person
    from vefa.rewards.by_hand import Counter

    session.project.refuse_problems()
    with session.store() as engine, writing(engine) as connection:
        counter = Counter(connection, session.project.loyalty, session.settings.shop, session.moment(now))
        yield counter, lambda who: find_person(connection, who)


def _told(says: str, facts: object, as_json: bool) -> None:
    print_json(facts) if as_json else out().print(says, markup=False)


def _show(standing: Standing, person: Person, session: Session) -> None:
    console, zone = out(), zone_of(person.zone, session.settings.zone)
    worth = f", worth {standing.worth:,.2f} {standing.currency}" if standing.worth is not None else ""
    tier = f" Tier: {standing.tier}." if standing.tier else ""
    console.print(f"Customer {person.outside_id} has {standing.points:,} points{worth}.{tier}", markup=False)
    if standing.next_tier:
        console.print(f"{standing.to_next_tier:,} points more make them {standing.next_tier}.", markup=False)
    if standing.expiring:
        console.print(f"{standing.expiring:,} run out on {shown(standing.expires_at, zone)}.", markup=False)
    rows = table("when", "what", "for", "points", "until", numbers=("points",))
    for move in standing.moves:
        rows.add_row(
            shown(move.at, zone), move.kind.replace("_", " "), move.what, f"{move.change:+,}", shown(move.until, zone)
        )
    if standing.moves:
        console.print(rows)


def _checked(found: Checked) -> None:
    console = out()
    rows = table("account", "points", numbers=("points",))
    for account, held in found.accounts.items():
        rows.add_row(account, f"{held:,}")
    console.print(rows)
    for fault in found.faults:
        named = ", ".join(map(str, fault.moves))
        console.print(f"{fault.says}: {fault.count:,} times, such as move {named}.", style="red", markup=False)
    if not found.faults:
        console.print(f"{found.moves:,} moves: all accounts together hold nothing, and no point is used twice.")
