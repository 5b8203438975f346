"""What a walk did: at each step, and in all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class StepCounts:
    """What a tick did at one step."""

    step: str
    handled: int = 0
    sent: int = 0
    failed: int = 0
    unknown: int = 0
    left: int = 0
    held: Counter[str] = field(default_factory=Counter)
    deferred: Counter[str] = field(default_factory=Counter)

    def add(self, other: StepCounts) -> None:
        """Take in what another worker did at the same step."""
        self.handled += other.handled
        self.sent += other.sent
        self.failed += other.failed
        self.unknown += other.unknown
        self.left += other.left
        self.held += other.held
        self.deferred += other.deferred


@dataclass(frozen=True)
class TickReport:
    """What one walk did."""

    journey: str
    now: datetime
    plan_hash: str
    state: str
    entered: int
    holdout: int
    refused: dict[str, int]
    left: int
    finished: int
    waiting: int
    steps: tuple[StepCounts, ...]

    @property
    def sent(self) -> int:
        return sum(step.sent for step in self.steps)

    @property
    def held(self) -> dict[str, int]:
        """Messages that were not sent, by reason, over all steps."""
        return dict(sum((step.held for step in self.steps), Counter()))

    @property
    def unknown(self) -> int:
        return sum(step.unknown for step in self.steps)

    @property
    def failed(self) -> int:
        return sum(step.failed for step in self.steps)

    def rows(self) -> list[dict[str, object]]:
        """One row a step, for a table."""
        return [
            {
                "step": step.step,
                "handled": step.handled,
                "sent": step.sent,
                "held back": ", ".join(f"{reason}: {n}" for reason, n in sorted(step.held.items())),
                "put off": ", ".join(f"{reason}: {n}" for reason, n in sorted(step.deferred.items())),
                "failed": step.failed,
                "in doubt": step.unknown,
            }
            for step in self.steps
        ]
