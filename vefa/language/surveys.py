"""The reference manual of `config/surveys.yaml` and `config/themes.yaml`: every key declared once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import PlainValidator

from vefa.language.schema import Form, key
from vefa.language.values import Length, Name, Words, YesNo, one_of, read_count, read_list

SurveyKind = Literal["csat", "nps", "choice"]
Kind = Annotated[SurveyKind, one_of("csat", "nps", "choice")]
AtMost = Annotated[int, PlainValidator(read_count(0, 10, "points"))]


class SurveyForm(Form):
    """One question that customers answer with one click, and a field for whatever else they want to say."""

    required = ("kind", "question")

    kind: Kind | None = key("csat (1 to 5), nps (0 to 10) or choice (one of the options).", "csat")
    question: Words | None = key("What is asked, in each language.", {"tr": "Memnun kaldınız mı?", "en": "Content?"})
    low: Words | None = key("What the lowest score means.", {"tr": "Hiç", "en": "Not at all"})
    high: Words | None = key("What the highest score means.", {"tr": "Çok", "en": "Very"})
    options: Any = key("Of a choice: a name for each, with its words.", {"price": {"tr": "Fiyat", "en": "The price"}})
    comment: Words | None = key("What stands over the field for their own words.", {"tr": "Başka?", "en": "Else?"})
    thanks: Words | None = key("What they read at the end.", {"tr": "Teşekkürler", "en": "Thank you"})
    open: Length | None = key("How long after the message it may be answered; 60 days unless said.", "30 days")
    route: Any = key("Which answers a person must see.", {"to": "care-team", "at_most": 2})


class RouteForm(Form):
    """Which answers the staff is told of. Only `to`: of every answer."""

    required = ("to",)

    to: Name | None = key("A team of config/staff.yaml.", "care-team")
    at_most: AtMost | None = key("Answers with so many points, or fewer.", 2)
    options: Annotated[list[Any] | None, PlainValidator(read_list)] = key("Of a choice: these answers.", ["price"])
    comments: YesNo = key("Every answer with words of their own, whatever the score.", "yes", False)


class ThemeForm(Form):
    """One theme that free text is searched for."""

    required = ("name", "words")

    name: Words | None = key("What the theme is called in reports.", {"tr": "Paketleme", "en": "Packaging"})
    words: Annotated[list[Any] | None, PlainValidator(read_list)] = key(
        "Beginnings of words; =word for the whole word; several words for words in a row.", ["paket", "=kutu", "box"]
    )
