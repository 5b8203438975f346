"""A journey's run that shares a large step out, on a real Prefect server and on PostgreSQL."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from prefect import State, flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import StateType
from prefect.states import Cancelled, Cancelling, Crashed, Running

from flows.deliver import deliver
from flows.deployer import Choices, Deploy
from flows.deployments import DELIVER, HOUSE
from flows.journey import journey_flow
from flows.reconciler import read_known
from flows.subjects import read_subject
from tasks import shards as shard_tasks
from tasks.shards import heed, start_shards
from tasks.steps import Progress, unseen
from tests.acceptance.small_shop import KEY, NOON, Books, fill, write_files
from vefa.channels.fakes.sendgrid import FakeSendGrid
from vefa.clock import stopped_at
from vefa.database import writing
from vefa.engine.lease import make_owner
from vefa.engine.plans import set_state
from vefa.engine.shop import open_shop
from vefa.engine.tick import Tick
from vefa.ledger import claims
from vefa.plan.codec import plan_hash
from vefa.plan.project import load_project
from vefa.settings import Settings, load_settings
from vefa.store import open_store

pytestmark = [
    pytest.mark.prefect,
    # Prefect's clients leave sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
]
JOURNEY, PEOPLE, SIZE = "offers", 40, 5
FILE = """\
name: Offers
owner: care@ornek.example
purpose: commercial
trigger: {event: order.placed}
steps:
  - email: offer
    id: offer
    subject: {en: "Something that goes with it"}
