"""Journeys that fare badly stop by themselves: a real Prefect server, its automations, and our own database."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from prefect import State
from prefect.client.orchestration import get_client
from prefect.states import Crashed, Failed

from flows.automations import OURS
from flows.deployer import Choices, Deploy
from flows.deployments import CONSENT, DELIVER, HOUSE, INCIDENT, LOYALTY, RECOMMENDATIONS
from flows.incident import incident
from flows.journey import journey_flow
from flows.pause import switch
from flows.pauses import mirror_pauses
from flows.reconciler import read_known
from flows.standing import read_stands
from flows.subjects import read_subject
from tests.engine.vital_rows import report, send
from vefa.database import reading
from vefa.engine.tables import incidents
from vefa.plan.project import load_project
from vefa.settings import Settings
from vefa.store import open_store

pytestmark = [
    pytest.mark.prefect,
    # Prefect's clients leave sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
]
JOURNEY = "win-back"
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)


@dataclass
class Watched:
    """The example shop, deployed."""

    settings: Settings
    database: sa.Engine

    def deploy(self) -> None:
        project = load_project(self.settings.root, self.settings)
        work = Deploy(self.settings, project, self.database, Choices(), str(self.settings.root), NOW)
        self.ask(work.run)

    def ask(self, question: Any) -> Any:
        async def asked() -> Any:
            async with get_client() as client:
                return await question(client)

        return asyncio.run(asked())

    def run(self, journey: str = JOURNEY) -> State[Any]:
        walk: Any = journey_flow(read_subject(journey, self.settings))
        state: State[Any] = asyncio.run(walk(now=NOW, return_state=True))
        return state

    def state(self) -> str:
        with reading(self.database) as connection:
            return read_stands(connection)[JOURNEY].state

    def kinds(self) -> list[str]:
        with reading(self.database) as connection:
            return list(connection.scalars(sa.select(incidents.c.kind)))

    def letters(self) -> list[str]:
        """What owners were told, from the outbox."""
        folder = self.settings.var / "outbox" / "email" / "other"
        return [path.read_text(encoding="utf-8") for path in sorted(folder.glob("incident-*"))]

    def is_paused_in_prefect(self) -> bool:
        return bool(self.ask(read_known)[JOURNEY].record.paused)

    def automations(self) -> set[str]:
        return {each.name for each in self.ask(lambda client: client.read_automations()) if each.name.startswith(OURS)}


@pytest.fixture
def shop(
    prefect_server: str, settings: Settings, example_root: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watched]:
    monkeypatch.setenv("VEFA_ROOT", str(example_root))
    database = open_store(settings)
    made = Watched(settings, database)
    made.deploy()
    yield made
    for path in (settings.root / "journeys").glob("*.yaml"):
        path.unlink()
    made.deploy()  # whatever is there leaves git
    database.dispose()
    gc.collect()  # what Prefect left is this test's, not the next one's


def until(question: Callable[[], Any]) -> Any:
    """Asked again until it is so; Prefect's server reacts to events a moment later."""
    deadline = time.monotonic() + 60
    while not (answer := question()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer


def test_automations_come_and_go_with_their_journeys(shop: Watched) -> None:
    before = shop.automations()
    (shop.settings.root / "journeys" / f"{JOURNEY}.yaml").unlink()
    shop.deploy()

    gone = before - shop.automations()

    assert gone == {
        f"{OURS}{JOURNEY} is paused when it is unwell",
        f"{OURS}{JOURNEY} is paused when two of its runs fail",
    }
    assert set(shop.ask(lambda client: read_known(client, HOUSE))) == {
        "vefa-housekeeping",
        INCIDENT,
        DELIVER,
        CONSENT,
        RECOMMENDATIONS,
        LOYALTY,
    }


def test_bounces_pause_a_journey_in_both_places_and_its_owner_is_told_once(shop: Watched) -> None:
    report(shop.database, send(shop.database, 300, journey=JOURNEY)[:30], "bounced", NOW)

    first = shop.run()
    paused = until(shop.is_paused_in_prefect)
    second = shop.run()

    assert first.is_completed()
    assert second.is_completed()
    assert (shop.state(), paused, shop.kinds()) == ("paused", True, ["bounces"])
    (letter,) = shop.letters()
    assert "vefa resume win-back" in letter


def test_a_journey_that_stopped_by_itself_goes_on_when_it_is_resumed(shop: Watched) -> None:
    report(shop.database, send(shop.database, 300, journey=JOURNEY)[:30], "bounced", NOW)
    shop.run()
    until(shop.is_paused_in_prefect)

    switch(shop.database, [JOURNEY], paused=False)
    shop.ask(lambda client: mirror_pauses(client, shop.database, NOW))

    assert (shop.state(), shop.is_paused_in_prefect()) == ("live", False)


def test_a_run_that_fails_twice_pauses_its_journey(shop: Watched) -> None:
    (shop.settings.root / "config" / "policy.yaml").write_text("commercial: [", encoding="utf-8")
    (shop.settings.root / "config" / "brand.yaml").write_text("name: [", encoding="utf-8")
    send(shop.database, 1, journey=JOURNEY)
    before = shop.run(), shop.state()
    after = shop.run(), shop.state()

    assert (before[0].is_failed(), before[1]) == (True, "live")
    assert (after[0].is_failed(), after[1]) == (True, "paused")
    assert until(shop.is_paused_in_prefect)


def test_runs_that_are_killed_twice_pause_their_journey(shop: Watched) -> None:
    """Whatever ends a run, Prefect sees it; the automation pauses, and calls the flow that tells the owner."""
    known = shop.ask(read_known)[JOURNEY].id
    for state in (Crashed(), Failed()):
        made = shop.ask(lambda client: client.create_flow_run_from_deployment(known))
        shop.ask(lambda client, run=made, end=state: client.set_flow_run_state(run.id, end, force=True))

    assert until(shop.is_paused_in_prefect)
    called = until(lambda: _runs_of_incident(shop))
    assert called[0].parameters == {"journey": JOURNEY}

    state = asyncio.run(incident(JOURNEY, return_state=True))  # as a worker would

    assert state.message == "win-back is paused: 2 runs failed one after the other"
    assert (shop.state(), shop.kinds(), len(shop.letters())) == ("paused", ["failed runs"], 1)


def _runs_of_incident(shop: Watched) -> list[Any]:
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId

    found = shop.ask(lambda client: read_known(client, HOUSE))[INCIDENT].id
    of = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[found]))
    runs: list[Any] = shop.ask(lambda client: client.read_flow_runs(flow_run_filter=of))
    return runs
