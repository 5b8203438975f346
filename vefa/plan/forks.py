"""Forks: two ways, more ways, and arms by lot."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from vefa.language.conditions import Everything
from vefa.language.loader import StepDraft
from vefa.language.source import Trail
from vefa.language.steps import OtherwiseArm, SplitArm, WhenArm
from vefa.plan import steps as plan

if TYPE_CHECKING:
    from vefa.plan.layout import Layout

WHOLE = 10_000


def two_ways(layout: Layout, step: StepDraft, follow: str | None) -> None:
    """`if`: a branch with one arm."""
    name = layout.names[step.trail]
    then, otherwise = step.lists.get("then", ()), step.lists.get("else", ())
    when = layout.condition((*step.trail, "if")) or Everything()
    arms = (plan.Arm(when, layout.first(then, follow)),)
    layout.steps.append(plan.Branch(name.key, name.id, layout.first(otherwise, follow), arms))
    layout.lay(then, follow)
    layout.lay(otherwise, follow)


def branch(layout: Layout, step: StepDraft, follow: str | None) -> None:
    """The first arm that holds, else `otherwise`, else what follows."""
    name, trail = layout.names[step.trail], (*step.trail, "branch")
    arms: list[plan.Arm] = []
    rest = follow
    for index, arm in enumerate(step.arms):
        target = layout.first(arm.steps, follow)
        if isinstance(arm.form, WhenArm):
            arms.append(plan.Arm(layout.condition((*arm.trail, "when")) or Everything(), target))
        elif isinstance(arm.form, OtherwiseArm):
            rest = target
            if index < len(step.arms) - 1:
                hint = "Move it to the end."
                layout.source.report((*arm.trail, "otherwise"), '"otherwise" comes last', hint, "branch", at="key")
    if not any(isinstance(arm.form, WhenArm) for arm in step.arms):
        hint = "Add one, such as - when: {orders.count: 1}."
        layout.source.report(trail, "a branch needs at least one way with a when", hint, "branch", at="key")
    layout.steps.append(plan.Branch(name.key, name.id, rest, tuple(arms)))
    for arm in step.arms:
        layout.lay(arm.steps, follow)


def split(layout: Layout, step: StepDraft, follow: str | None) -> None:
    """Arms by lot; their shares are the whole."""
    name, trail = layout.names[step.trail], (*step.trail, "split")
    forms = [(arm, arm.form) for arm in step.arms if isinstance(arm.form, SplitArm)]
    arms = [plan.SplitArm(form.name or "", form.share or 0, layout.first(arm.steps, follow)) for arm, form in forms]
    _check_shares(layout, trail, arms)
    layout.steps.append(plan.Split(name.key, name.id, tuple(arms)))
    for arm in step.arms:
        layout.lay(arm.steps, follow)


def _check_shares(layout: Layout, trail: Trail, arms: list[plan.SplitArm]) -> None:
    seen: set[str] = set()
    for index, arm in enumerate(arms):
        if arm.name in seen:
            message = f'two arms are called "{arm.name}"'
            layout.source.report((*trail, index, "name"), message, "Give each a name of its own.", "split")
        seen.add(arm.name)
    total = sum(arm.share for arm in arms)
    if total != WHOLE and all(arm.share for arm in arms):
        shown = f"{Decimal(total) / 100:f}".rstrip("0").rstrip(".") if total % 100 else str(total // 100)
        hint = "Make them add up to 100%."
        layout.source.report(trail, f"the shares add up to {shown}%", hint, "shares", at="key")