"""


@dataclass
class Shop:
    """A deployed shop whose customers have just ordered, and its provider."""

    settings: Settings
    database: sa.Engine
    books: Books

    def run(self) -> State[Any]:
        walk: Any = journey_flow(read_subject(JOURNEY, self.settings))
        state: State[Any] = asyncio.run(walk(now=NOON, return_state=True))
        return state

    def deploy(self) -> None:
        project = load_project(self.settings.root, self.settings)
        work = Deploy(self.settings, project, self.database, Choices(), str(self.settings.root), NOON)
        self.ask(work.run)

    def ask(self, question: Callable[[Any], Any]) -> Any:
        async def asked() -> Any:
            async with get_client() as client:
                return await question(client)

        return asyncio.run(asked())

    def shards(self) -> list[Any]:
        """The shard runs that Prefect knows of, in the order in which they were made."""
        known = self.ask(lambda client: read_known(client, HOUSE)).get(DELIVER)
        if known is None:
            return []
        of = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[known.id]))
        return sorted(self.ask(lambda client: client.read_flow_runs(flow_run_filter=of)), key=lambda run: run.created)


@pytest.fixture
def shop(
    prefect_server: str,
    shop_root: Path,
    new_postgresql: Callable[[str | None], str],
    _postgresql_template: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Shop]:
    monkeypatch.setattr(claims, "BATCH", SIZE)
    monkeypatch.setattr(shard_tasks, "LOOK_SECONDS", 0.1)
    write_files(shop_root, **{f"journeys/{JOURNEY}.yaml": FILE})
    (shop_root / "journeys" / "order-news.yaml").unlink()
    with FakeSendGrid(whole=False) as provider:
        given = {
            "VEFA_ROOT": str(shop_root),
            "VEFA_DATABASE_URL": new_postgresql(_postgresql_template),
            "VEFA_DELIVERY__SHARDS": "3",
            "VEFA_DELIVERY__SHARD_FROM_BATCHES": "2",
            "VEFA_CHANNELS__EMAIL": "sendgrid",
            "VEFA_SENDGRID_BASE_URL": provider.url,
            "VEFA_SENDGRID_API_KEY": KEY,
            "VEFA_SECRET_KEY": "a secret of tests only, long enough to sign with",
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        settings = load_settings()
        database = open_store(settings)
        fill(database, PEOPLE)
        made = Shop(settings, database, Books(database, provider))
        made.deploy()
        yield made
        (shop_root / "journeys" / f"{JOURNEY}.yaml").unlink()
        made.deploy()  # whatever is there leaves git
        database.dispose()
        gc.collect()  # what Prefect left is this test's, not the next one's


def test_shards_that_no_worker_takes_are_called_off_and_the_run_delivers_everything(shop: Shop) -> None:
    state = shop.run()

    assert state.is_completed()
    assert f"{PEOPLE} sent" in str(state.message)
    assert shop.books.states() == {"sent": PEOPLE}
    assert [(run.name, run.state.type) for run in shop.shards()[-2:]] == [
        ("offers offer 2/3", StateType.CANCELLED),
        ("offers offer 3/3", StateType.CANCELLED),
    ]


def test_a_shard_bears_names_only_and_hangs_on_the_run_that_started_it(shop: Shop) -> None:
    state = shop.run()

    plan = load_project(shop.settings.root, shop.settings).plans[JOURNEY]
    run = shop.shards()[-1]
    parent = shop.ask(lambda client: client.read_task_run(run.parent_task_run_id))
    assert run.parameters == {"journey": JOURNEY, "plan": plan_hash(plan), "step": "offer", "now": NOON.isoformat()}
    assert {"vefa", JOURNEY} <= set(run.tags)
    assert parent.flow_run_id == state.state_details.flow_run_id


def test_a_step_that_is_tried_again_starts_no_shard_twice(shop: Shop) -> None:
    opened = open_shop(shop.settings, database=shop.database, clock=stopped_at(NOON))
    tick = Tick.begin(opened, JOURNEY, clock=stopped_at(NOON), owner=make_owner())
    tick.enter()
    (step,) = tick.steps()
    before = len(shop.shards())

    @flow
    async def tried_twice() -> list[Any]:
        states = [await start_shards(unseen(tick), step, f"{DELIVER}/vefa", NOON) for _ in range(2)]
        return [await state.aresult() for state in states]

    first, second = asyncio.run(tried_twice())
    tick.abandon()

    assert first == second
    assert len(shop.shards()) == before + 2


def test_a_shard_delivers_what_waits_and_says_so(shop: Shop) -> None:
    opened = open_shop(shop.settings, database=shop.database, clock=stopped_at(NOON))
    tick = Tick.begin(opened, JOURNEY, clock=stopped_at(NOON), owner=make_owner())
    tick.enter()
    (step,) = tick.steps()
    tick.queue(step)

    state: Any = asyncio.run(deliver(JOURNEY, step.plan_hash, step.key, now=NOON, return_state=True))
    tick.take_in(step)

    assert state.message == f"{PEOPLE} handled, {PEOPLE} sent"
    assert shop.books.states() == {"sent": PEOPLE}
    assert tick.finish().sent == PEOPLE


def test_a_shard_of_a_paused_journey_delivers_nothing(shop: Shop) -> None:
    opened = open_shop(shop.settings, database=shop.database, clock=stopped_at(NOON))
    tick = Tick.begin(opened, JOURNEY, clock=stopped_at(NOON), owner=make_owner())
    tick.enter()
    (step,) = tick.steps()
    tick.queue(step)
    with writing(shop.database) as connection:
        set_state(connection, JOURNEY, "paused", NOON)

    state: Any = asyncio.run(deliver(JOURNEY, step.plan_hash, step.key, now=NOON, return_state=True))
    tick.abandon()

    assert state.message == "nothing was due"
    assert shop.books.states() == {"queued": PEOPLE}


@pytest.mark.parametrize(("end", "stops"), [(Cancelling(), True), (Cancelled(), True), (Crashed(), False)])
def test_a_shard_stops_when_the_run_that_called_it_is_cancelled_and_not_when_it_dies(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, end: State[Any], stops: bool
) -> None:
    monkeypatch.setattr(shard_tasks, "HEED_SECONDS", 0.05)
    progress = Progress()

    async def heeded(client: Any) -> None:
        caller = await client.create_flow_run(deliver)
        await client.set_flow_run_state(caller.id, end, force=True)
        with suppress(TimeoutError):
            await asyncio.wait_for(heed(caller.id, progress), 1)

    shop.ask(heeded)

    assert progress.stop.is_set() == stops


def test_a_shard_that_never_ends_does_not_hold_the_run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its machine is gone, and Prefect still calls it running."""
    monkeypatch.setattr(shard_tasks, "WAIT", timedelta(seconds=1))

    async def begun(*given: Any) -> Any:
        run = await start(*given)
        async with get_client() as client:
            await client.set_flow_run_state(run, Running(), force=True)
        return run

    start = shard_tasks._start
    monkeypatch.setattr(shard_tasks, "_start", begun)

    state = shop.run()

    assert state.is_completed()
    assert shop.books.states() == {"sent": PEOPLE}


def test_a_server_without_the_deployment_of_shards_changes_nothing(shop: Shop) -> None:
    known = shop.ask(lambda client: read_known(client, HOUSE))[DELIVER]
    shop.ask(lambda client: client.delete_deployment(known.id))

    state = shop.run()

    assert state.is_completed()
    assert shop.books.states() == {"sent": PEOPLE}
