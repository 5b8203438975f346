"""What may be said to whom, and when (`config/policy.yaml`), as data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Literal

from vefa.language.conditions import Duration
from vefa.plan.steps import Medium, Purpose

Then = Literal["defer", "skip", "drop_after"]


@dataclass(frozen=True)
class Withhold:
    """What becomes of a message that may not go now: defer (24 h at most), skip, or defer and drop after `limit`."""

    then: Then = "defer"
    limit: Duration = Duration(seconds=24 * 3600)


@dataclass(frozen=True)
class QuietHours:
    """No message from `start` up to `end` on the customer's own clock; `start > end` crosses midnight."""

    start: time
    end: time
    withhold: Withhold = Withhold()


@dataclass(frozen=True)
class Rule:
    """For one purpose and channel: whether consent is needed, and the quiet hours."""

    purpose: Purpose
    medium: Medium
    consent: bool = True
    quiet: QuietHours | None = None


@dataclass(frozen=True)
class Cap:
    """At most `limit` messages to a customer in a rolling `within`; None as purpose or medium means any."""

    name: str
    limit: int
    within: Duration
    purpose: Purpose | None = None
    medium: Medium | None = None
    withhold: Withhold = Withhold()


@dataclass(frozen=True)
class Policy:
    """All rules of the shop. `priority` lists journeys, the most important first; the others come after.

    `open_ticket`: what becomes of commercial messages while a complaint or question of theirs is open; None: they go.
    """

    rules: tuple[Rule, ...] = ()
    caps: tuple[Cap, ...] = ()
    priority: tuple[str, ...] = ()
    open_ticket: Withhold | None = Withhold("drop_after", Duration(days=3))

    def rule(self, purpose: Purpose, medium: Medium) -> Rule:
        """The rule for that purpose and channel; where none is written, the careful one."""
        for rule in self.rules:
            if (rule.purpose, rule.medium) == (purpose, medium):
                return rule
        return Rule(purpose, medium, consent=purpose == "commercial")

    def rank(self, journey: str) -> int:
        """The journey's place in the queue; 0 goes first."""
        return self.priority.index(journey) if journey in self.priority else len(self.priority)
