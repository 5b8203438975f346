"""Journeys as real flow runs, on a real Prefect server and a real shop of made-up customers."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from prefect import State
from prefect.client.orchestration import get_client
from pydantic import SecretStr

from flows.journey import journey_flow
from flows.subjects import read_subject
from vefa.channels.fakes.behaviours import Hang
from vefa.channels.fakes.sendgrid import FakeSendGrid
from vefa.crm.demo_shop import make_demo_shop
from vefa.database import reading, writing
from vefa.engine.lease import acquire, make_owner
from vefa.engine.plans import store_plan
from vefa.ledger.tables import sends
from vefa.plan.project import load_project
from vefa.settings import Channels, Settings
from vefa.store import open_store

pytestmark = [
    pytest.mark.prefect,
    # Prefect's clients leave sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
]
END = datetime(2026, 3, 1, 12, tzinfo=UTC)
START = END - timedelta(days=10)
JOURNEY = "order-thank-you"
ON_BOTH = pytest.mark.parametrize("shop", ["sqlite", "postgresql"], indirect=True)


@dataclass
class Shop:
    """A shop with orders until END, and its journeys as they come with the project."""

    settings: Settings
    database: sa.Engine

    def run(self, journey: str = JOURNEY, now: datetime = END) -> State[Any]:
        walk: Any = journey_flow(read_subject(journey, self.settings))
        state: State[Any] = asyncio.run(walk(now=now, return_state=True))
        return state

    def deploy(self, journey: str = JOURNEY, now: datetime = START) -> None:
        plan = load_project(self.settings.root, self.settings).plans[journey]
        with writing(self.database) as connection:
            store_plan(connection, plan, now)

    def break_file(self, journey: str = JOURNEY) -> None:
        path = self.settings.root / "journeys" / f"{journey}.yaml"
        path.write_text(path.read_text(encoding="utf-8").replace("steps:", "stepz:"), encoding="utf-8")

    def sent(self) -> int:
        with reading(self.database) as connection:
            return connection.scalar(sa.select(sa.func.count()).where(sends.c.state == "sent")) or 0


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with customers and orders, made once."""
    root = tmp_path_factory.mktemp("stocked")
    settings = Settings(root=root)
    database = open_store(settings)
    make_demo_shop(database, 300, 4, 7, settings, END)
    with database.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    return root / "var" / "vefa.db"


@pytest.fixture
def shop(
    request: pytest.FixtureRequest, prefect_server: str, example_root: Path, settings: Settings, stocked: Path
) -> Iterator[Shop]:
    """On SQLite, and where the test asks for it on PostgreSQL."""
    on_postgresql = getattr(request, "param", "sqlite") == "postgresql"
    if on_postgresql:
        url = request.getfixturevalue("new_postgresql")(None)
        settings = settings.model_copy(update={"database_url": url})
    else:
        (settings.var).mkdir(exist_ok=True)
        (settings.var / "vefa.db").write_bytes(stocked.read_bytes())
    database = open_store(settings)
    if on_postgresql:
        make_demo_shop(database, 300, 4, 7, settings, END)
    yield Shop(settings, database)
    database.dispose()
    gc.collect()  # what Prefect left is this test's, not the next one's


def ask(question: Any) -> Any:
    async def asked() -> Any:
        async with get_client() as client:
            return await question(client)

    return asyncio.run(asked())


def task_names(state: State[Any]) -> set[str]:
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    ours = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
    deadline = time.monotonic() + 10
    while True:  # task runs are written by events, a moment later
        runs = ask(lambda client: client.read_task_runs(flow_run_filter=ours))
        if (all(run.state and run.state.is_final() for run in runs) and len(runs) > 1) or time.monotonic() > deadline:
            return {run.name for run in runs}
        time.sleep(0.2)


def test_a_run_walks_the_journey_and_says_in_a_sentence_what_it_did(shop: Shop) -> None:
    shop.deploy()

    state = shop.run()

    assert state.is_completed()
    assert f"{shop.sent():,} sent" in str(state.message)
    assert shop.sent() > 0


@ON_BOTH
def test_each_step_with_work_is_a_task_run_of_its_name(shop: Shop) -> None:
    shop.deploy()
    plan = load_project(shop.settings.root, shop.settings).plans[JOURNEY]

    names = task_names(shop.run())

    assert "enter" in names
    assert names - {"enter"} <= {step.id for step in plan.steps}
    assert len(names) > 1


