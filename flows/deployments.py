"""What Prefect is told about each journey: one deployment per journey, as data, without Prefect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta

from flows.descriptions import describe
from flows.schedules import ANCHOR, Daily, Every, Schedule, schedule
from vefa.plan.codec import plan_hash
from vefa.plan.plans import Plan

#: Every deployment of ours has this name (Prefect shows it as `win-back/vefa`) and bears this tag.
NAME = TAG = "vefa"
#: Beside it: what the deployment is, a journey or work about the house.
JOURNEY, HOUSE = "journey", "house"
#: Beside it: the journey's file itself says `status: paused`.
PAUSED_IN_GIT = "paused in git"
#: … by a person, in the Prefect UI or with `vefa pause`; and our database knows of it.
PAUSED_BY_HAND = "paused by hand"
WORK_POOL = "vefa"
#: What every run has in its environment: how often it says that it lives.
RUN_ENVIRONMENT = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
#: What a run says of a journey that was paused by itself; its resource is the journey.
UNWELL = "vefa.journey.unwell"
HOUSEKEEPING, INCIDENT, DELIVER, CONSENT = "vefa-housekeeping", "vefa-incident", "vefa-deliver", "vefa-consent"
LOYALTY = "vefa-loyalty"
RECOMMENDATIONS = "vefa-recommendations"
#: When the house is kept, on the shop's clock: at night, and not in the hour that clocks jump over.
NIGHT = time(4, 30)
#: When it is looked up anew which products go together: after that.
MORNING = time(5, 15)
#: How often İYS is read. Without it its flow does nothing.
QUARTER = timedelta(minutes=15)
#: How often points are posted. Journeys that speak of points do so for themselves.
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Deployment:
    """A journey, or work about the house, as Prefect is to have it; without a schedule it runs when it is called."""

    journey: str
    version: str
    description: str
    tags: tuple[str, ...]
    schedule: Schedule | None
    paused: bool
    entrypoint: str
    asks: tuple[str, ...] = ()
    #: A run that would overlap another is cancelled.
    alone: bool = True


def resource(journey: str) -> str:
    """The journey in Prefect's events."""
    return f"vefa.journey.{journey}"


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
        tags=(TAG, JOURNEY, plan.purpose, *((PAUSED_IN_GIT,) if paused else ())),
        schedule=schedule(plan.journey, plan.runs, zone),
        paused=paused,
        entrypoint=f"flows.compiled.{attribute(plan.journey)}",
        asks=("now",),
    )


def deployments(plans: Mapping[str, Plan], zone: str) -> tuple[Deployment, ...]:
    """All deployments, by name. A draft has none."""
    return tuple(deployment(plan, zone) for _, plan in sorted(plans.items()) if plan.status != "draft")


def house(zone: str) -> tuple[Deployment, ...]:
    """The deployments that are no journey: the nightly housekeeping, what is done about a journey that fails, the
    shards of large sendings, the round with İYS, the loyalty programme's, and which products go together."""
    tags = (TAG, HOUSE)
    keeping = "Takes back what dead workers held, clears away what is old, and tidies the database up."
    pausing = "Pauses a journey whose runs fail, and tells its owner. An automation calls it."
    sharing = "Delivers a share of a large step beside the journey's own run, which calls it."
    share = ("journey", "plan", "step", "now")
    linking = "Finds out anew which products are bought together and one after the other, for recommendations."
    asking = "Reads what was said to İYS, and brings there what was said to the shop; does nothing where İYS is off."
    posting = "Posts the points that are due, and takes those that have run out; nothing without config/loyalty.yaml."
    return (
        Deployment(LOYALTY, "1", posting, tags, Every(HOUR, ANCHOR), False, "flows.loyalty.loyalty"),
        Deployment(CONSENT, "1", asking, tags, Every(QUARTER, ANCHOR), False, "flows.consent.consent"),
        Deployment(HOUSEKEEPING, "1", keeping, tags, Daily(NIGHT, zone), False, "flows.housekeeping.housekeeping"),
        Deployment(INCIDENT, "1", pausing, tags, None, False, "flows.incident.incident", ("journey",), False),
        Deployment(DELIVER, "1", sharing, tags, None, False, "flows.deliver.deliver", share, False),
        Deployment(
            RECOMMENDATIONS, "1", linking, tags, Daily(MORNING, zone), False, "flows.recommendations.recommendations"
        ),
    )
