"""What the Prefect server does by itself for our runs and journeys: automations, made and removed by every deploy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flows.deployments import RUN_ENVIRONMENT, TAG, UNWELL, Deployment, resource
from flows.schedules import Daily
from vefa.engine.incidents import FAILURES

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.events.schemas.automations import Automation, AutomationCore

#: All of ours begin so; others are left alone.
OURS = "vefa: "
DEAD_RUNS = f"{OURS}a run whose process has died is marked as crashed"
#: A run that missed three of its signs of life is taken for dead.
SILENCE = 3 * timedelta(seconds=int(RUN_ENVIRONMENT["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]))
#: How far apart two failures of a journey may be, in its intervals: the next run, however late it begins.
APART = 2.5
PAGE = 200


@dataclass(frozen=True)
class Target:
    """A journey's deployment on the server."""

    wanted: Deployment
    id: UUID


async def ensure_automations(client: PrefectClient, targets: Mapping[str, Target], incident: UUID) -> None:
    """Exactly the automations that these deployments need; one that a person has switched off stays off."""
    known = {each.name: each for each in await _read(client)}
    wanted = {each.name: each for each in (_dead_runs(), *_for_journeys(targets, incident))}
    for name, automation in wanted.items():
        if name not in known:
            await client.create_automation(automation)
        elif known[name].description != automation.description:
            automation.enabled = known[name].enabled
            await client.update_automation(known[name].id, automation)
    for name in known.keys() - wanted.keys():
        await client.delete_automation(known[name].id)


async def _read(client: PrefectClient) -> list[Automation]:
    from prefect.client.schemas.sorting import AutomationSort

    found: list[Automation] = []
    while page := await client.read_automations(sort=AutomationSort.NAME_ASC, limit=PAGE, offset=len(found)):
        found += page
    return [each for each in found if each.name.startswith(OURS)]


def _dead_runs() -> AutomationCore:
    """A run that died together with its worker's machine would otherwise be shown as running for ever."""
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import EventTrigger, Posture
    from prefect.events.schemas.events import ResourceSpecification

    trigger = EventTrigger(
        after={"prefect.flow-run.heartbeat"},
        expect={"prefect.flow-run.*"},
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=ResourceSpecification({"prefect.resource.id": f"prefect.tag.{TAG}"}),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=SILENCE,
    )
    return _automation(DEAD_RUNS, trigger, ChangeFlowRunState(state=StateType.CRASHED, message="Its process has died."))


def _for_journeys(targets: Mapping[str, Target], incident: UUID) -> Iterator[AutomationCore]:
    for target in targets.values():
        yield _fails_twice(target, incident)
        yield _unwell(target)


def _fails_twice(target: Target, incident: UUID) -> AutomationCore:
    """Whatever ended the runs, their own code or a kill: the schedule stops at once, and a flow of ours pauses the
    journey in the database and tells its owner."""
    from prefect.events.actions import PauseDeployment, RunDeployment
    from prefect.events.schemas.automations import EventTrigger, Posture
    from prefect.events.schemas.events import ResourceSpecification

    role = {"prefect.resource.role": "deployment", "prefect.resource.id": f"prefect.deployment.{target.id}"}
    trigger = EventTrigger(
        expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed"},
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=ResourceSpecification(role),
        posture=Posture.Reactive,
        threshold=FAILURES,
        within=_apart(target.wanted),
    )
    journey = target.wanted.journey
    told = RunDeployment(deployment_id=incident, parameters={"journey": journey})
    name = f"{OURS}{journey} is paused when two of its runs fail"
    return _automation(name, trigger, PauseDeployment(deployment_id=target.id), told)


def _unwell(target: Target) -> AutomationCore:
    """The run has paused the journey in the database and told its owner already; this is the switch in Prefect."""
    from prefect.events.actions import PauseDeployment
    from prefect.events.schemas.automations import EventTrigger, Posture
    from prefect.events.schemas.events import ResourceSpecification

    journey = target.wanted.journey
    trigger = EventTrigger(
        expect={UNWELL},
        match=ResourceSpecification({"prefect.resource.id": resource(journey)}),
        posture=Posture.Reactive,
        threshold=1,
        within=timedelta(0),
    )
    return _automation(
        f"{OURS}{journey} is paused when it is unwell", trigger, PauseDeployment(deployment_id=target.id)
    )


def _apart(wanted: Deployment) -> timedelta:
    schedule = wanted.schedule
    interval = timedelta(days=1) if schedule is None or isinstance(schedule, Daily) else schedule.interval
    return interval * APART + timedelta(minutes=1)


def _automation(name: str, trigger: Any, *actions: Any) -> AutomationCore:
    """The description tells what it says, so that a deploy sees from it whether anything has changed."""
    from prefect.events.schemas.automations import AutomationCore

    said = (trigger.model_dump_json(exclude={"id"}), *(each.model_dump_json() for each in actions))
    version = blake2b("".join(sorted(said)).encode(), digest_size=6).hexdigest()
    return AutomationCore(
        name=name, description=f"Made by vefa deploy ({version}).", trigger=trigger, actions=[*actions]
    )
