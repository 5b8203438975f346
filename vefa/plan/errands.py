"""Errands: what a journey sends to outside tools and to the shop's own staff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vefa.language.loader import StepDraft
from vefa.language.problems import did_you_mean
from vefa.language.steps import NotifyTerms, WebhookStep
from vefa.plan import steps as plan

if TYPE_CHECKING:
    from vefa.plan.layout import Layout

TOOLS, STAFF = "config/tools.yaml", "config/staff.yaml"


def webhook(layout: Layout, step: StepDraft, follow: str | None) -> None:
    """To a tool that takes events."""
    form, name, tools = step.form_as(WebhookStep), layout.names[step.trail], layout.around.outside.tools
    trail = (*step.trail, "webhook")
    if form.webhook and form.webhook not in tools:
        hint = did_you_mean(form.webhook, tools, f"Tools stand in {TOOLS}.")
        layout.source.report(trail, f'there is no tool "{form.webhook}"', hint, "unknown-tool")
    elif form.webhook and tools[form.webhook].takes == "text":
        message = f'the tool "{form.webhook}" takes words alone (takes: text), and a webhook is an event'
        layout.source.report(trail, message, f"Write to it with notify, through a team of {STAFF}.", "unknown-tool")
    layout.steps.append(plan.Webhook(name.key, name.id, follow, form.webhook))


def notify(layout: Layout, step: StepDraft, follow: str | None) -> None:
    """To a team, at once or when the shop is open."""
    terms, name, outside = step.detail, layout.names[step.trail], layout.around.outside
    if not isinstance(terms, NotifyTerms):
        layout.whole = False
        return
    trail = (*step.trail, "notify")
    if terms.to and terms.to not in outside.teams:
        hint = did_you_mean(terms.to, outside.teams, f"Teams stand in {STAFF}.")
        layout.source.report((*trail, "to"), f'there is no team "{terms.to}"', hint, "unknown-team")
    if terms.hours and outside.hours is None:
        hint = f'Add hours: {{mon-fri: "09:00-18:00"}} to {STAFF}.'
        layout.source.report((*trail, "hours"), "the shop does not say when it is open", hint, "hours")
    layout.steps.append(plan.Notify(name.key, name.id, follow, terms.to, terms.say, terms.hours == "shop"))
