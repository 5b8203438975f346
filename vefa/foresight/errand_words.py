"""The words to staff, and what tools need from the environment, looked at before the night."""

from __future__ import annotations

from collections.abc import Iterator

from vefa.content.problems import TemplateBroken
from vefa.content.templates import TemplateStore
from vefa.errands.keys import access
from vefa.foresight.findings import Finding
from vefa.foresight.words import BESIDE, Place, coupons_before, known_name, wrong_name
from vefa.language.catalogue import FIELDS
from vefa.language.problems import did_you_mean
from vefa.plan.outside import Outside, Tool
from vefa.plan.plans import Plan
from vefa.plan.steps import Notify, Webhook
from vefa.settings import Channels

#: What the words of a message may name, and words to staff may not.
OF_MESSAGES = ("links", "recommendations", "purpose", "commercial", "subject", "preheader")


def check_errands(
    plan: Plan, store: TemplateStore, outside: Outside, place: Place, channels: Channels
) -> Iterator[Finding]:
    """Every finding about what the plan says to tools and to staff."""
    before = coupons_before(plan)
    told: set[str] = set()
    for step in plan.steps:
        if isinstance(step, Notify):
            yield from _say(plan, step, store, place, step.key in before)
            yield from _made_up(outside, step.team, channels.email)
        tool = _tool(step, outside) if isinstance(step, Notify | Webhook) else None
        if tool is not None and tool.name not in told and plan.status != "draft":
            told.add(tool.name)
            yield from _access(tool, plan, channels)


def _tool(step: Notify | Webhook, outside: Outside) -> Tool | None:
    if isinstance(step, Webhook):
        return outside.tools.get(step.tool)
    team = outside.teams.get(step.team)
    return outside.tools.get(team.tool) if team is not None and team.tool else None


def _made_up(outside: Outside, team: str, email: str) -> Iterator[Finding]:
    """Addresses of the examples, where e-mails really go."""
    found = outside.teams.get(team)
    for address in found.email if found is not None and email != "outbox" else ():
        if address.endswith(".example"):
            yield Finding("error", "config/staff.yaml", f"{team} is {address}: no real mail server takes that.")


def _access(tool: Tool, plan: Plan, channels: Channels) -> Iterator[Finding]:
    if channels.tools == "outbox":
        if channels.email != "outbox":
            says = f"nothing really goes to the tool “{tool.name}”, which {plan.journey} needs: write tools: http."
            yield Finding("error", "config/settings.yaml", says)
        return
    found = access(tool)
    if isinstance(found, str):
        says = f"the tool “{tool.name}” cannot be reached: {found}. {plan.journey} needs it."
        yield Finding("error", "config/tools.yaml", says)


def _say(plan: Plan, step: Notify, store: TemplateStore, place: Place, coupon: bool) -> Iterator[Finding]:
    at = place.of(step.say.splitlines()[0][:40])
    source = f"what “{step.id}” says"
    try:
        names = store.variables_in(step.say)
    except TemplateBroken as error:
        yield Finding("error", at, f"{source} cannot be read: {error}")
        return
    for name in sorted(names):
        if name.partition(".")[0] in OF_MESSAGES:
            yield Finding("error", at, f"{source} uses {{{{ {name} }}}}: only messages to customers have that.")
        elif known_name(name) is None:
            advice = did_you_mean(name, [*FIELDS, *BESIDE], "vefa check --words lists all.")
            yield Finding("error", at, f"{source} uses {{{{ {name} }}}}: there is no such thing. {advice}")
        elif why := wrong_name(name, plan, coupon):
            yield Finding("error", at, f"{source} uses {{{{ {name} }}}}: {why}")
