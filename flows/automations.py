"""What the Prefect server does by itself for our runs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from flows.deployments import RUN_ENVIRONMENT, TAG

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

DEAD_RUNS = "vefa: a run whose process has died is marked as crashed"
#: A run that missed three of its signs of life is taken for dead.
SILENCE = 3 * timedelta(seconds=int(RUN_ENVIRONMENT["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]))


async def ensure_automations(client: PrefectClient) -> None:
    """A run that died together with its worker's machine would otherwise be shown as running for ever."""
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
    from prefect.events.schemas.events import ResourceSpecification

    wanted = AutomationCore(
        name=DEAD_RUNS,
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.*"},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification({"prefect.resource.id": f"prefect.tag.{TAG}"}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=SILENCE,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message="Its process has died.")],
    )
    if not await client.read_automations_by_name(DEAD_RUNS):
        await client.create_automation(wanted)
