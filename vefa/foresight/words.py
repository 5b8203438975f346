"""A journey's words before the night: templates that are missing, variables that cannot be there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from vefa.content.names import SURVEY_NAMES
from vefa.content.problems import TemplateBroken
from vefa.content.sources import ENDS
from vefa.content.templates import TemplateStore
from vefa.foresight.findings import Finding
from vefa.language.catalogue import FIELDS, OBJECT_KINDS, REACH
from vefa.language.problems import did_you_mean
from vefa.plan.plans import Plan
from vefa.plan.steps import Coupon, Medium, Message
from vefa.plan.ways_in import DateTrigger, EventTrigger

#: What templates see beside the fields: made by the engine for each message.
BESIDE = {
    "ticket.messages": "what was said in the ticket: author (customer or agent), who, when and text of each",
    "ticket.left_out": "how many earlier messages a long ticket.messages leaves out",
    "order.lines": "the pieces of the order: name, product, variant, quantity, price, image_url, url, guide_url "
    "and gift_card of each",
    "coupon.percent": "how many per cent the coupon takes off, if it does",
    "coupon.amount": "how much the coupon takes off, if it does",
    "coupon.free_shipping": "whether the coupon gives free shipping",
    "coupon.minimum": "from what order total on the coupon is good",
    "survey.kind": "with `survey:` on the step: csat, nps or choice",
    "survey.question": "what the survey asks",
    "survey.low": "what its lowest score means",
    "survey.high": "what its highest score means",
    "survey.page": "where it is answered; empty in SMS to numbers whose operators let no link through",
    "survey.link_1": "where it is answered with 1, or the first option; so survey.link_0 to survey.link_10",
    "survey.option_1": "the first option of a choice; so survey.option_1 to survey.option_10, empty beyond the last",
    "loyalty.tier_name": "their tier, as customers of their language read it",
    "loyalty.next_tier_name": "the tier above it, likewise",
    "shop.name": "the shop's name",
    "links.unsubscribe": "where one says stop",
    "links.preferences": "where one chooses what to get",
    "recommendations": "suggestions, with `recommend:` on the step: name, price, url, image_url and category of each, "
    "and because, the product of theirs that it goes with",
    "guides": "guides to what was bought: name and url of each",
    "purpose": "commercial or transactional: what this message is",
    "commercial": "whether commercial words may stand in this message",
    "locale": "the language of this message",
    "subject": "the subject of this message",
    "preheader": "the preview line of this message",
    "brand": "everything in config/brand.yaml",
}


@dataclass(frozen=True)
class Place:
    """A journey's file and its text, to say in which line something stands."""

    name: str
    text: str

    def of(self, words: str) -> str:
        """`journeys/x.yaml:12`, the first line with these words."""
        return self._first(re.escape(words))

    def of_template(self, name: str) -> str:
        """The line of the first message with that template, or of the test that tries it."""
        return self._first(rf"\b(email|sms|message|template|templates:.*\b[\w-]+):\s*[\"']?{re.escape(name)}\b")

    def _first(self, pattern: str) -> str:
        for number, line in enumerate(self.text.splitlines(), 1):
            if not line.lstrip().startswith("#") and re.search(pattern, line):
                return f"{self.name}:{number}"
        return self.name


def journey_file(root: Path, journey: str) -> Place:
    """The file of that journey, as the user would name it."""
    path = root / "journeys" / f"{journey}.yaml"
    return Place(f"journeys/{path.name}", path.read_text(encoding="utf-8") if path.exists() else "")


def check_words(plan: Plan, store: TemplateStore, place: Place) -> Iterator[Finding]:
    """Every finding about the words of a plan's messages."""
    before = coupons_before(plan)
    for step in plan.steps:
        if isinstance(step, Message):
            yield from _message(plan, step, store, place, step.key in before)


def _message(plan: Plan, step: Message, store: TemplateStore, place: Place, coupon: bool) -> Iterator[Finding]:
    for medium, template in product(step.media, step.templates):
        if template not in store.names(medium):
            yield _missing(step, template, medium, store, place)
            continue
        try:
            names = store.variables(template, medium)
        except TemplateBroken:
            continue  # told with its own file and line
        source = f"{template} ({medium})"
        yield from _variables(plan, step, names, source, place.of_template(template), coupon)
        if step.survey and medium == "email" and not names & SURVEY_NAMES:
            hint = "Put <!-- vefa:include survey --> into it."
            yield Finding("error", place.of_template(template), f"{source} does not ask its survey. {hint}")
    subjects = dict.fromkeys(pair for version in step.versions for pair in version.subject.items())
    for locale, text in (*subjects, *step.preheader.items()):
        yield from _subject(plan, step, store, place, locale, text, coupon)


