"""A large sending on several machines, one of which loses its power in the middle; then the next run makes good."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId, FlowRunFilterState
from prefect.client.schemas.filters import FlowRunFilterStateType as OfType
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed

from flows.deployer import Choices, Deploy
from flows.deployments import DELIVER, HOUSE, WORK_POOL
from flows.reconciler import read_known
from tests.acceptance.small_shop import BODY, KEY, NOON, fill, write_files
from tests.machines.fleet import Machine, fleet, peak_of, until
from vefa.channels.fakes.behaviours import Asked, Hang
from vefa.channels.fakes.sendgrid import FakeSendGrid
from vefa.database import reading, writing
from vefa.engine.tables import enrolments, incidents, journeys
from vefa.ledger.tables import batches, sends
from vefa.plan.project import load_project
from vefa.settings import load_settings
from vefa.store import open_store

b, s = batches.c, sends.c
JOURNEY = "offers"
#: Seconds in which the provider answers until all machines are at work: nobody is done before the last one begins.
UNHURRIED = 5.0
FILES = {
    f"journeys/{JOURNEY}.yaml": """\
name: Offers
owner: care@ornek.example
purpose: commercial
runs: every day at "04:00"
trigger: {event: order.placed}
steps:
  - email: offer
    id: offer
    subject: {en: "Something that goes with it, {{ customer.first_name }}"}
""",
    "journeys/templates/offer.en.html": BODY,
    "config/settings.yaml": """\
