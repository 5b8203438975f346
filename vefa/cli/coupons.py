"""`vefa coupons`: pools of codes brought in, and new codes on their way to the shop's checkout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vefa.cli.moments import shown
from vefa.cli.options import Json, Now
from vefa.cli.printing import out, print_json, table
from vefa.cli.session import Session
from vefa.errors import UserError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from vefa.rewards.pools import Brought, Stock

coupons = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Coupon codes: from the shop's checkout into pools, and from vefa to the checkout.",
)
#: So many lines of a file that do not fit are shown; JSON has all of them.
SHOWN = 50


@coupons.command("pools")
def pools(context: typer.Context, as_json: Json = False) -> None:
    """How every pool stands: codes in all, free, given and set aside."""
    from vefa.database import reading
    from vefa.rewards.pools import stocks

    session: Session = context.obj
    with session.store() as engine, reading(engine) as connection:
        found = stocks(connection)
    print_json(list(found)) if as_json else _show_pools(found, session)


def _show_pools(found: tuple[Stock, ...], session: Session) -> None:
    console, numbers = out(), ("codes", "free", "given", "set aside")
    rows = table("pool", *numbers, "last brought in", numbers=numbers)
    for each in found:
        counts = (f"{count:,}" for count in (each.codes, each.free, each.given, each.aside))
        rows.add_row(each.pool, *counts, _moment(each, session.settings.zone))
    console.print(rows) if found else console.print("No pool has codes yet. Try: vefa coupons import POOL FILE.csv")


def _moment(each: Stock, zone: ZoneInfo) -> str:
    return shown(each.imported_at, zone) if each.imported_at else ""


@coupons.command("import")
def import_(
    context: typer.Context,
    pool: Annotated[str, typer.Argument(metavar="POOL", help="Which pool of config/coupons.yaml.")],
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="A CSV file: one code a line, or with a column called code.")
    ],
    unused: Annotated[
        bool, typer.Option("--unused", help="Nobody has any of these codes: give those again that were set aside.")
    ] = False,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Bring codes that the checkout has made into a pool. The same file again changes nothing.

    Lines without a code, and codes that stand twice or are another pool's, are told with their numbers.
    """
    from vefa.rewards.pools import bring_in

    session: Session = context.obj
    _check_pool(session, pool)
    with session.store() as engine:
        done = bring_in(engine, pool, path, session.moment(now), unused=unused)
    print_json(done) if as_json else _show_import(done, path)


def _check_pool(session: Session, pool: str) -> None:
    from vefa.language.problems import did_you_mean
    from vefa.plan.pools import FILE

    known = session.project.pools
    if pool not in known:
        there = ", ".join(sorted(known)) or "none yet"
        raise UserError(f'There is no pool "{pool}" in {FILE}. {did_you_mean(pool, known, f"There are: {there}.")}')


def _show_import(done: Brought, path: Path) -> None:
    console = out()
    freed = f", {done.freed:,} set aside before are given again" if done.freed else ""
    words = f"{done.pool}: {done.new:,} new codes, {done.known:,} known already{freed}; {done.free:,} are free now."
    console.print(words, markup=False)
    for misfit in done.misfits[:SHOWN]:
        console.print(f"{path.name}:{misfit.line}: {misfit.why}", style="yellow", markup=False)
    if len(done.misfits) > SHOWN:
        console.print(f"… and {len(done.misfits) - SHOWN:,} more lines; --json has all of them.", style="yellow")


@coupons.command("export")
def export(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The CSV file to write.")],
    new: Annotated[
        bool, typer.Option("--new", help="Only what no export has given yet; it counts as given then.")
    ] = False,
    since: Annotated[
        str | None, typer.Option(metavar="MOMENT", help="Only codes made since then.", show_default=False)
    ] = None,
    with_customers: Annotated[
        bool, typer.Option("--with-customers", help="With the shop's number of whom each code is for.")
    ] = False,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Write the codes that vefa has made into a file for the shop's checkout, with all that it must know of them."""
    from datetime import UTC, datetime

    from vefa.rewards.export_files import Layout, write_new, write_some

    session: Session = context.obj
    if new and since:
        raise UserError("Say either --new or --since.")
    if new and session.project.checkout.url:
        raise UserError("New codes are posted to the checkout (url in config/coupons.yaml): vefa coupons push.")
    if not path.parent.is_dir():
        raise UserError(f"{path}: there is no folder {path.parent}.")
    layout = Layout(session.settings.zone, with_customers)
    with session.store() as engine:
        if new:
            done = write_new(engine, path, layout, session.moment(now), lambda: datetime.now(UTC))
        else:
            done = write_some(engine, path, session.moment(since, "--since") if since else None, layout)
    if as_json:
        print_json(done)
    elif new and not done.codes:
        out().print("There is nothing new for the checkout; no file was written.")
    else:
        out().print(f"{done.codes:,} codes written to {done.path}.", markup=False)
    if done.finished and not as_json:
        out().print(f"An earlier export of {done.finished:,} codes, cut off at its end, counts as given.", style="dim")


@coupons.command("push")
def push(context: typer.Context, now: Now = None, as_json: Json = False) -> None:
    """Post what the checkout has not heard of yet, in signed batches. Every run of a journey does it, too."""
    from datetime import UTC, datetime

    from vefa.cli.walking import Hand, opened
    from vefa.engine.checkout import push_codes

    session: Session = context.obj
    if session.project.checkout.url is None:
        raise UserError("config/coupons.yaml names no url of the checkout: checkout: {url: https://…}.")
    with session.store() as engine, opened(session.settings, engine, session.project.policy, Hand()) as shop:
        done = push_codes(shop, session.moment(now), lambda: datetime.now(UTC))
    if as_json:
        print_json(done)
    else:
        out().print(f"{done.codes:,} codes in {done.batches:,} batches were taken by the checkout.", markup=False)
    if done.problem:
        raise UserError(f"The checkout did not take a batch: {done.problem}. It goes again by itself.")