def _missing(step: Message, template: str, medium: Medium, store: TemplateStore, place: Place) -> Finding:
    file = f"journeys/templates/{template}.{store.locales[0]}.{ENDS[medium]}"
    why = " (`message` may go by SMS, so it needs words for that, too)" if step.medium is None else ""
    advice = did_you_mean(template, store.names(medium), f"Write {file}.")
    return Finding("error", place.of_template(template), f'there is no {medium} template "{template}"{why}. {advice}')


def _subject(
    plan: Plan, step: Message, store: TemplateStore, place: Place, locale: str, text: str, coupon: bool
) -> Iterator[Finding]:
    at = place.of(text[:40])
    try:
        names = store.variables_in(text)
    except TemplateBroken as error:
        yield Finding("error", at, f"the {locale} subject or preheader of “{step.id}” cannot be read: {error}")
        return
    source = f"the {locale} subject or preheader of “{step.id}”"
    for name in sorted(name for name in names if known_name(name) is None):
        advice = did_you_mean(name, [*FIELDS, *BESIDE], "vefa check --words lists all.")
        yield Finding("error", at, f"{source} uses {{{{ {name} }}}}: there is no such thing. {advice}")
    yield from _variables(plan, step, names, source, at, coupon)


def _variables(
    plan: Plan, step: Message, names: frozenset[str], source: str, at: str, coupon: bool
) -> Iterator[Finding]:
    if names & SURVEY_NAMES and not step.survey:
        yield Finding("error", at, f"{source} asks a survey, and the message has none. Write survey: csat beside it.")
    for name in sorted(names - SURVEY_NAMES):
        if told := wrong_name(name, plan, coupon):
            yield Finding("error", at, f"{source} uses {{{{ {name} }}}}: {told}")


def wrong_name(name: str, plan: Plan, coupon: bool) -> str | None:
    """Why the variable cannot be there, or None where it can. Names that nobody knows are told with their template."""
    known = known_name(name)
    if known is None:
        return None
    home = known.partition(".")[0]
    if home == "coupon" and not coupon:
        return "no coupon step comes before this message."
    if home in OBJECT_KINDS and home not in reachable(plan):
        return f"the journey's trigger brings no {home}."
    if known in {"trigger.date", "trigger.years"} and not isinstance(plan.trigger, DateTrigger):
        return "only a date trigger has a day."
    return None


def known_name(name: str) -> str | None:
    """The field or thing that a dotted name reads, which may go deeper: brand.sms.code reads brand."""
    parts = name.split(".")
    tries = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    found = next((each for each in tries if each in FIELDS or each in BESIDE), None)
    if found is None and len(parts) == 1 and any(each.startswith(f"{name}.") for each in (*FIELDS, *BESIDE)):
        return name  # asked whether there is an order, a coupon … at all
    return found


def reachable(plan: Plan) -> frozenset[str]:
    """The kinds of objects that the trigger brings along."""
    asked = {"survey"} if any(isinstance(step, Message) and step.survey for step in plan.steps) else set()
    match plan.trigger:
        case EventTrigger(object_kind=kind):
            return REACH.get(kind or "", frozenset()) | asked
    return OBJECT_KINDS if plan.trigger.kind == "entered" else frozenset(asked)


def coupons_before(plan: Plan) -> frozenset[str]:
    """Keys of the steps that some way through a coupon leads to."""
    after: set[str | None] = set()
    for step in plan.steps:
        if isinstance(step, Coupon) or step.key in after:
            after |= set(plan.after(step))
    return frozenset(key for key in after if key is not None)


def commercial_templates(plans: Mapping[str, Plan]) -> frozenset[tuple[Medium, str]]:
    """Templates of commercial messages, by the media they go by: theirs must offer a way out."""
    return frozenset(
        (medium, template)
        for step in _messages(plans)
        if step.purpose == "commercial"
        for medium in step.media
        for template in step.templates
    )


def _messages(plans: Mapping[str, Plan]) -> Iterator[Message]:
    for plan in plans.values():
        yield from (step for step in plan.steps if isinstance(step, Message))
