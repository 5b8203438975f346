"""What a walk says of itself in the log: a line for each step with work, and one for the whole."""

from __future__ import annotations

import logging

from vefa.engine.reports import StepCounts, TickReport

logger = logging.getLogger("vefa.run")


def tell_step(counts: StepCounts) -> None:
    """What a step did; nothing where it did nothing."""
    numbers = {
        "handled": counts.handled,
        "sent": counts.sent,
        "held": counts.held.total(),
        "deferred": counts.deferred.total(),
        "failed": counts.failed,
        "unknown": counts.unknown,
        "left": counts.left,
    }
    if any(numbers.values()):
        logger.info("step walked", extra={"step": counts.step, **_told(numbers)})


def tell(report: TickReport) -> None:
    """What the walk did."""
    numbers = {
        "entered": report.entered,
        "holdout": report.holdout,
        "sent": report.sent,
        "held": sum(report.held.values()),
        "failed": report.failed,
        "unknown": report.unknown,
        "left": report.left,
        "finished": report.finished,
    }
    named = {"journey": report.journey, "state": report.state, "plan": report.plan_hash or None}
    logger.info("journey walked", extra={**named, **_told(numbers), "waiting": report.waiting})


def _told(numbers: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in numbers.items() if number}
