"""`vefa up`: a Prefect server, the journeys deployed to it, and a worker that runs them; all of it until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.deployments import HOUSE, WORK_POOL
from vefa.clock import system_clock
from vefa.errors import StoreError, UserError, VefaError

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from flows.deployer import Line
    from flows.processes import Child
    from vefa.plan.project import Project
    from vefa.settings import Settings

HOST = "127.0.0.1"
SERVER_LOG, WORKER_LOG = "prefect-server.log", "prefect-worker.log"
#: A first start makes Prefect's tables; on a slow machine that takes its time.
START_SECONDS = 120.0
#: How soon a pause in the Prefect UI reaches the database (rule 22 allows 30 s).
MIRROR_SECONDS = 10.0


def up(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="The port of the Prefect UI.")] = 4200,
    workers: Annotated[int, typer.Option(help="How many journeys may run at one time.", min=1)] = 2,
) -> None:
    """Run everything on this machine: Prefect with its UI, all journeys, and a worker. Ctrl-C ends it."""
    from flows.deploy import checked_project, settings_of
    from flows.prefect_server import left_behind, running_server
    from flows.processes import stoppable

    settings = settings_of(context)
    project = checked_project(settings)
    if running_server(settings) is not None:
        raise UserError(left_behind(settings))
    if _taken(port):
        raise UserError(
            f"Port {port} is taken by another program. Choose one with `vefa up --port {port + 1}`; to deploy to a "
            f"Prefect server that runs there, use `PREFECT_API_URL=http://{HOST}:{port}/api vefa deploy`."
        )
    with stoppable():
        House(settings, project, port, workers).live()
    typer.echo("Stopped.")


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


@dataclass
class House:
    """The server, the worker, and what they need."""

    settings: Settings
    project: Project
    port: int
    workers: int
    children: list[Child] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The server's API."""
        return f"http://{HOST}:{self.port}/api"

    def live(self) -> None:
        """From the first process to the last."""
        from flows.prefect_server import note_server, speaking_to
        from flows.processes import stop
        from vefa.store import open_store

        database = open_store(self.settings)
        for name in (SERVER_LOG, WORKER_LOG):
            self._log(name).unlink(missing_ok=True)
        try:
            self._start_server()
            self._note()
            with speaking_to(self.settings, self.url):
                lines = asyncio.run(self._deploy(database))
                self.children.append(self._start_worker())
                self._note()
                self._greet(lines)
                self._watch(database)
        finally:
            note_server(self.settings, None)
            stop(self.children)
            database.dispose()

    def _start_server(self) -> None:
        from flows.prefect_server import healthy
        from flows.processes import start

        typer.echo("Starting Prefect …")
        environment = self._environment() | {
            "PREFECT_SERVER_API_HOST": HOST,
            "PREFECT_SERVER_API_PORT": str(self.port),
            "PREFECT_UI_API_URL": self.url,
            # A run that died with its machine must not hold its journey's slot for ever.
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
            "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        }
        del environment["PREFECT_API_URL"]
        server = start(
            "Prefect",
            ["prefect", "server", "start"],
            environment,
            self.settings.root,
            self._log(SERVER_LOG),
        )
        self.children.append(server)
        deadline = time.monotonic() + START_SECONDS
        while not healthy(self.url, timeout=2.0):
            if not server.alive or time.monotonic() > deadline:
                raise VefaError(f"Prefect did not start; {server.log} says:\n\n{server.tail()}")
            time.sleep(0.25)

    def _start_worker(self) -> Child:
        from flows.processes import start

        command = ["prefect", "worker", "start", "--pool", WORK_POOL, "--type", "process", "--name", "vefa-up"]
        return start(
            "worker",
            [*command, "--limit", str(self.workers)],
            self._environment() | {"PREFECT_WORKER_QUERY_SECONDS": "2"},
            self.settings.root,
            self._log(WORKER_LOG),
        )

    def _note(self) -> None:
        from flows.prefect_server import note_server

        note_server(self.settings, self.url, [child.process.pid for child in self.children])

    def _environment(self) -> dict[str, str]:
        from flows.prefect_server import quiet

        return {**os.environ, **quiet(self.settings), "PREFECT_API_URL": self.url}

    def _log(self, name: str) -> Path:
        return self.settings.var / "log" / name

    async def _deploy(self, database: Engine) -> tuple[Line, ...]:
        from prefect.client.orchestration import get_client

        from flows.deployer import Choices, Deploy
        from flows.reconciler import clear_leftovers, read_known

        root = str(self.settings.root.resolve())
        work = Deploy(self.settings, self.project, database, Choices(), root, system_clock())
        async with get_client() as client:
            # Nothing works for this server yet, so whatever it believes to run died with the last `vefa up`.
            known = {**await read_known(client), **await read_known(client, HOUSE)}
            await clear_leftovers(client, tuple(known.values()), work.now)
            return await work.run(client)

    def _greet(self, lines: tuple[Line, ...]) -> None:
        from flows.deploy import show

        typer.echo(f"\nPrefect UI: http://{HOST}:{self.port}    logs: {self.settings.var / 'log'}\n")
        show(lines, self.settings)
        typer.echo("\nCtrl-C stops everything; the next start makes good what was missed.")

    def _watch(self, database: Engine) -> None:
        """Until somebody stops us: pauses are mirrored, a worker that ended is replaced."""
        while True:
            time.sleep(MIRROR_SECONDS)
            server, worker = self.children
            if not server.alive:
                raise VefaError(f"Prefect ended by itself; {server.log} says:\n\n{server.tail()}")
            if not worker.alive:
                typer.echo(f"The worker ended by itself and is started again; see {worker.log}.")
                self.children[1] = self._start_worker()
            self._mirror(database)

    def _mirror(self, database: Engine) -> None:
        from flows.pauses import mirror_pauses_now

        try:
            moves = asyncio.run(mirror_pauses_now(database))
        except (OSError, StoreError) as error:
            typer.echo(f"Pauses could not be compared ({error}); trying again.")
            return
        for journey, move in moves.items():
            typer.echo(f"{journey} is {move.state} now, in Prefect and in the database.")
