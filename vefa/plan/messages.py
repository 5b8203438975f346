"""Messages: their words in every language of the shop, and until when they make sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vefa.language.durations import read_moment
from vefa.language.loader import StepDraft
from vefa.language.problems import Mistake, did_you_mean
from vefa.language.source import Trail
from vefa.language.steps import SendForm, WrittenForm
from vefa.plan import steps as plan

if TYPE_CHECKING:
    from vefa.plan.layout import Layout


def send(layout: Layout, step: StepDraft, follow: str | None) -> None:
    """An e-mail, an SMS, or either."""
    form, name = step.form, layout.names[step.trail]
    assert isinstance(form, SendForm)  # noqa: S101 - the verb chose the form
    written = form if isinstance(form, WrittenForm) else None
    layout.steps.append(
        plan.Message(
            name.key,
            name.id,
            follow,
            medium={"email": "email", "sms": "sms"}.get(step.verb),  # type: ignore[arg-type] # message: None
            template=getattr(form, step.verb) or "",
            purpose=form.purpose or layout.draft.form.purpose,
            subject=_words(layout, step, "subject") if written else {},
            preheader=_words(layout, step, "preheader") if written else {},
            recommend=written.recommend if written else 0,
            sender=written.sender if written else None,
            reply_to=written.reply_to if written else None,
            not_after=_not_after(layout, (*step.trail, "not_after"), form.not_after),
            unless=layout.condition((*step.trail, "unless")),
            on_failure=form.on_failure,
            survey=_survey(layout, step, form.survey),
        )
    )


def _survey(layout: Layout, step: StepDraft, name: str | None) -> str | None:
    """The survey must be one of the shop's."""
    if name is not None and name not in layout.around.surveys:
        hint = did_you_mean(name, layout.around.surveys, "Surveys stand in config/surveys.yaml; csat and nps always.")
        layout.source.report((*step.trail, "survey"), f'there is no survey "{name}"', hint, "survey")
        return None
    return name


def _words(layout: Layout, step: StepDraft, key: str) -> dict[str, str]:
    given = getattr(step.form, key)
    trail, locales = (*step.trail, key), layout.around.locales
    if given is None:
        return {}
    if isinstance(given, str):
        if len(locales) > 1:
            example = ", ".join(f'{locale}: "…"' for locale in locales)
            layout.source.report(trail, f'"{key}" is in one language only', f"Write {{{example}}}.", "locale")
        return {locales[0]: given}
    for locale in given:
        if locale not in locales:
            hint = did_you_mean(locale, locales, f"Languages are {', '.join(locales)}.")
            layout.source.report((*trail, locale), f'"{locale}" is no language of the shop', hint, "locale", at="key")
    if lacking := [locale for locale in locales if locale not in given]:
        hint = f'Add {lacking[0]}: "…".'
        layout.source.report(trail, f'"{key}" lacks the language {", ".join(lacking)}', hint, "locale", at="key")
    return {locale: given[locale] for locale in locales if locale in given}


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
