"""What the Prefect UI says about a journey: its description and its steps, as Markdown."""

from __future__ import annotations

from vefa.plan.steps import Plan, Step

#: A step's kind in words.
KINDS = {
    "wait_for": "waits",
    "wait_until_time": "waits for a moment",
    "wait_until_event": "waits for an event",
    "message": "sends a message",
    "branch": "chooses a way",
    "split": "splits by chance",
    "coupon": "gives a coupon",
    "tag": "marks the customer",
    "enter": "hands over to another journey",
    "stop": "ends",
}
#: How a message goes out; None is the customer's own preference.
MEDIA = {"email": "sends an e-mail", "sms": "sends an SMS", None: "sends by the preferred channel"}


def describe(plan: Plan) -> str:
    """The journey's name and description, then one line for each step."""
    facts = [f"**{plan.name}** ({plan.purpose})"]
    facts += [plan.description] if plan.description else []
    facts += [f"Owner: {plan.owner}"] if plan.owner else []
    return "\n\n".join([*facts, "\n".join(_lines(plan))]).strip()


def _lines(plan: Plan) -> list[str]:
    seen: dict[str, str] = {}
    for step in plan.steps:
        seen.setdefault(step.id, _words(step))
    return [f"{number}. `{name}` {words}" for number, (name, words) in enumerate(seen.items(), 1)]


def _words(step: Step) -> str:
    return MEDIA[step.medium] if step.kind == "message" else KINDS[step.kind]
