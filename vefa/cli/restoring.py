"""`vefa restored`: what to do once after a backup came back, before anything runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from vefa.cli.options import Json, Now
from vefa.cli.printing import out, print_json, table
from vefa.cli.session import Session

if TYPE_CHECKING:
    from vefa.engine.restoring import Restored


def restored(
    context: typer.Context,
    since: Annotated[str, typer.Option(metavar="MOMENT", help="When the backup had been made.", show_default=False)],
    now: Now = None,
    as_json: Json = False,
) -> None:
    """After a backup was restored, and before anything runs: write off what may have gone out since it was made.

    Nothing is sent. Customers go on from where they may have been by now.
    """
    from vefa.cli.walking import Hand, opened
    from vefa.engine.lease import make_owner
    from vefa.engine.restoring import close_gap

    session: Session = context.obj
    moment, backup = session.moment(now), session.moment(since, "--since")
    policy = session.project.policy
    with session.store() as engine, opened(session.settings, engine, policy, Hand(moment)) as shop:
        found = close_gap(shop, backup, now=moment, owner=make_owner(), wall=lambda: datetime.now(UTC))
    print_json(list(found)) if as_json else _show(found)


NUMBERS = ("came in", "written off", "goes again")


def _show(found: tuple[Restored, ...]) -> None:
    console = out()
    if not found:
        console.print("No journey was running when the backup was made: there is nothing to settle.")
        return
    told = table("journey", *NUMBERS, numbers=NUMBERS)
    for each in found:
        told.add_row(each.journey, *(f"{n:,}" for n in (each.entered, each.written_off, each.goes_again)))
    console.print(told)
    console.print("Written off: due since the backup, so it may have gone already. It will not be sent.")
    console.print("Goes again: transactional, of the last day; some customers may get it a second time.")
