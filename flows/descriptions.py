"""What the Prefect UI says about a journey: its description and its steps, as Markdown."""

from __future__ import annotations

from vefa.foresight.timeline import Line, timeline
from vefa.plan.plans import Plan


def describe(plan: Plan) -> str:
    """The journey's name and description, then what happens in it, as `vefa explain` tells it."""
    facts = [f"**{plan.name}** ({plan.purpose})"]
    facts += [plan.description] if plan.description else []
    facts += [f"Owner: {plan.owner}"] if plan.owner else []
    return "\n\n".join([*facts, "\n".join(_bullet(line) for line in timeline(plan))]).strip()


def _bullet(line: Line) -> str:
    name = f" (`{line.id}`)" if line.id else ":"
    return f"{'    ' * line.depth}- {line.what}{name}"
