"""What a message that asks a survey says: its question in the reader's language, and a link for each answer."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vefa.content.sms import url_refusal
from vefa.content.survey_links import SurveyLinks
from vefa.engine.plans import elapsed
from vefa.plan.surveys import MOST_OPTIONS, Survey


@dataclass(frozen=True)
class Asked:
    """One survey with the shop's links."""

    survey: Survey
    signer: SurveyLinks

    def words(self, locale: str) -> dict[str, Any]:
        """The same for everybody."""
        return survey_words(self.survey, locale)

    def by_sms(self, shared: dict[str, Any], own: dict[str, Any], phone: str) -> dict[str, Any]:
        """Both together for one SMS, which bears its link only where operators let it through."""
        page = own.get("page", "")
        return {**shared, **own, "page": "" if url_refusal(page, phone) else page}

    def links(
        self, names: AbstractSet[str], customers: Sequence[int], sends: Sequence[int], now: datetime
    ) -> dict[str, Sequence[Any]]:
        """Everybody's own, of those that the words name."""
        answers: dict[str, int | None] = {f"survey.link_{score}": score for score in self.survey.scores}
        until = now + elapsed(self.survey.open)
        return {
            name: self.signer.urls(customers, sends, self.survey.name, score, until)
            for name, score in {"survey.page": None, **answers}.items()
            if name in names
        }


def survey_words(survey: Survey, locale: str) -> dict[str, Any]:
    """What a survey asks, in that language. An option that it does not have is empty."""
    told = {name: survey.words(getattr(survey, name), locale) for name in ("question", "low", "high")}
    options = [survey.words(words, locale) for words in survey.options.values()]
    places = range(1, MOST_OPTIONS + 1)
    choices = {f"option_{place}": options[place - 1] if place <= len(options) else None for place in places}
    return {"kind": survey.kind, **told, **choices}
