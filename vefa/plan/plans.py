"""The plan: a journey with everything resolved, frozen, and addressed by what it says.

A plan is a flat tuple of steps. Every step's targets lie further down, so one walk through the steps in order moves
everybody as far as they can go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from functools import cached_property
from typing import Literal

from vefa.language.conditions import Condition, Duration, EventScope, Everything
from vefa.plan.steps import Branch, Purpose, Split, Step, Stop, WaitUntilEvent, WaitUntilTime
from vefa.plan.ways_in import Reentry, Trigger

Status = Literal["draft", "live", "paused", "closing"]


@dataclass(frozen=True)
class Runs:
    """When the journey ticks: at once (seconds; every minute by schedule), every `minutes`, or daily at `at`."""

    at_once: bool = False
    minutes: int | None = None
    at: time | None = None


@dataclass(frozen=True)
class Exits:
    """Who leaves early: on an event, or when `unless` no longer holds; and where to."""

    on: tuple[EventScope, ...] = ()
    unless: Condition | None = None
    then_enter: str | None = None


@dataclass(frozen=True)
class Whenever:
    """What happens at once each time an event comes, to those inside, wherever they stand.

    `id` names it in the database: the event, with an ordinal among equals, never its place in the file (rule 21).
    """

    id: str
    scope: EventScope
    first: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Goal:
    """What counts as success, from entry on. Only measured."""

    scope: EventScope
    within: Duration


@dataclass(frozen=True)
class Plan:
    """A journey ready to run."""

    journey: str
    name: str
    trigger: Trigger
    steps: tuple[Step, ...]
    purpose: Purpose = "commercial"
    description: str = ""
    owner: str | None = None
    status: Status = "live"
    runs: Runs = Runs(minutes=15)
    audience: Condition = Everything()
    reentry: Reentry | None = None
    exits: Exits = Exits()
    goal: Goal | None = None
    holdout: int = 0
    backfill: Duration | None = None
    topic: str | None = None
    whenever: tuple[Whenever, ...] = ()

    def step(self, key: str) -> Step:
        """The step of that key. KeyError if the plan has none."""
        return self.by_key[key]

    @property
    def by_key(self) -> dict[str, Step]:
        return {step.key: step for step in self.steps}

    @property
    def first(self) -> str | None:
        """Where everybody begins; None for a journey without steps."""
        return next((step.key for step in self.steps if step.key not in self.aside), None)

    @cached_property
    def aside(self) -> frozenset[str]:
        """Keys of the steps that stand in `whenever`: nobody comes to them by walking the journey's own steps."""
        return frozenset(key for each in self.whenever for key in each.keys)

    @property
    def own_steps(self) -> tuple[Step, ...]:
        """The journey's own steps, without those of `whenever`."""
        return tuple(step for step in self.steps if step.key not in self.aside)

    def after(self, step: Step) -> tuple[str | None, ...]:
        """Every key a customer can be at next."""
        match step:
            case Branch():
                return (*(arm.target for arm in step.arms), step.next)
            case Split():
                return tuple(arm.target for arm in step.arms)
            case WaitUntilTime() | WaitUntilEvent():
                return (step.next, step.otherwise)
            case Stop():
                return ()
            case _:
                return (step.next,)
