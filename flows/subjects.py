"""The journeys' files as they are now: what a flow is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flows.deployments import attribute
from vefa.plan.plans import Plan
from vefa.plan.policy import Policy
from vefa.plan.project import Project, journey_files, load_project
from vefa.settings import Settings, load_settings


@dataclass(frozen=True)
class Subject:
    """One journey as its file has it: `plan` is None while the file is broken, and `problems` say why."""

    journey: str
    settings: Settings
    policy: Policy
    plan: Plan | None
    problems: str = ""


def find_subject(name: str) -> Subject | None:
    """The journey whose name as a Python attribute is `name`, in the shop's own folder; None where no file is."""
    settings = load_settings()
    names = [path.stem for path in journey_files(settings.root)]
    journey = next((each for each in names if attribute(each) == name), None)
    return None if journey is None else read_subject(journey, settings)


def read_subject(journey: str, settings: Settings) -> Subject:
    """The journey, with its problems where its file has any."""
    project = load_project(settings.root, settings)
    plan = project.plans.get(journey)
    return Subject(journey, settings, project.policy, plan, "" if plan else _problems(project, journey))


def _problems(project: Project, journey: str) -> str:
    """The journey's own problems; where it has none itself, those of the files that it leans on."""
    own = [each for each in project.problems if Path(each.file).stem == journey]
    return "\n\n".join(each.render() for each in own or project.problems)