shop: {{name: Test, zone: Europe/Istanbul, locales: [en]}}
channels: {{email: sendgrid}}
database_url: "{database_url}"
sendgrid_base_url: {provider}
sends_in_flight: {in_flight}
delivery: {{shards: {machines}, shard_from_batches: 2}}
""",
}


@dataclass(frozen=True)
class Plot:
    """How large it is, and how slow the provider."""

    people: int
    machines: int = 3
    in_flight: int = 1
    answer_seconds: float = 0.5
    #: Whether the dead run is marked as crashed at once, as the automation does after 90 seconds of silence.
    marked_at_once: bool = True


@dataclass
class Figures:
    """What came of it."""

    seconds: dict[str, float] = field(default_factory=dict)
    sent_by: dict[str, int] = field(default_factory=dict)
    #: most memory that each run, and each worker beside it, has held
    peak_mb: dict[str, int] = field(default_factory=dict)
    died: str = ""
    claimed_by_the_dead: int = 0
    said: list[str] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)
    enrolments: dict[str, int] = field(default_factory=dict)
    taken: int = 0
    taken_twice: int = 0
    requests: int = 0
    doubtful_and_taken: int = 0
    journey: str = ""
    incidents: list[str] = field(default_factory=list)


@dataclass
class Story:
    """The shop, its provider and its machines."""

    plot: Plot
    database: sa.Engine
    provider: FakeSendGrid
    machines: list[Machine]
    figures: Figures = field(default_factory=Figures)
    homes: dict[str, str] = field(default_factory=dict)

    def tell(self) -> Figures:
        """From the first run to the second."""
        begun = time.monotonic()
        parent = self._run()
        shards = until(self._all_at_work, "all machines at work", 0.05)
        self._answer_in(self.plot.answer_seconds)
        self._lose_one(shards)
        self._await(parent)
        self.figures.seconds["first run"] = time.monotonic() - begun
        self.figures.sent_by = self._sent_by()
        self._let_leases_lapse()
        begun = time.monotonic()
        self._await(self._run())
        self.figures.seconds["second run"] = time.monotonic() - begun
        return self._judge()

    def _answer_in(self, seconds: float) -> None:
        def slow(asked: Asked) -> Hang:
            return Hang(seconds)

        self.provider.script.clear()
        self.provider.script.rule(slow)

    def _run(self) -> Any:
        async def made(client: Any) -> Any:
            known = (await read_known(client))[JOURNEY]
            return await client.create_flow_run_from_deployment(known.id, parameters={"now": NOON.isoformat()})

        return ask(made).id

    def _await(self, run: Any) -> None:
        state = until(lambda: self._final(run), "a run's end")
        self.figures.said.append(f"{state.name}: {state.message}")

    def _final(self, run: Any) -> Any:
        self._weigh()
        state = ask(lambda client: client.read_flow_run(run)).state
        return state if state.is_final() else None

    def _all_at_work(self) -> list[str] | None:
        """The shards, by owner, once every machine has claimed something."""
        with reading(self.database) as connection:
            owners = set(connection.scalars(sa.select(b.owner).where(b.claimed_at.is_not(None))))
            lead = connection.scalar(sa.select(journeys.c.lease_owner))
        if len(owners) < self.plot.machines:
            return None
        self.homes = {each: self._home(each).name for each in owners}
        return sorted(owners - {lead})

    def _home(self, owner: str) -> Machine:
        """The machine on which the run works: its process tells."""
        pid = int(owner.split(":")[1])
        return next(each for each in self.machines if each.runs(pid))

    def _lose_one(self, shards: list[str]) -> None:
        """A shard's machine, in the moment in which it waits for the provider's answer."""
        victim = until(lambda: next((each for each in shards if self._claimed(each)), None), "a claim", 0.01)
        machine = self._home(victim)
        machine.kill()
        self.figures.died, self.figures.claimed_by_the_dead = machine.name, self._claimed(victim)
        if self.plot.marked_at_once:
            ask(self._mark_dead)

    async def _mark_dead(self, client: Any) -> None:
        """The run of the dead machine is the only one of all that has no process any more."""
        alive = b"".join(_environments())
        known = (await read_known(client, HOUSE))[DELIVER]
        running = FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[known.id]),
            state=FlowRunFilterState(type=OfType(any_=[StateType.RUNNING])),
        )
        for run in await client.read_flow_runs(flow_run_filter=running):
            if str(run.id).encode() not in alive:
                await client.set_flow_run_state(run.id, Crashed(message="Its process has died."), force=True)

    def _weigh(self) -> None:
        held = {f"run on {name}": int(owner.split(":")[1]) for owner, name in self.homes.items()}
        held |= {f"worker of {each.name}": each.process.pid for each in self.machines}
        for what, pid in held.items():
            if (peak := peak_of(pid)) is not None:
                self.figures.peak_mb[what] = peak

    def _claimed(self, owner: str) -> int:
        theirs = sa.select(b.id).where(b.owner == owner)
        which = sa.and_(s.batch_id.in_(theirs), s.state == "claimed")
        with reading(self.database) as connection:
            return connection.scalar(sa.select(sa.func.count()).where(which)) or 0

    def _sent_by(self) -> dict[str, int]:
        """How many the run on each machine has sent."""
        query = sa.select(b.owner, sa.func.count()).join_from(sends, batches, b.id == s.batch_id)
        with reading(self.database) as connection:
            rows = connection.execute(query.where(s.state == "sent").group_by(b.owner)).all()
        return {self.homes[owner]: count for owner, count in sorted(rows, key=lambda row: self.homes[row.owner])}

    def _let_leases_lapse(self) -> None:
        """Ten minutes go by on the wall clock."""
        held = sa.update(batches).where(b.settled_at.is_(None), b.owner.is_not(None))
        with writing(self.database) as connection:
            connection.execute(held.values(lease_until=NOON))

    def _judge(self) -> Figures:
        figures = self.figures
        # The owner of a journey that was paused by itself is written to as well.
        refs = [ref for ref in self.provider.send_ids if not ref.startswith("incident")]
        taken = Counter(int(ref.partition(".")[0]) for ref in refs)
        with reading(self.database) as connection:
            rows = connection.execute(sa.select(s.id, s.state)).all()
            figures.enrolments = dict(Counter(connection.scalars(sa.select(enrolments.c.state))))
            figures.incidents = list(connection.scalars(sa.select(incidents.c.kind)))
            figures.journey = connection.scalar(sa.select(journeys.c.state)) or ""
        figures.states = dict(Counter(state for _, state in rows))
        figures.taken, figures.requests = len(taken), self.provider.requests
        figures.taken_twice = sum(number > 1 for number in taken.values())
        figures.doubtful_and_taken = sum(state == "unknown" and number in taken for number, state in rows)
        lost = [number for number, state in rows if state == "sent" and number not in taken]
        assert not lost, f"called sent and never taken: {lost}"
        return figures


def tell_story(plot: Plot, root: Path, database_url: str, prefect_url: str) -> Figures:
    """The whole story in a folder of its own, on an empty database and on a Prefect server that others may use."""
    with FakeSendGrid(whole=False) as provider:
        given = {
            "database_url": database_url,
            "provider": provider.url,
            "in_flight": plot.in_flight,
            "machines": plot.machines,
        }
        settings = FILES["config/settings.yaml"].format(**given)
        write_files(root, **(FILES | {"config/settings.yaml": settings}))
        (root / "journeys" / "order-news.yaml").unlink()
        database = open_store(load_settings(root))
        try:
            fill(database, plot.people)
            _deploy(root, database)
            ask(_clear)
            with fleet(plot.machines, root, _environment(root, prefect_url)) as machines:
                until(lambda: len(ask(_online)) >= plot.machines, "machines online")
                story = Story(plot, database, provider, machines)
                story._answer_in(UNHURRIED)
                return story.tell()
        finally:
            for path in (root / "journeys").glob("*.yaml"):
                path.unlink()
            _deploy(root, database)  # whatever is there leaves git
            database.dispose()


def _deploy(root: Path, database: sa.Engine) -> None:
    settings = load_settings(root)
    work = Deploy(settings, load_project(root, settings), database, Choices(), str(root), NOON)
    ask(work.run)


def _environment(root: Path, prefect_url: str) -> Mapping[str, str]:
    return {
        "PREFECT_API_URL": prefect_url,
        "VEFA_ROOT": str(root),
        "VEFA_SENDGRID_API_KEY": KEY,
        "VEFA_SECRET_KEY": "a secret of tests only, long enough to sign with",
    }


async def _clear(client: Any) -> None:
    """Whatever others have left on the server for workers to do."""
    waiting = FlowRunFilter(state=FlowRunFilterState(type=OfType(any_=[StateType.SCHEDULED])))
    for run in await client.read_flow_runs(flow_run_filter=waiting):
        await client.delete_flow_run(run.id)


async def _online(client: Any) -> list[Any]:
    workers = await client.read_workers_for_work_pool(WORK_POOL)
    return [each for each in workers if each.status == "ONLINE"]


def _environments() -> list[bytes]:
    """Of every process: a run's bears its id."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return found


def ask(question: Callable[[Any], Any]) -> Any:
    """A question to the Prefect server."""

    async def asked() -> Any:
        async with get_client() as client:
            return await question(client)

    return asyncio.run(asked())
