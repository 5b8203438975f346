from __future__ import annotations

from pathlib import Path

import pytest

import flows.compiled
from flows.deployments import attribute
from flows.journey import clock_of, parts
from vefa.plan.codec import plan_hash
from vefa.plan.project import load_project
from vefa.settings import Settings


@pytest.fixture
def here(example_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a worker runs in; flows that an earlier test made are forgotten."""
    monkeypatch.setenv("VEFA_ROOT", str(example_root))
    for name in [name for name in vars(flows.compiled) if attribute(name) == name and name in _journeys(example_root)]:
        monkeypatch.delattr(flows.compiled, name)
    return example_root


def _journeys(root: Path) -> set[str]:
    return {attribute(path.stem) for path in (root / "journeys").glob("*.yaml")}


def test_every_journey_is_a_flow_of_its_own_name_and_version(here: Path, settings: Settings) -> None:
    plans = load_project(here, settings).plans
    made = {name: getattr(flows.compiled, attribute(name)) for name in plans}

    assert {name: flow.name for name, flow in made.items()} == {name: name for name in plans}
    assert {name: flow.version for name, flow in made.items()} == {n: plan_hash(plan) for n, plan in plans.items()}


def test_the_flow_tells_the_journeys_steps(here: Path) -> None:
    assert "(`wait-2`)" in str(flows.compiled.win_back.description)
    assert "(`offer`)" in str(flows.compiled.win_back.description)


def test_a_broken_file_does_not_keep_other_journeys_from_being_flows(here: Path) -> None:
    (here / "journeys" / "birthday.yaml").write_text("name: [", encoding="utf-8")

    assert flows.compiled.birthday.version == "broken"
    assert flows.compiled.win_back.version != "broken"


def test_a_journey_that_is_not_there_is_no_attribute(here: Path) -> None:
    with pytest.raises(AttributeError, match="no file for 'win_bakc'"):
        _ = flows.compiled.win_bakc


def test_the_only_parameter_is_the_moment_of_a_replay(here: Path) -> None:
    assert list(flows.compiled.win_back.parameters.properties) == ["now"]


def test_a_replays_moment_without_a_zone_is_on_the_shopsclock_of(settings: Settings) -> None:
    from datetime import UTC, datetime

    assert clock_of(datetime.fromisoformat("2026-03-01T15:00"), settings)() == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_step_is_one_task_run() -> None:
    assert parts("thanks", 50_000) == [("thanks", None)]


def test_a_long_sending_is_several_task_runs() -> None:
    assert parts("thanks", 120_000) == [("thanks 1/3", 50_000), ("thanks 2/3", 50_000), ("thanks 3/3", None)]
