"""`vefa housekeeping`: what the nightly flow does, by hand or by cron."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from vefa.cli.options import Json, Now
from vefa.cli.printing import out, print_json, progress, table
from vefa.cli.session import Session

if TYPE_CHECKING:
    from vefa.engine.housekeeping import Tidied


WORDS = {
    "considered": "notes on why somebody did not enter",
    "send_history": "notes on messages that did not go straight",
    "batches": "notes on which worker sent what",
    "rejects": "rows of imports that could not be used",
    "imports": "notes on imports",
    "told_early": "webhooks whose order never came",
    "incidents": "ended incidents",
    "errands": "old notices to staff",
}


def housekeeping(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    vacuum: Annotated[
        bool,
        typer.Option("--vacuum", help="Shrink an SQLite file of any size, though nobody else can write meanwhile."),
    ] = False,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Take back what dead workers held, remove what is older than the settings say, tidy the database up.

    Stopping is safe at any time: the same command goes on from there.
    """
    from vefa.engine.housekeeping import keep_house

    session: Session = context.obj
    with session.store() as engine, progress("removing") as bar:
        moment = session.moment(now)
        done = keep_house(
            engine,
            session.settings,
            moment,
            datetime.now(UTC),
            dry_run=dry_run,
            vacuum=vacuum,
            told=lambda _what, count: bar(count, 0),
        )
    print_json(done) if as_json else _show(done, dry_run)


def _show(done: Tidied, dry_run: bool) -> None:
    console = out()
    if done.returned or done.unknown:
        console.print(f"Of dead workers: {done.returned:,} back in the queue, {done.unknown:,} now in doubt.")
    found = {what: count for what, count in done.removed.items() if count}
    if found:
        rows = table("would be removed" if dry_run else "removed", "how many", numbers=("how many",))
        for what, count in found.items():
            rows.add_row(WORDS.get(what, what), f"{count:,}")
        console.print(rows)
    else:
        console.print("Nothing is old enough to be removed.")
    if done.learned and (done.learned.email or done.learned.sms):
        console.print(f"Learned: {done.learned.email:,} answer e-mails rather, {done.learned.sms:,} SMS.")
    for sentence in done.database:
        console.print(f"Database: {sentence}.", markup=False)
