"""What the engine puts in beside the fields, with nothing signed: links that lead nowhere, questions, tiers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from vefa.crm.ticket_messages import Conversation, Utterance, told
from vefa.engine.asking import survey_words
from vefa.plan.project import shop_loyalty
from vefa.plan.steps import Message
from vefa.plan.surveys import Surveys
from vefa.settings import Settings


def inert_links(settings: Settings) -> dict[str, Any]:
    """Links that look like a customer's own and lead nowhere: their word is not signed."""
    start = settings.public_url.rstrip("/")
    return {"links.unsubscribe": f"{start}/u/preview", "links.preferences": f"{start}/p/preview"}


def survey_values(step: Message, locale: str, settings: Settings) -> dict[str, Any]:
    """What the message's survey asks, if it has one."""
    survey = Surveys(settings.root, settings.shop.locales).get(step.survey) if step.survey else None
    if survey is None:
        return {}
    page = f"{settings.public_url.rstrip('/')}/s/preview"
    links = {f"link_{score}": page for score in survey.scores}
    return {f"survey.{name}": said for name, said in {**survey_words(survey, locale), "page": page, **links}.items()}


def tier_names(tier: str | None, next_tier: str | None, locale: str, settings: Settings) -> dict[str, Any]:
    """What customers of that language call these tiers."""
    programme = shop_loyalty(settings.root, settings)
    told = {"loyalty.tier_name": tier, "loyalty.next_tier_name": next_tier}
    return {name: programme.words(each, locale) for name, each in told.items()}


def tiers(settings: Settings) -> tuple[str | None, str | None]:
    """Two of the shop's tiers, one above the other; None where it has fewer."""
    names = [level.name for level in shop_loyalty(settings.root, settings).levels]
    return (names[0] if names else None, names[1] if len(names) > 1 else None)


_SAID = {
    "tr": (
        "Kupanın kulbu kırık geldi.\nYenisini gönderebilir misiniz?",
        "Çok üzgünüz. Yenisini bugün yola çıkarıyoruz.",
    ),
    "en": ("The mug came with a broken handle.\nCould you send a new one?", "We are sorry. A new one leaves today."),
}


def conversation(locale: str, now: datetime, times: int, settings: Settings) -> dict[str, Any]:
    """A made-up transcript: so many times a question and its answer, after others that are left out if it is long."""
    asks, answers = _SAID.get(locale, _SAID["en"])
    hour, zone = timedelta(hours=1), settings.shop.zone
    said = tuple(
        each
        for n in range(times)
        for each in (
            Utterance("customer", None, asks, now - (2 * times - 2 * n) * hour),
            Utterance("agent", "Işıl", answers, now - (2 * times - 2 * n - 1) * hour),
        )
    )
    return told(Conversation(said, 12 if times > 1 else 0), None, zone)
