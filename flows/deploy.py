"""`vefa deploy`: brings the journeys in git to the database and to Prefect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from vefa.errors import UserError

if TYPE_CHECKING:
    from flows.deployer import Choices, Deploy, Line
    from vefa.engine.plans import OnChange
    from vefa.plan.project import Project
    from vefa.settings import Settings

COLUMNS = ("journey", "change", "version", "state", "next run", "note")


def deploy(
    context: typer.Context,
    on_change: Annotated[
        list[str] | None,
        typer.Option(
            help="What becomes of customers inside a changed journey: migrate, finish_old or exit; "
            "for one journey, win-back=exit. May be given several times."
        ),
    ] = None,
    workers_folder: Annotated[
        str | None, typer.Option(help="Where workers on other machines find this project, if not here.")
    ] = None,
    write_only: Annotated[
        bool, typer.Option(help="Only check the journeys and write prefect.yaml; speak to nobody.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check every journey, then bring all of them to Prefect: new, changed and removed ones. Pauses are kept."""
    settings = settings_of(context)
    project = checked_project(settings)
    choices = read_choices(on_change or [], project)
    if _write_yaml(settings, project) and not as_json:
        typer.echo("prefect.yaml is new; commit it with the journeys.")
    lines = () if write_only else deploy_all(settings, project, choices, workers_folder)
    if as_json:
        typer.echo(json.dumps([_as_json(line) for line in lines], indent=2, ensure_ascii=False))
        return
    if not write_only:
        show(lines, settings)


def settings_of(context: typer.Context) -> Settings:
    """The settings of the shop that the command line names with --root, else those of the nearest one."""
    from vefa.cli.session import Session

    return (context.find_object(Session) or Session()).settings


def checked_project(settings: Settings) -> Project:
    """All journeys. Raises UserError with every mistake that `vefa check` finds, in any file."""
    from vefa.foresight.check import check
    from vefa.plan.project import load_project

    project = load_project(settings.root, settings)
    if errors := check(project, settings).errors:
        told = "\n\n".join(finding.render() for finding in errors)
        raise UserError(f"{told}\n\nNothing was deployed; `vefa check` tells more.")
    return project


def read_choices(words: list[str], project: Project) -> Choices:
    """`migrate` for all, `win-back=exit` for one."""
    from flows.deployer import ON_CHANGE, Choices

    given: dict[str, OnChange] = {}
    for word in words:
        journey, _, choice = word.rpartition("=")
        if choice not in ON_CHANGE:
            raise UserError(f'--on-change "{word}": say one of {", ".join(ON_CHANGE)}, or JOURNEY=one of them.')
        if journey and journey not in project.plans:
            raise UserError(f'--on-change "{word}": there is no journey "{journey}".')
        given[journey] = ON_CHANGE[choice]
    return Choices(given.pop("", None), given)


def deploy_all(
    settings: Settings, project: Project, choices: Choices, workers_folder: str | None = None
) -> tuple[Line, ...]:
    """The deploy itself, to the server that is found."""
    import asyncio

    from flows.deployer import Deploy
    from flows.prefect_server import find_server, speaking_to
    from vefa.clock import system_clock
    from vefa.store import open_store

    url = find_server(settings)
    database = open_store(settings)
    directory = workers_folder or str(settings.root.resolve())
    work = Deploy(settings, project, database, choices, directory, system_clock())
    try:
        with speaking_to(settings, url):
            return asyncio.run(_with_client(work, url))
    finally:
        database.dispose()


async def _with_client(work: Deploy, url: str) -> tuple[Line, ...]:
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        if (problem := await client.api_healthcheck()) is not None:
            raise UserError(f"The Prefect server at {url} does not answer: {problem}")
        return await work.run(client)


def show(lines: tuple[Line, ...], settings: Settings) -> None:
    """The deploy as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*COLUMNS, box=None, pad_edge=False, header_style="bold")
    for line in lines:
        when = f"{line.next_run.astimezone(settings.zone):%d %b %H:%M}" if line.next_run else ""
        table.add_row(line.journey, line.change, line.version, line.state, when, line.note)
    Console().print(table)


def _write_yaml(settings: Settings, project: Project) -> bool:
    from flows.prefect_yaml import write

    return write(settings.root, project.plans, settings.shop.zone)


def _as_json(line: Line) -> dict[str, str | None]:
    from dataclasses import asdict

    return {**asdict(line), "next_run": line.next_run.isoformat() if line.next_run else None}
