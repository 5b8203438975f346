"""`vefa recommendations`: which products go together, and what a customer would be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from vefa.cli.moments import shown
from vefa.cli.options import Customer, Json, Now
from vefa.cli.printing import out, print_json, progress, table
from vefa.cli.session import Session

if TYPE_CHECKING:
    from vefa.crm.recommendations.making import Made
    from vefa.foresight.suggestions import Suggestions

recommendations = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="Which products go together, and what a customer is shown."
)


@recommendations.command("refresh")
def refresh(context: typer.Context, now: Now = None, as_json: Json = False) -> None:
    """Find out anew which products go together, as the nightly flow does. Messages read the old links until it is done.

    With --now from the orders known at that moment, and for messages from then on.
    """
    from vefa.crm.recommendations.making import make_links

    session: Session = context.obj
    with session.store() as engine, progress("reading orders") as bar:
        made = make_links(engine, session.moment(now), bar)
    print_json(made) if as_json else out().print(in_words(made))


def in_words(made: Made) -> str:
    """What was made, in one sentence."""
    found = f"{made.together:,} links between products bought together, {made.next:,} to what was bought next"
    return f"{made.orders:,} orders read: {found}."


@recommendations.command("show")
def show(
    context: typer.Context,
    customer: Customer,
    order: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="As in a message about this order of theirs.", show_default=False),
    ] = None,
    count: Annotated[int, typer.Option(help="How many products.", min=1, max=12)] = 3,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Show what a customer would be recommended, and why each product."""
    from vefa.database import reading
    from vefa.foresight.suggestions import suggestions

    session: Session = context.obj
    with session.store() as engine, reading(engine) as connection:
        found = suggestions(connection, customer, order, count, session.moment(now))
    print_json(found) if as_json else _show(found, session)


def _show(found: Suggestions, session: Session) -> None:
    console = out()
    if found.as_of is None:
        console.print("No links were made by then (vefa recommendations refresh): best-sellers only.", style="yellow")
    else:
        console.print(f"Links as of {shown(found.as_of, session.settings.zone)}.", style="dim")
    rows = table("product", "price", "why")
    for each in found.products:
        orders = f" ({each.times:,} orders)" if each.times else ""
        rows.add_row(Text(each.name), Text(each.price or ""), Text(f"{each.reason}{orders}"))
    if found.products:
        console.print(rows)
    else:
        console.print("There is nothing in stock that they do not have yet.")
