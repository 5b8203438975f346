"""What a run leaves in the Prefect UI: one sentence, and one table."""

from __future__ import annotations

import re
from typing import Any

from prefect.artifacts import acreate_table_artifact

from tasks.steps import told
from vefa.engine.reports import TickReport


def artifact_key(*names: str) -> str:
    """Names as Prefect wants keys: small letters, digits and dashes."""
    return "-".join(re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") for name in names)


def summary(report: TickReport) -> str:
    """The run in one sentence: its state's message in the UI."""
    if report.state not in ("live", "closing"):
        return f"the journey is {report.state}: nobody enters, nothing is sent"
    parts = {
        "entered": report.entered,
        "kept as holdout": report.holdout,
        "sent": report.sent,
        "held back": sum(report.held.values()),
        "put off": sum(sum(step.deferred.values()) for step in report.steps),
        "failed": report.failed,
        "in doubt": report.unknown,
        "left": report.left,
        "finished": report.finished,
        "waiting": report.waiting,
    }
    return told(parts)


def rows(report: TickReport) -> list[dict[str, Any]]:
    """One row for entering, then one for each step that had work."""
    refused = ", ".join(f"{reason}: {number}" for reason, number in sorted(report.refused.items()))
    blank = dict.fromkeys(("sent", "put off", "failed", "in doubt"), "")
    entering = {"step": "enter", "handled": report.entered, **blank, "held back": refused}
    steps = [dict(row) for row in report.rows()]
    columns = list(steps[0]) if steps else list(entering)
    return [{column: row.get(column, "") for column in columns} for row in (entering, *steps)]


async def show(report: TickReport) -> None:
    """The table of the run. Its versions over time stand under the same key."""
    await acreate_table_artifact(
        table=rows(report),
        key=artifact_key(report.journey, "tick"),
        description=f"As of {report.now:%Y-%m-%d %H:%M} UTC: {summary(report)}.",
    )