def test_the_runs_table_is_an_artifact(shop: Shop) -> None:
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    shop.deploy()
    state = shop.run()
    mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[state.state_details.flow_run_id]))

    (artifact,) = ask(lambda client: client.read_artifacts(artifact_filter=mine))

    assert artifact.key == f"{JOURNEY}-tick"
    assert '"step": "enter"' in artifact.data


@ON_BOTH
def test_a_run_twice_sends_nothing_twice(shop: Shop) -> None:
    shop.deploy()
    shop.run()
    before = shop.sent()

    shop.run()

    assert shop.sent() == before > 0


def test_a_journey_that_was_never_deployed_is_stored_first_and_does_not_reach_back(shop: Shop) -> None:
    state = shop.run()

    assert state.is_completed()
    assert shop.sent() == 0


def test_a_broken_file_fails_its_own_run_with_the_place_of_the_mistake(shop: Shop) -> None:
    shop.break_file()

    assert "stepz" in str(shop.run().message)
    assert shop.run().is_failed()
    assert shop.run("win-back").is_completed()


def test_a_deployed_journey_runs_on_while_its_file_is_broken(shop: Shop) -> None:
    shop.deploy()
    shop.break_file()

    assert shop.run().is_completed()
    assert shop.sent() > 0


def test_a_second_run_of_a_journey_does_nothing_and_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.journey.BETWEEN", 0.01)
    shop.deploy()
    acquire(shop.database, JOURNEY, f"another-machine:{os.getpid()}:1", datetime.now(UTC))

    state = shop.run()

    assert state.name == "Skipped"
    assert shop.sent() == 0


def test_a_paused_journey_runs_and_sends_nothing(shop: Shop) -> None:
    from vefa.engine.plans import set_state

    shop.deploy()
    with writing(shop.database) as connection:
        set_state(connection, JOURNEY, "paused", START)

    assert "paused" in str(shop.run().message)
    assert shop.sent() == 0


def test_an_error_gives_the_journey_back_for_the_next_run(shop: Shop) -> None:
    shop.deploy()
    (shop.settings.root / "config" / "brand.yaml").write_text("name: [", encoding="utf-8")
    assert shop.run().is_failed()

    acquire(shop.database, JOURNEY, make_owner(), datetime.now(UTC))  # raises JourneyBusy if it were still held


#: What a worker does: import the flow by its name, and run it.
RUN = f"import asyncio; from flows.compiled import {JOURNEY.replace('-', '_')} as walk; asyncio.run(walk(now='{END}'))"


def test_a_run_killed_in_the_middle_of_sending_is_made_good_by_the_next(shop: Shop, prefect_server: str) -> None:
    shop.deploy()
    with FakeSendGrid(whole=False) as sendgrid:
        sendgrid.script.rule(lambda asked: Hang(0.3))
        settings = {
            "channels": Channels(email="sendgrid"),
            "sendgrid_base_url": sendgrid.url,
            "sendgrid_api_key": SecretStr("SG.made-up"),
        }
        first = subprocess.Popen([sys.executable, "-c", RUN], env=environment(shop, sendgrid.url, prefect_server))
        while not sendgrid.send_ids and first.poll() is None:
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
        first.wait()
        after_the_kill = len(sendgrid.send_ids)
        sendgrid.script.clear()

        again = Shop(shop.settings.model_copy(update=settings), shop.database)
        assert again.run().is_completed()
        assert again.run(now=END + timedelta(hours=2)).is_completed()

    got = Counter(ref.partition(".")[0] for ref in sendgrid.send_ids)
    assert after_the_kill > 0
    assert set(sendgrid.send_ids) <= claimed(shop)
    assert len(set(sendgrid.send_ids)) == len(sendgrid.send_ids)
    assert max(got.values()) <= 2  # a message that must arrive goes a second time where the first is in doubt


def environment(shop: Shop, sendgrid: str, prefect: str) -> dict[str, str]:
    return os.environ | {
        "VEFA_ROOT": str(shop.settings.root),
        "VEFA_SECRET_KEY": shop.settings.secret_key.get_secret_value(),
        "VEFA_CHANNELS__EMAIL": "sendgrid",
        "VEFA_SENDGRID_BASE_URL": sendgrid,
        "VEFA_SENDGRID_API_KEY": "SG.made-up",
        "PREFECT_API_URL": prefect,
    }


def claimed(shop: Shop) -> set[str]:
    """Every attempt that the ledger knows of, by the name that it bears on the wire."""
    with reading(shop.database) as connection:
        rows = connection.execute(sa.select(sends.c.id, sends.c.attempt))
        return {f"{number}.{attempt}" for number, last in rows for attempt in range(1, last + 1)}
