"""A message as it would look, for a made-up customer or a real one. Nothing is queued, given or sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from vefa.content.messages import Words
from vefa.content.problems import RenderError, TemplateBroken, TemplateMissing
from vefa.content.templates import TemplateStore
from vefa.errors import UserError
from vefa.foresight.preview.samples import with_stand_ins
from vefa.language.problems import did_you_mean
from vefa.plan.plans import Plan
from vefa.plan.steps import Medium, Message
from vefa.settings import Settings

#: What stands for the names in one message's words, in one language.
Context = Callable[[Plan, Message, str], Mapping[str, Any]]


@dataclass(frozen=True)
class Preview:
    """One message in one language. `fault` says why it could not be written; then there are no words."""

    journey: str
    step: str
    template: str
    medium: Medium
    locale: str
    sample: str
    purpose: str
    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    encoding: str = ""
    segments: int = 0
    fault: str = ""

    @property
    def file(self) -> str:
        """Where it is put, without the file's ending."""
        sample = "" if self.sample in ("usual", "customer") else f".{self.sample}"
        return f"{self.journey}/{self.step}.{self.locale}{sample}"

    @property
    def place(self) -> str:
        """What is said of where something is wrong."""
        sample = "" if self.sample == "usual" else f", {self.sample}"
        return f"{self.journey} > {self.step} ({self.medium}, {self.locale}{sample})"


@dataclass(frozen=True)
class Renderer:
    """Writes the messages of journeys for whoever `context` tells of.

    `language` is a real customer's own: of several languages it alone is shown.
    """

    store: TemplateStore
    settings: Settings
    sample: str
    context: Context
    language: str | None = None

    def of(self, plan: Plan, locales: Sequence[str], step: str | None = None) -> Iterator[Preview]:
        """Every message of the plan, or of one step of it, by each of its media and in each language."""
        own = self.language if self.language in self.settings.shop.locales else None
        for message in messages(plan, step):
            variants = [variant.name for variant in message.test.variants] if message.test else [""]
            for variant, locale in product(variants, (own,) if own and len(locales) > 1 else locales):
                for medium in message.media:
                    yield self._one(plan, message.of(variant), variant, medium, locale)

    def _one(self, plan: Plan, step: Message, variant: str, medium: Medium, locale: str) -> Preview:
        names: dict[str, Any] = {
            "journey": plan.journey,
            "step": f"{step.key}-{variant}" if variant else step.key,
            "template": step.template,
            "medium": medium,
            "locale": locale,
            "sample": self.sample,
            "purpose": step.purpose,
        }
        try:
            values = {"brand": self.store.brand.names(), **self.context(plan, step, locale)}
            values = with_stand_ins(values, self.store.names_of(step, medium), self.settings)
            return Preview(**names, **(self._email if medium == "email" else self._sms)(step, locale, values))
        except (RenderError, TemplateBroken, TemplateMissing) as error:
            return Preview(**names, fault=str(error))

    def _email(self, step: Message, locale: str, values: Mapping[str, Any]) -> dict[str, Any]:
        template = self.store.email(step.template, locale)
        locales = self.settings.shop.locales
        subject, preheader = (_in(text, template.locale, locales) for text in (step.subject, step.preheader))
        email = template.render(subject, preheader, values)
        shown = Words(self.store.text_environment(template.locale)).fill(preheader, values, "preheader")
        return {"subject": email.subject, "preheader": shown, "html": email.html, "text": email.text}

    def _sms(self, step: Message, locale: str, values: Mapping[str, Any]) -> dict[str, Any]:
        country = (values.get("customer") or {}).get("country") or self.settings.shop.country
        appended = self.store.brand.sms.suffix_chars.get(country, 0)
        sms = self.store.sms(step.template, locale).render(values, appended)
        return {"text": sms.text, "encoding": sms.encoding, "segments": sms.segments}


def messages(plan: Plan, step: str | None = None) -> tuple[Message, ...]:
    """The plan's messages, or the one that is asked for. UserError where the step is none."""
    found = tuple(each for each in plan.steps if isinstance(each, Message))
    if step is None:
        return found
    if chosen := tuple(each for each in found if step in (each.id, each.key)):
        return chosen
    known = [each.id for each in found]
    advice = did_you_mean(step, known, f"Its messages are: {', '.join(known) or 'none'}.")
    raise UserError(f'{plan.journey} has no message "{step}". {advice}')


def _in(words: Mapping[str, str], locale: str, locales: Sequence[str]) -> str:
    """The words in that language, else in the shop's first, else none."""
    return next((words[wanted] for wanted in (locale, *locales) if wanted in words), "")
