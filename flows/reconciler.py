"""Makes a Prefect server have exactly the deployments that git has, without undoing what a person has paused.

Prefect's own `deploy --all` only adds, and un-pauses; this knows what is there, and changes the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from flows.deployments import JOURNEY, NAME, PAUSED_BY_HAND, PAUSED_IN_GIT, RUN_ENVIRONMENT, TAG, WORK_POOL, Deployment
from flows.schedules import Every, Schedule
from vefa.engine.plans import State

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.responses import DeploymentResponse

Change = Literal["new", "changed", "unchanged", "removed"]
PAGE = 100


@dataclass(frozen=True)
class Known:
    """One of our deployments as the server has it."""

    journey: str
    id: UUID
    record: DeploymentResponse

    @property
    def paused(self) -> bool:
        """Nothing runs by schedule: the deployment is paused, or its schedule is switched off, as the UI offers it."""
        return self.record.paused or self.switched_off

    @property
    def switched_off(self) -> bool:
        """Paused by the switch of its schedule."""
        schedules = self.record.schedules
        return not self.record.paused and bool(schedules) and not any(each.active for each in schedules)

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(self.record.tags)

    @property
    def paused_in_git(self) -> bool:
        """The last deploy paused it, because the journey's file said so."""
        return PAUSED_IN_GIT in self.tags

    @property
    def paused_before(self) -> bool:
        """Both sides agreed on a pause when they were last compared."""
        return self.paused_in_git or PAUSED_BY_HAND in self.tags

    @property
    def inactive(self) -> frozenset[str]:
        """Slugs of the schedules that a person has switched off."""
        return frozenset(each.slug for each in self.record.schedules if each.slug and not each.active)


@dataclass(frozen=True)
class Wish:
    """What is to become of one journey: its deployment, and its state in our database, which decides on pauses."""

    deployment: Deployment
    state: State

    @property
    def paused(self) -> bool:
        return self.state == "paused"

    @property
    def kept(self) -> bool:
        """A person paused it, and the deploy leaves it so."""
        return self.paused and not self.deployment.paused

    @property
    def note(self) -> str:
        if self.kept:
            return "kept paused; resume it in Prefect or with `vefa resume`"
        if self.deployment.paused and not self.paused:
            return "was resumed by hand; its file still says paused"
        return ""

    @property
    def tags(self) -> list[str]:
        tags = [tag for tag in self.deployment.tags if self.paused or tag != PAUSED_IN_GIT]
        return [*tags, PAUSED_BY_HAND] if self.kept else tags


async def read_known(client: PrefectClient, what: str = JOURNEY) -> dict[str, Known]:
    """Our deployments of that kind on the server, by journey."""
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags

    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG, what]))
    records: list[DeploymentResponse] = []
    while page := await client.read_deployments(deployment_filter=ours, limit=PAGE, offset=len(records)):
        records += page
    names = await _flow_names(client, [record.flow_id for record in records])
    return {names[each.flow_id]: Known(names[each.flow_id], each.id, each) for each in records}


async def _flow_names(client: PrefectClient, ids: Sequence[UUID]) -> dict[UUID, str]:
    from prefect.client.schemas.filters import FlowFilter, FlowFilterId

    names: dict[UUID, str] = {}
    for start in range(0, len(ids), PAGE):
        wanted = FlowFilter(id=FlowFilterId(any_=list(ids[start : start + PAGE])))
        names |= {flow.id: flow.name for flow in await client.read_flows(flow_filter=wanted, limit=PAGE)}
    return names


async def apply(client: PrefectClient, wish: Wish, known: Known | None, directory: str) -> Change:
    """Creates or changes the deployment where it differs. A schedule that a person switched off stays off."""
    if known is not None and not _differs(wish, known, directory):
        return "unchanged"
    wanted = wish.deployment
    await client.create_deployment(
        flow_id=await client.create_flow_from_name(wanted.journey),
        name=NAME,
        version=wanted.version,
        description=wanted.description,
        entrypoint=wanted.entrypoint,
        tags=wish.tags,
        paused=_is_paused(wish, known),
        schedules=_schedules(wanted.schedule, known.inactive if known else frozenset()),
        work_pool_name=WORK_POOL,
        job_variables=job_variables(),
        pull_steps=pull_steps(directory),
        parameter_openapi_schema=_parameters(wanted.asks),
        enforce_parameter_schema=True,
        concurrency_limit=1 if wanted.alone else None,
        concurrency_options=_one_at_a_time() if wanted.alone else None,
    )
    return "changed" if known else "new"


def pull_steps(directory: str) -> list[dict[str, Any]]:
    """What a worker does before it loads the flow: go to the folder that holds the journeys."""
    return [{"prefect.deployments.steps.set_working_directory": {"directory": directory}}]


def job_variables() -> dict[str, Any]:
    """What a worker adds to a run's environment."""
    return {"env": dict(RUN_ENVIRONMENT)}


