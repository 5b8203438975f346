"""Everything in `journeys/` and `config/` that is the marketers': all plans, the policy, and all problems of all files.

One bad file never stops the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vefa.language.catalogue import EVENTS, EventType
from vefa.language.conditions import Condition
from vefa.language.loader import load_journey
from vefa.language.problems import Problem, ProblemsError
from vefa.language.source import read_optional
from vefa.plan.compiler import compile_journey
from vefa.plan.crossings import tell_of_circles, what_is_brought
from vefa.plan.directory import read_outside
from vefa.plan.loyalty import RESTING, Programme
from vefa.plan.loyalty_file import read_loyalty
from vefa.plan.named import NAME
from vefa.plan.outside import Outside
from vefa.plan.plans import Plan
from vefa.plan.policy import Policy
from vefa.plan.pools import Checkout, Pool, read_coupons
from vefa.plan.rulebook import read_events, read_policy, read_segments, read_topics
from vefa.plan.surroundings import Neighbours
from vefa.plan.surveys import check_routes, read_surveys
from vefa.plan.themes import read_themes
from vefa.settings import Settings

#: Files of `config/` that are read with the journeys.
CONFIG = ("events", "segments", "policy", "topics", "surveys", "themes", "tools", "staff", "coupons", "loyalty")


@dataclass(frozen=True)
class Project:
    """A shop's journeys and rules as they stand in its files."""

    plans: dict[str, Plan]
    problems: tuple[Problem, ...] = ()
    #: journeys that have no plan, because of their own file or of a segment they use
    broken: frozenset[str] = frozenset()
    policy: Policy = field(default_factory=Policy)
    segments: dict[str, Condition] = field(default_factory=dict)
    events: Mapping[str, EventType] = field(default_factory=lambda: dict(EVENTS))
    #: what customers may refuse each for itself: by name, its words by language
    topics: dict[str, dict[str, str]] = field(default_factory=dict)
    #: tools outside, and the shop's own teams
    outside: Outside = field(default_factory=Outside)
    pools: Mapping[str, Pool | None] = field(default_factory=dict)
    checkout: Checkout = Checkout()
    loyalty: Programme = field(default_factory=Programme)

    def refuse_problems(self) -> None:
        """Raises ProblemsError with all of them, if there are any."""
        if self.problems:
            raise ProblemsError(self.problems)


def load_project(root: Path, settings: Settings) -> Project:
    """All files under `root` read and checked in one go."""
    files = {name: read_optional(root, f"config/{name}.yaml") for name in CONFIG}
    events = read_events(files["events"])
    loyalty = read_loyalty(files["loyalty"], settings.shop)
    segments = read_segments(files["segments"], events, loyalty)
    topics = read_topics(files["topics"], settings.shop.locales)
    outside = read_outside(files["tools"], files["staff"])
    surveys = read_surveys(files["surveys"], settings.shop.locales)
    check_routes(files["surveys"], surveys, outside.teams)
    read_themes(files["themes"], settings.shop.locales)
    pools, checkout = read_coupons(files["coupons"])
    read = {path.stem: load_journey(path, root) for path in journey_files(root)}
    drafts = {name: draft for name, (_, draft) in read.items() if draft is not None}
    around = Neighbours(
        settings.shop.locales,
        events,
        segments,
        frozenset(read),
        what_is_brought(drafts, events),
        frozenset(topics),
        outside=outside,
        surveys=frozenset(surveys),
        pools=pools,
        loyalty=loyalty,
    )
    compiled = {name: compile_journey(draft, around) for name, draft in drafts.items()}
    tell_of_circles(drafts)
    policy = read_policy(files["policy"], frozenset(read))
    sources = [*files.values(), *(source for source, _ in read.values())]
    problems = [problem for source in sources for problem in source.problems]
    problems += _misnamed(root)
    bad_files = {problem.file for problem in problems}
    plans = {name: plan for name, plan in compiled.items() if plan is not None and read[name][0].file not in bad_files}
    return Project(
        plans,
        tuple(sorted(set(problems))),
        frozenset(read) - frozenset(plans),
        policy,
        {name: condition for name, condition in segments.items() if condition is not None},
        events,
        topics,
        outside=outside,
        pools=pools,
        checkout=checkout,
        loyalty=loyalty,
    )


def shop_topics(root: Path, settings: Settings) -> dict[str, dict[str, str]]:
    """The shop's topics as they stand in the file now; those that are not right are left out."""
    return read_topics(read_optional(root, "config/topics.yaml"), settings.shop.locales)


def load_loyalty(root: Path, settings: Settings) -> Programme:
    """The shop's programme. Raises ProblemsError where anything in its file is wrong."""
    source = read_optional(root, "config/loyalty.yaml")
    programme = read_loyalty(source, settings.shop)
    if source.problems:
        raise ProblemsError(source.problems)
    return programme


def shop_loyalty(root: Path, settings: Settings) -> Programme:
    """The shop's programme as it stands in the file now. While anything in it is wrong, it rests: nothing is posted or
    given by half a rule."""
    try:
        return load_loyalty(root, settings)
    except ProblemsError:
        return RESTING


def loyalty_rests(settings: Settings) -> bool:
    """Whether the shop's programme rests now."""
    return shop_loyalty(settings.root, settings).rests


def journey_files(root: Path) -> list[Path]:
    """The journeys' files, in the order of their names."""
    return sorted((root / "journeys").glob("*.yaml"))


def _misnamed(root: Path) -> list[Problem]:
    """Files that nobody would miss until a journey never starts."""
    told = []
    for path in sorted((root / "journeys").glob("*.y*ml")):
        name = path.relative_to(root).as_posix()
        if path.suffix != ".yaml":
            told.append(Problem(name, 0, 0, 0, "", "a journey's file ends in .yaml", "Rename it.", "file-name"))
        elif not NAME.fullmatch(path.stem):
            hint = "Use small letters a-z, digits and dashes, such as order-thank-you.yaml."
            told.append(Problem(name, 0, 0, 0, "", f'"{path.stem}" is no name for a journey', hint, "file-name"))
    return told
