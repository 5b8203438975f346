"""`prefect.yaml`, generated from the journeys: the same deployments that `vefa deploy` makes.

It lets anybody deploy with Prefect's own command and lets a reviewer see what a changed journey does to
the schedule. It says nothing of folders: Prefect then notes the folder that it was deployed from.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from flows.deployments import NAME, RUN_ENVIRONMENT, WORK_POOL, Deployment, deployments, house
from vefa.plan.plans import Plan

FILE = "prefect.yaml"
HEADER = """\
# Generated from journeys/*.yaml by `vefa deploy --write-only`; do not edit.
# `vefa deploy` keeps pauses and removes what has left git; `prefect --no-prompt deploy --all` only adds.
"""


def generate(plans: Mapping[str, Plan], zone: str) -> str:
    """The text of `prefect.yaml`."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = StringIO()
    yaml.dump({"name": NAME, "deployments": [_entry(each) for each in (*deployments(plans, zone), *house(zone))]}, text)
    return HEADER + text.getvalue()


def write(root: Path, plans: Mapping[str, Plan], zone: str) -> bool:
    """Writes the file where it differs, and says whether it did."""
    path, text = root / FILE, generate(plans, zone)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.write_text(text, encoding="utf-8")
    return True


def _entry(deployment: Deployment) -> dict[str, object]:
    return {
        "name": NAME,
        "entrypoint": deployment.entrypoint,
        "version": deployment.version,
        "tags": list(deployment.tags),
        **({"paused": True} if deployment.paused else {}),
        **({"concurrency_limit": {"limit": 1, "collision_strategy": "CANCEL_NEW"}} if deployment.alone else {}),
        "work_pool": {"name": WORK_POOL, "job_variables": {"env": dict(RUN_ENVIRONMENT)}},
        **({"schedules": [deployment.schedule.as_yaml()]} if deployment.schedule else {}),
    }