async def remove(client: PrefectClient, known: Known) -> None:
    """Takes the deployment away, with every run that has not started; finished runs stay to be looked at."""
    for run in await _runs(client, [known.id], ("SCHEDULED",)):
        await client.delete_flow_run(run.id)
    await client.delete_deployment(known.id)


async def clear_leftovers(client: PrefectClient, known: Sequence[Known], now: datetime) -> None:
    """Ends the runs that nobody works on any more. Only for a server whose every worker has ended.

    A run that died with its machine would hold its journey's one slot, and each later run would be cancelled
    in its favour. Runs whose time went by in the meantime are dropped: one tick makes good all of them.
    """
    from prefect.states import Crashed

    ids = [each.id for each in known]
    for run in await _runs(client, ids, ("RUNNING", "PENDING", "CANCELLING")):
        # Its own name, so that it does not count among runs that failed.
        left: Any = Crashed(name="Left behind", message="It ended with its machine.")
        await client.set_flow_run_state(run.id, left, force=True)
    for run in await _runs(client, ids, ("SCHEDULED",)):
        if run.auto_scheduled and run.expected_start_time < now:
            await client.delete_flow_run(run.id)


async def _runs(client: PrefectClient, deployment_ids: Sequence[UUID], states: Sequence[str]) -> list[Any]:
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterDeploymentId,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType

    if not deployment_ids:
        return []
    types = FlowRunFilterStateType(any_=[StateType(state) for state in states])
    wanted = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=list(deployment_ids)),
        state=FlowRunFilterState(type=types),
    )
    runs: list[Any] = []
    while page := await client.read_flow_runs(flow_run_filter=wanted, limit=PAGE, offset=len(runs)):
        runs += page
    return runs


async def ensure_work_pool(client: PrefectClient) -> None:
    """The work pool that our deployments wait in; one that is there already may be of any type."""
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound

    try:
        await client.read_work_pool(WORK_POOL)
    except ObjectNotFound:
        await client.create_work_pool(
            WorkPoolCreate(name=WORK_POOL, type="process", description="Runs the journeys of vefa.")
        )


async def set_paused(client: PrefectClient, known: Known, paused: bool) -> None:
    """Pauses or resumes in Prefect, and notes on the deployment that the database knows of it."""
    from prefect.client.schemas.actions import DeploymentUpdate

    if paused and not known.paused:
        await client.pause_deployment(known.id)
    if not paused and known.record.paused:
        await client.resume_deployment(known.id)
    if not paused:
        for schedule in known.record.schedules:
            await client.update_deployment_schedule(known.id, schedule.id, active=True)
    tags = [tag for tag in known.tags if tag not in (PAUSED_BY_HAND, PAUSED_IN_GIT)]
    if paused:
        tags.append(PAUSED_IN_GIT if known.paused_in_git else PAUSED_BY_HAND)
    if tags != list(known.tags):
        await client.update_deployment(known.id, DeploymentUpdate(tags=tags))


def _differs(wish: Wish, known: Known, directory: str) -> bool:
    wanted, record = wish.deployment, known.record
    have = [each.schedule for each in record.schedules]
    return (
        wanted.version != record.version
        or wanted.entrypoint != record.entrypoint
        or wanted.description != (record.description or "")
        or _is_paused(wish, known) != record.paused
        or sorted(wish.tags) != sorted(record.tags)
        or record.pull_steps != pull_steps(directory)
        or record.work_pool_name != WORK_POOL
        or record.job_variables != job_variables()
        or (record.global_concurrency_limit is not None) != wanted.alone
        or have != [each.schedule for each in _schedules(wanted.schedule, frozenset())]
    )


def _is_paused(wish: Wish, known: Known | None) -> bool:
    """A journey that is paused by its schedule's switch must go on by that switch, so nothing else pauses it."""
    return wish.paused and not (known is not None and known.switched_off)


def _schedules(schedule: Schedule | None, inactive: frozenset[str]) -> list[DeploymentScheduleCreate]:
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

    if schedule is None:
        return []
    if isinstance(schedule, Every):
        when: Any = IntervalSchedule(interval=schedule.interval, anchor_date=schedule.anchor)
    else:
        when = CronSchedule(cron=schedule.cron, timezone=schedule.zone)
    return [DeploymentScheduleCreate(schedule=when, slug=schedule.slug, active=schedule.slug not in inactive)]


def _one_at_a_time() -> Any:
    from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions

    return ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)


def _parameters(asks: Sequence[str]) -> dict[str, Any]:
    """What a flow may be given, for the form in the UI."""
    from inspect import Parameter, Signature

    from prefect.utilities.callables import generate_parameter_schema

    moment, text = (datetime | None, None), (str, Parameter.empty)
    known = {"now": moment, "journey": text, "plan": text, "step": text}
    given = [
        Parameter(name, Parameter.KEYWORD_ONLY, annotation=known[name][0], default=known[name][1]) for name in asks
    ]
    return generate_parameter_schema(Signature(given), {}).model_dump_for_openapi()
