"""What a run leaves in the Prefect UI: one sentence, and one table."""

from __future__ import annotations

import re

from prefect.artifacts import acreate_table_artifact
from vefa.engine.tick import TickReport


def artifact_key(*names: str) -> str:
    """Names as Prefect wants keys: small letters, digits and dashes."""
    return "-".join(re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") for name in names)


def summary(report: TickReport) -> str:
    """The run in one sentence: its state's message in the UI."""
    sent = sum(step.sent for step in report.steps)
    held = sum(sum(step.held.values()) + sum(step.deferred.values()) for step in report.steps)
    parts = {
        "entered": report.entered,
        "sent": sent,
        "held back": held,
        "left": report.left,
        "finished": report.finished,
        "waiting": report.waiting,
    }
    return ", ".join(f"{number:,} {what}" for what, number in parts.items() if number) or "nothing was due"


async def show(report: TickReport) -> None:
    """The table of the run. Its versions over time stand under the same key."""
    await acreate_table_artifact(
        table=[dict(row) for row in report.rows()],
        key=artifact_key(report.journey, "tick"),
        description=f"As of {report.now:%Y-%m-%d %H:%M} UTC: {summary(report)}.",
    )
