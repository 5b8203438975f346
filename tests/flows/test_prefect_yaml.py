from __future__ import annotations

import importlib
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from flows.deployments import Deployment, house
from flows.prefect_yaml import FILE, generate, write
from vefa.plan.codec import plan_hash
from vefa.plan.plans import Plan, Runs
from vefa.plan.project import load_project
from vefa.settings import load_settings

REPOSITORY = Path(__file__).parents[2]


def deployed(*plans: Plan) -> list[dict[str, Any]]:
    text = generate({plan.journey: plan for plan in plans}, "Europe/Istanbul")
    entries: list[dict[str, Any]] = YAML(typ="safe").load(text)["deployments"]
    return [entry for entry in entries if "journey" in entry["tags"]]


def test_the_house_has_deployments_beside_the_journeys(plan: Any) -> None:
    entries = YAML(typ="safe").load(generate({}, "Europe/Istanbul"))["deployments"]

    assert [(entry["entrypoint"], "schedules" in entry) for entry in entries] == [
        ("flows.loyalty.loyalty", True),
        ("flows.consent.consent", True),
        ("flows.housekeeping.housekeeping", True),
        ("flows.incident.incident", False),
        ("flows.deliver.deliver", False),
        ("flows.recommendations.recommendations", True),
    ]
    assert "concurrency_limit" not in entries[3], "two journeys may fail at once"
    assert "concurrency_limit" not in entries[4], "shards are there to run together"


@pytest.mark.parametrize("each", house("Europe/Istanbul"), ids=lambda each: each.journey)
def test_a_flow_of_the_house_is_where_its_deployment_says(each: Deployment) -> None:
    module, _, name = each.entrypoint.rpartition(".")
    found = getattr(importlib.import_module(module), name)

    assert found.name == each.journey
    assert set(found.parameters.properties) == set(each.asks)


def test_each_journey_is_one_deployment_of_its_own_flow(plan: Any) -> None:
    entries = deployed(plan("win-back"), plan("birthday"))

    assert [entry["entrypoint"] for entry in entries] == ["flows.compiled.birthday", "flows.compiled.win_back"]


def test_the_version_is_the_plans_hash(plan: Any) -> None:
    assert deployed(plan())[0]["version"] == plan_hash(plan())


def test_a_draft_is_not_deployed(plan: Any) -> None:
    assert deployed(plan(status="draft")) == []


def test_a_closing_journey_goes_on_running(plan: Any) -> None:
    assert "paused" not in deployed(plan(status="closing"))[0]


def test_a_paused_journey_is_deployed_paused(plan: Any) -> None:
    assert deployed(plan(status="paused"))[0]["paused"] is True


def test_a_live_journey_says_nothing_of_pauses_so_that_a_pause_by_hand_is_not_its_matter(plan: Any) -> None:
    assert "paused" not in deployed(plan())[0]


def test_two_runs_of_one_journey_never_overlap(plan: Any) -> None:
    assert deployed(plan())[0]["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}


def test_the_purpose_is_a_tag(plan: Any) -> None:
    assert deployed(plan(purpose="transactional"))[0]["tags"] == ["vefa", "journey", "transactional"]


def test_a_daily_journey_runs_on_the_shops_clock(plan: Any) -> None:
    (schedule,) = deployed(plan(runs=Runs(at=time(9, 0))))[0]["schedules"]

    assert schedule == {"slug": "daily", "cron": "0 9 * * *", "timezone": "Europe/Istanbul"}


def test_writing_twice_changes_nothing(plan: Any, tmp_path: Path) -> None:
    plans = {"win-back": plan("win-back")}

    assert write(tmp_path, plans, "Europe/Istanbul")
    assert not write(tmp_path, plans, "Europe/Istanbul")


def test_the_committed_file_says_what_the_journeys_say() -> None:
    """Run `vefa deploy --write-only` and commit prefect.yaml."""
    settings = load_settings(REPOSITORY)
    plans = load_project(REPOSITORY, settings).plans

    assert (REPOSITORY / FILE).read_text(encoding="utf-8") == generate(plans, settings.shop.zone)
