"""Everything that can be known before the night: of journeys, templates, policy and settings, all at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from vefa.content.brand_file import brand_problems
from vefa.content.problems import BrandError, TemplateProblem
from vefa.content.templates import TemplateStore
from vefa.foresight.errand_words import check_errands
from vefa.foresight.findings import Finding
from vefa.foresight.lint import lint_coupons, lint_day, lint_journey, lint_settings, lint_shop, lint_test
from vefa.foresight.words import BESIDE, check_words, commercial_templates, journey_file
from vefa.language.catalogue import EVENTS, FIELDS
from vefa.plan.project import Project
from vefa.settings import Settings


@dataclass(frozen=True)
class Check:
    """What was looked at and what was found, errors before warnings."""

    journeys: tuple[str, ...]
    broken: tuple[str, ...]
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        return not self.errors


def check(project: Project, settings: Settings) -> Check:
    """Look at everything; nothing that is wrong in one place keeps the rest from being looked at."""
    found = list(dict.fromkeys(_findings(project, settings)))
    return Check(
        tuple(sorted(project.plans)),
        tuple(sorted(project.broken)),
        tuple(each for each in found if each.severity == "error"),
        tuple(each for each in found if each.severity == "warning"),
    )


def _findings(project: Project, settings: Settings) -> Iterator[Finding]:
    for problem in project.problems:
        yield Finding("error", problem.place, problem.says, problem.render())
    yield from lint_settings(settings)
    yield from lint_coupons(project.checkout, settings)
    try:
        store = TemplateStore(settings.root, settings)
    except BrandError as error:
        for problem in error.problems:
            yield Finding("error", problem.place, problem.says, problem.render())
        return
    yield from (_template(problem, settings) for problem in brand_problems(store.brand_path, store.brand))
    commercial = commercial_templates(project.plans)
    yield from (_template(problem, settings) for problem in store.problems(commercial, frozenset(FIELDS)))
    yield from lint_shop(settings, store, commercial)
    for plan in project.plans.values():
        place = journey_file(settings.root, plan.journey)
        yield from check_words(plan, store, place)
        yield from check_errands(plan, store, project.outside, place, settings.channels)
        yield from lint_journey(plan, store, place)
        yield from lint_day(plan, settings, place)
        yield from lint_test(plan, settings, place)


def _template(problem: TemplateProblem, settings: Settings) -> Finding:
    file = problem.file
    if file.is_absolute() and file.is_relative_to(settings.root):
        file = file.relative_to(settings.root)
    place = f"{file}:{problem.line}" if problem.line else str(file)
    return Finding(problem.severity, place, problem.message)


@dataclass(frozen=True)
class Word:
    """One thing that may be named in a journey or a template."""

    name: str
    type: str
    home: str
    meaning: str
    notes: tuple[str, ...] = ()


def fields() -> tuple[Word, ...]:
    """Every field, with its type and whatever one must know of it."""
    return tuple(
        Word(each.name, each.type, each.home, each.meaning, tuple(_notes(each.nullable, each.history, each.choices)))
        for each in FIELDS.values()
    )


def _notes(nullable: bool, history: bool, choices: tuple[str, ...]) -> Iterator[str]:
    if choices:
        yield "one of " + ", ".join(choices)
    if nullable:
        yield "may be empty"
    if not history:
        yield "as it is today"


def events() -> tuple[Word, ...]:
    """Every event a journey can begin with, wait for or leave on."""
    return tuple(Word(each.name, "event", each.object_kind or "", each.meaning) for each in EVENTS.values())


def words() -> tuple[Word, ...]:
    """Every variable that templates may use: all fields, and what the engine puts beside them."""
    beside = tuple(Word(name, _type(meaning), name.partition(".")[0], meaning) for name, meaning in BESIDE.items())
    return tuple(sorted((*fields(), *beside), key=lambda word: word.name))


def _type(meaning: str) -> str:
    if meaning.startswith("whether"):
        return "bool"
    return "list" if re.search(r"of each$", meaning) else "text"
