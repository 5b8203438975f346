"""`vefa pause` and `vefa resume`: the kill switch, in our database first, then in Prefect where one is there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from flows.deploy import settings_of
from vefa.errors import UserError

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from flows.standing import Stand
    from vefa.settings import Settings

Journeys = Annotated[list[str] | None, typer.Argument(help="Names of journeys.", show_default=False)]
All = Annotated[bool, typer.Option("--all", help="Every journey.")]


def pause(context: typer.Context, journeys: Journeys = None, everything: All = False) -> None:
    """Stop journeys at once: nobody enters, nothing is sent, waits stand still. Deploys keep it so."""
    _switch(settings_of(context), journeys or [], everything, paused=True)


def resume(context: typer.Context, journeys: Journeys = None, everything: All = False) -> None:
    """Let paused journeys go on. What happened while they were paused enters nobody."""
    _switch(settings_of(context), journeys or [], everything, paused=False)


def _switch(settings: Settings, names: list[str], everything: bool, *, paused: bool) -> None:
    from vefa.store import open_store

    if bool(names) == everything:
        raise UserError("Name the journeys, or say --all.")
    database = open_store(settings)
    try:
        changed = switch(database, names, paused=paused)
        told = _tell_prefect(settings, database)
    finally:
        database.dispose()
    word = "paused" if paused else "running"
    typer.echo(f"{', '.join(changed) or 'Nothing'} {'was' if not changed else 'is now'} {word}{told}.")


def switch(database: Engine, names: list[str], *, paused: bool) -> list[str]:
    """Pauses or resumes the named journeys, or all where no name is given; gives the names of those that changed."""
    from flows.standing import read_stands
    from vefa.clock import system_clock
    from vefa.database import writing
    from vefa.engine.plans import set_state

    with writing(database) as connection:
        stands = read_stands(connection)
        for name in names:
            if name not in stands:
                raise UserError(
                    f'No journey "{name}" was ever deployed. There are: {", ".join(sorted(stands)) or "none yet"}.'
                )
        changed = [name for name in names or sorted(stands) if _turns(stands[name], paused)]
        for name in changed:
            set_state(connection, name, "paused" if paused else stands[name].running, system_clock())
    return changed


def _turns(stand: Stand, paused: bool) -> bool:
    return stand.state in ("live", "closing") if paused else stand.state == "paused"


def _tell_prefect(settings: Settings, database: Engine) -> str:
    """Our database decides; Prefect learns of it now, or else with the next run of any journey."""
    from flows.pauses import mirror_pauses_now
    from flows.prefect_server import find_server, healthy, speaking_to

    try:
        url = find_server(settings)
    except UserError:
        return ""
    if not healthy(url):
        return "; Prefect did not answer and will learn of it later"
    with speaking_to(settings, url):
        asyncio.run(mirror_pauses_now(database))
    return ", in Prefect too"
