"""Messages: their words in every language of the shop, and until when they make sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vefa.language.durations import read_moment
from vefa.language.loader import StepDraft
from vefa.language.problems import Mistake, did_you_mean
from vefa.language.source import Trail
from vefa.language.steps import SendForm, WrittenForm
from vefa.plan import steps as plan
from vefa.plan.tongues import words
from vefa.plan.trials import compile_trial

if TYPE_CHECKING:
    from vefa.plan.layout import Layout


def send(layout: Layout, step: StepDraft, follow: str | None) -> None:
    """An e-mail, an SMS, or either."""
    form, name = step.form_as(SendForm), layout.names[step.trail]
    written = form if isinstance(form, WrittenForm) else None
    trial = compile_trial(layout, step) if form.test is not None else None
    layout.steps.append(
        plan.Message(
            name.key,
            name.id,
            follow,
            medium=next((medium for medium in plan.MEDIA if medium == step.verb), None),
            template=getattr(form, step.verb) or "",
            purpose=form.purpose or layout.draft.form.purpose,
            subject=_subject(layout, step, trial) if written else {},
            preheader=words(layout, (*step.trail, "preheader"), written.preheader) if written else {},
            recommend=written.recommend if written else 0,
            sender=written.sender if written else None,
            reply_to=written.reply_to if written else None,
            not_after=_not_after(layout, (*step.trail, "not_after"), form.not_after),
            unless=layout.condition((*step.trail, "unless")),
            on_failure=form.on_failure,
            survey=_survey(layout, step, form.survey),
            test=trial,
        )
    )


def _survey(layout: Layout, step: StepDraft, name: str | None) -> str | None:
    """The survey must be one of the shop's."""
    if name is not None and name not in layout.around.surveys:
        hint = did_you_mean(name, layout.around.surveys, "Surveys stand in config/surveys.yaml; csat and nps always.")
        layout.source.report((*step.trail, "survey"), f'there is no survey "{name}"', hint, "survey")
        return None
    return name


def _subject(layout: Layout, step: StepDraft, trial: plan.Trial | None) -> dict[str, str]:
    """The step's own subject; where subjects are tested, the first of them stands for all."""
    if trial and trial.variants[0].subject:
        return trial.variants[0].subject
    return words(layout, (*step.trail, "subject"), getattr(step.form, "subject", None))


def _not_after(layout: Layout, trail: Trail, text: str | None) -> plan.Moment | None:
    if text is None:
        return None
    if text == "same day":
        return plan.SameDay()
    try:
        return layout.moment(trail, read_moment(text))
    except Mistake as mistake:
        layout.told(trail, mistake)
        return None
