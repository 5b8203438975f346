"""Tests on messages: what is compared, on whom, and what must not be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vefa.language.loader import StepDraft
from vefa.language.steps import VariantsForm
from vefa.plan import steps as plan
from vefa.plan.tongues import words

if TYPE_CHECKING:
    from vefa.plan.layout import Layout


def compile_trial(layout: Layout, step: StepDraft) -> plan.Trial | None:
    """The test of a message; None where it cannot be read."""
    form = step.detail
    if not isinstance(form, VariantsForm):
        return None
    _check(layout, step, form)
    variants = _variants(layout, step, form)
    if not variants or form.on is None or form.decide is None or form.by is None:
        return None
    return plan.Trial(variants, form.on, form.decide, form.by)


def _variants(layout: Layout, step: StepDraft, form: VariantsForm) -> tuple[plan.Variant, ...]:
    if form.subjects:
        trail = (*step.trail, "test", "subjects")
        subjects = {name: words(layout, (*trail, name), given) for name, given in form.subjects.items()}
        return tuple(plan.Variant(name, subject=subject) for name, subject in subjects.items())
    return tuple(plan.Variant(name, template=template) for name, template in (form.templates or {}).items())


def _check(layout: Layout, step: StepDraft, form: VariantsForm) -> None:
    """What single keys cannot tell: keys that contradict one another, and measures that nothing can be measured by."""
    report, trail = layout.source.report, (*step.trail, "test")
    given = layout.source.get(trail)
    if "subjects" in given and "templates" in given:
        hint = "Keep one: what differs in two ways does not say which of them it was."
        report((*trail, "templates"), "a test has one of subjects and templates", hint, "test", at="key")
    elif "subjects" not in given and "templates" not in given:
        hint = "Add subjects: {a: …, b: …}." if step.verb != "sms" else "Add templates: {a: …, b: …}."
        report(trail, "the test does not say what it compares", hint, "test", at="key")
    if step.verb == "sms" and "subjects" in given:
        hint = "Test templates: {a: …, b: …}."
        report((*trail, "subjects"), "an SMS has no subject", hint, "test", at="key")
    if "subjects" in given and layout.source.get((*step.trail, "subject")) is not None:
        hint = "Take it out, or make it one of the test's."
        report((*step.trail, "subject"), "the subjects stand in the test already", hint, "test", at="key")
    if step.verb == "sms" and form.by in ("clicked", "opened"):
        hint = "Write by: goal."
        report((*trail, "by"), f"nobody can tell whether an SMS was {form.by}", hint, "test")
    if form.by == "goal" and layout.draft.goal is None:
        hint = "Add one, such as goal: {event: order.placed, within: 7 days}."
        report((*trail, "by"), "the journey has no goal to decide by", hint, "test")
