"""The deploy driver against a real Prefect server and our own database."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from prefect.client.orchestration import PrefectClient, get_client
from prefect.exceptions import ObjectNotFound

from flows.deployer import Choices, Deploy, Line
from flows.pauses import mirror_pauses
from flows.prefect_yaml import write
from flows.reconciler import Known, clear_leftovers, ensure_work_pool, read_known
from flows.standing import read_stands
from vefa.database import reading, writing
from vefa.engine.plans import set_state
from vefa.plan.plans import Plan, Runs
from vefa.plan.project import load_project
from vefa.settings import Settings

pytestmark = [
    pytest.mark.prefect,
    # Prefect's clients leave sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Git:
    """Of a whole project the driver reads its plans only."""

    plans: dict[str, Plan]


@dataclass
class Deployed:
    """A shop whose journeys can be deployed again and again."""

    settings: Settings
    database: sa.Engine

    def deploy(self, *plans: Plan) -> dict[str, Line]:
        git = Git({plan.journey: plan for plan in plans})
        work = Deploy(self.settings, git, self.database, Choices(), str(self.settings.root), NOW)
        return {line.journey: line for line in self.ask(work.run)}

    def ask(self, question: Any) -> Any:
        async def asked() -> Any:
            async with get_client() as client:
                return await question(client)

        return asyncio.run(asked())

    def known(self, journey: str) -> Known:
        found: Known = self.ask(read_known)[journey]
        return found

    def states(self) -> dict[str, str]:
        with reading(self.database) as connection:
            return {name: stand.state for name, stand in read_stands(connection).items()}

    def set_state(self, journey: str, state: Any) -> None:
        with writing(self.database) as connection:
            set_state(connection, journey, state, NOW)

    def mirror(self) -> Any:
        return self.ask(lambda client: mirror_pauses(client, self.database, NOW))

    def switch(self, journey: str, *, on: bool) -> None:
        known = self.known(journey)
        schedule = known.record.schedules[0].id
        self.ask(lambda client: client.update_deployment_schedule(known.id, schedule, active=on))

    def by_hand(self, journey: str, what: str) -> None:
        known = self.known(journey)
        self.ask(lambda client: getattr(client, what)(known.id))


@pytest.fixture
def shop(prefect_server: str, settings: Settings, sqlite_engine: sa.Engine) -> Iterator[Deployed]:
    yield (made := Deployed(settings, sqlite_engine))
    made.deploy()  # whatever is there leaves git
    gc.collect()  # what Prefect left is this test's, not the next one's


def test_a_deploy_creates_changes_and_removes_and_leaves_alone_what_is_right(shop: Deployed, plan: Any) -> None:
    shop.deploy(plan("stays"), plan("changes"), plan("leaves"))

    lines = shop.deploy(plan("stays"), plan("changes", runs=Runs(minutes=30)), plan("comes"))

    changes = {name: line.change for name, line in lines.items()}
    assert changes == {"stays": "unchanged", "changes": "changed", "comes": "new", "leaves": "removed"}
    assert set(shop.ask(read_known)) == {"stays", "changes", "comes"}
    assert shop.states() == {"stays": "live", "changes": "live", "comes": "live", "leaves": "gone"}


def test_a_changed_schedule_replaces_the_old_one(shop: Deployed, plan: Any) -> None:
    shop.deploy(plan())
    shop.deploy(plan(runs=Runs(minutes=30)))

    (schedule,) = shop.known("delivery-thank-you").record.schedules
    assert schedule.schedule.interval == timedelta(minutes=30)


def test_a_journey_that_left_git_leaves_no_run_behind(shop: Deployed, plan: Any) -> None:
    shop.deploy(plan())
    known = shop.known("delivery-thank-you")
    run = shop.ask(lambda client: client.create_flow_run_from_deployment(known.id))

    shop.deploy()

    with pytest.raises(ObjectNotFound):
        shop.ask(lambda client: client.read_flow_run(run.id))


def test_a_pause_by_hand_in_prefect_outlives_a_deploy(shop: Deployed, plan: Any) -> None:
    shop.deploy(plan())
    shop.by_hand("delivery-thank-you", "pause_deployment")

    lines = shop.deploy(plan(runs=Runs(minutes=30)))

    assert shop.known("delivery-thank-you").paused
    assert shop.states() == {"delivery-thank-you": "paused"}
    assert "kept paused" in lines["delivery-thank-you"].note


def test_a_schedule_switched_off_by_hand_stays_off(shop: Deployed, plan: Any) -> None:
    shop.deploy(plan())
    shop.switch("delivery-thank-you", on=False)

    shop.deploy(plan(description="New words."))

    assert shop.known("delivery-thank-you").inactive == {"every"}


def test_the_switch_of_the_schedule_pauses_the_journey_and_lets_it_go_on(shop: Deployed, plan: Any) -> None:
    """It is the switch that the UI shows beside a deployment."""
    shop.deploy(plan())
    shop.switch("delivery-thank-you", on=False)
    shop.mirror()
    assert shop.states() == {"delivery-thank-you": "paused"}
    shop.deploy(plan())

    shop.switch("delivery-thank-you", on=True)
    shop.mirror()

    assert shop.states() == {"delivery-thank-you": "live"}
    assert not shop.known("delivery-thank-you").paused


def test_resuming_in_the_database_switches_the_schedule_on_again(shop: Deployed, plan: Any) -> None:
    shop.deploy(plan())
    shop.switch("delivery-thank-you", on=False)
    shop.mirror()

    shop.set_state("delivery-thank-you", "live")
    shop.mirror()

    assert shop.known("delivery-thank-you").inactive == frozenset()


def test_a_pause_in_git_ends_when_git_says_so(shop: Deployed, plan: Any) -> None:
    shop.deploy(plan(status="paused"))
    assert shop.known("delivery-thank-you").paused

    shop.deploy(plan(status="live"))

    assert not shop.known("delivery-thank-you").paused
    assert shop.states() == {"delivery-thank-you": "live"}


def test_a_pause_in_prefect_reaches_the_database_and_so_does_its_end(shop: Deployed, plan: Any) -> None:
    shop.deploy(plan())
    shop.by_hand("delivery-thank-you", "pause_deployment")
    shop.mirror()
    assert shop.states() == {"delivery-thank-you": "paused"}

    shop.by_hand("delivery-thank-you", "resume_deployment")
    shop.mirror()

    assert shop.states() == {"delivery-thank-you": "live"}


def test_a_pause_in_the_database_reaches_prefect_and_so_does_its_end(shop: Deployed, plan: Any) -> None:
    shop.deploy(plan())
    shop.set_state("delivery-thank-you", "paused")
    shop.mirror()
    assert shop.known("delivery-thank-you").paused

    shop.set_state("delivery-thank-you", "live")
    shop.mirror()

    assert not shop.known("delivery-thank-you").paused


def test_a_closing_journey_that_was_paused_goes_back_to_closing(shop: Deployed, plan: Any) -> None:
    shop.deploy(plan(status="closing"))
    shop.by_hand("delivery-thank-you", "pause_deployment")
    shop.mirror()
    shop.by_hand("delivery-thank-you", "resume_deployment")
    shop.mirror()

    assert shop.states() == {"delivery-thank-you": "closing"}


def test_mirroring_again_does_nothing(shop: Deployed, plan: Any) -> None:
    shop.deploy(plan())
    shop.by_hand("delivery-thank-you", "pause_deployment")
    shop.mirror()

    assert shop.mirror() == {}


def test_runs_that_died_with_their_machine_do_not_hold_the_journey(shop: Deployed, plan: Any) -> None:
    from prefect.states import Running

    shop.deploy(plan())
    known = shop.known("delivery-thank-you")

    async def left_running(client: PrefectClient) -> Any:
        run = await client.create_flow_run_from_deployment(known.id, idempotency_key=str(uuid4()))
        await client.set_flow_run_state(run.id, Running(), force=True)
        await clear_leftovers(client, [known], NOW)
        return await client.read_flow_run(run.id)

    assert shop.ask(left_running).state.is_crashed()


def test_prefects_own_deploy_makes_the_same_deployments(
    shop: Deployed, prefect_server: str, example_root: Path
) -> None:
    project = load_project(example_root, shop.settings)
    write(example_root, {"win-back": project.plans["win-back"]}, shop.settings.shop.zone)
    shop.ask(ensure_work_pool)
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    environment = os.environ | {"PREFECT_API_URL": prefect_server, "VEFA_ROOT": str(example_root)}
    subprocess.run(command, cwd=example_root, env=environment, check=True, capture_output=True)

    line = shop.deploy(project.plans["win-back"])["win-back"]

    assert line.change == "unchanged"
