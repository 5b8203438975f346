"""What Prefect is told about each journey: one deployment per journey, as data, without Prefect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flows.descriptions import describe
from flows.schedules import Schedule, schedule
from vefa.plan.codec import plan_hash
from vefa.plan.steps import Plan

#: Every deployment of ours has this name (Prefect shows it as `win-back/vefa`) and bears this tag.
NAME = TAG = "vefa"
#: Beside it: the journey's file itself says `status: paused`.
PAUSED_IN_GIT = "paused in git"
#: … by a person, in the Prefect UI or with `vefa pause`; and our database knows of it.
PAUSED_BY_HAND = "paused by hand"
WORK_POOL = "vefa"
#: What every run has in its environment: how often it says that it lives.
RUN_ENVIRONMENT = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}


@dataclass(frozen=True)
class Deployment:
    """A journey as Prefect is to have it."""

    journey: str
    version: str
    description: str
    tags: tuple[str, ...]
    schedule: Schedule
    paused: bool

    @property
    def entrypoint(self) -> str:
        """Where Prefect finds the flow: an attribute of `flows.compiled`."""
        return f"flows.compiled.{attribute(self.journey)}"


def attribute(journey: str) -> str:
    """The journey's name as a Python attribute."""
    return journey.replace("-", "_")


def deployment(plan: Plan, zone: str) -> Deployment:
    """The deployment of one journey."""
    paused = plan.status == "paused"
    return Deployment(
        journey=plan.journey,
        version=plan_hash(plan),
        description=describe(plan),
        tags=(TAG, "journey", plan.purpose, *((PAUSED_IN_GIT,) if paused else ())),
        schedule=schedule(plan.journey, plan.runs, zone),
        paused=paused,
    )


def deployments(plans: Mapping[str, Plan], zone: str) -> tuple[Deployment, ...]:
    """All deployments, by name. A draft has none."""
    return tuple(deployment(plan, zone) for _, plan in sorted(plans.items()) if plan.status != "draft")
