"""The kinds of values that keys of a file hold: how each is read, and what an editor is told of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import PlainValidator

from vefa.language import durations
from vefa.language.conditions import Duration
from vefa.language.durations import Offset, Sum, quoted
from vefa.language.problems import Mistake, did_you_mean

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONG_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

MOST_VARIANTS = 5
_NAME = r"[a-z0-9]+([-_][a-z0-9]+)*"
_PREFIX = r"[A-Z0-9]{1,12}"
_EMAIL = r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+"
_SENDER = rf"({_EMAIL}|[^<>]+ <{_EMAIL}>)"
_LENGTH = r"^\d+ ?(minute|hour|day|week|month|year)s?$"
_CLOCK = r"^\d{1,2}:\d{2}$"


@dataclass(frozen=True, eq=False)
class Editor:
    """What an editor is told of a value: its JSON Schema."""

    schema: dict[str, Any]


def read_text(value: object) -> str:
    """Some text; a number must be quoted to count as one."""
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        raise Mistake(f"this must be text, and {value} is a number", f'Put it in quotes: "{value}".', "type")
    raise Mistake(f"this must be text, not {quoted(value) if value != '' else 'nothing'}", "", "type")


def _pattern(pattern: str, what: str, example: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise Mistake(f"{quoted(value)} is no {what}", example, "name")
        return value

    return read


def one_of(*words: str) -> PlainValidator:
    """One of these words."""

    def read(value: object) -> str:
        if value in words:
            return str(value)
        hint = did_you_mean(str(value), words, f"Write {either(words)}.")
        raise Mistake(f"{quoted(value)} is not possible here", hint, "choice")

    return PlainValidator(read)


def either(words: tuple[str, ...]) -> str:
    """`a, b or c`."""
    return " or ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else words[0]


def read_words(value: object) -> dict[str, str] | str:
    """One text, or a text for each language."""
    if isinstance(value, dict):
        if not value:
            raise Mistake("no language is given", 'Write {tr: "…", en: "…"}.', "words")
        for locale, text in value.items():
            if not isinstance(text, str) or not text.strip():
                message = f"the words for {quoted(locale)} must be text, not {quoted(text)}"
                raise Mistake(message, "Put them in quotes.", "words", inside=(locale,))
        return value
    return read_text(value)


def _variants(read: Callable[[object], Any]) -> Callable[[object], dict[str, Any]]:
    """Two to five variants of a test by their names, each read by `read`."""

    def read_all(value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Mistake(f"this must be a group of variants, not {quoted(value)}", "Write {a: …, b: …}.", "type")
        if not 2 <= len(value) <= MOST_VARIANTS:
            has = "one variant only" if len(value) == 1 else f"{len(value)} variants"
            raise Mistake(f"the test has {has}", "A test compares two to five, such as a and b.", "test")
        found: dict[str, Any] = {}
        for name, given in value.items():
            if not isinstance(name, str) or not re.fullmatch(_NAME, name):
                raise Mistake(f"{quoted(name)} is no name for a variant", "Name them a and b.", "name", inside=(name,))
            try:
                found[name] = read(given)
            except Mistake as mistake:
                inside = (name, *mistake.inside)
                raise Mistake(mistake.message, mistake.hint, mistake.code, inside=inside) from None
        return found

    return read_all


def _weekdays(value: object) -> tuple[Weekday, ...]:
    given: list[Any] = value if isinstance(value, list) else [value]
    days: dict[object, Weekday] = {**dict(zip(LONG_WEEKDAYS, WEEKDAYS, strict=True)), **{day: day for day in WEEKDAYS}}
    for index, day in enumerate(given):
        if not isinstance(day, str) or day not in days:
            hint = did_you_mean(str(day), (*WEEKDAYS, *LONG_WEEKDAYS), f"Days are {', '.join(WEEKDAYS)}.")
            inside = (index,) if isinstance(value, list) else ()
            raise Mistake(f"{quoted(day)} is no day of the week", hint, "weekday", inside=inside)
    if not given:
        raise Mistake("no day of the week is given", f"Days are {', '.join(WEEKDAYS)}.", "weekday")
    return tuple(day for day in WEEKDAYS if day in {days[given_day] for given_day in given})


def _whole_days(value: object) -> Duration:
    length = durations.read_duration(value, negative=True)
    if length.seconds:
        raise Mistake("only whole days can move a date", "Write it in days, such as -3 days.", "duration")
    return length


def read_count(low: int, high: int, what: str) -> Callable[[object], int]:
    """A whole number between two others."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Mistake(
                f"{quoted(value)} is no number of {what}", f"Write a whole number from {low} to {high:,}.", "number"
            )
        return value

    return read


def read_list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise Mistake(
            f"this must be a list, not {quoted(value)}", "Begin each entry with a dash on its own line.", "type"
        )
    return value


def read_group(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Mistake(f"this must be a group of keys, not {quoted(value)}", "Write {name: value}.", "type")
    return value


def ref(name: str) -> dict[str, Any]:
    """What an editor is told: see the definition of that name."""
    return {"$ref": f"#/$defs/{name}"}


def list_of(name: str) -> dict[str, Any]:
    """The same for a list of at least one."""
    return {"type": "array", "minItems": 1, "items": ref(name)}


Text = Annotated[str, PlainValidator(read_text), Editor({"type": "string", "minLength": 1})]
Name = Annotated[
    str,
    PlainValidator(_pattern(_NAME, "name", "Use small letters a-z, digits and dashes, such as order-thank-you.")),
    Editor({"type": "string", "pattern": f"^{_NAME}$"}),
]
Prefix = Annotated[
    str,
    PlainValidator(_pattern(_PREFIX, "prefix", "Use up to 12 capitals A-Z and digits, such as DOGUM.")),
    Editor({"type": "string", "pattern": f"^{_PREFIX}$"}),
]
Sender = Annotated[
    str,
    PlainValidator(_pattern(_SENDER, "e-mail address", 'Write "care@ornek.example" or "Name <care@ornek.example>".')),
    Editor({"type": "string", "pattern": f"^{_SENDER}$"}),
]
_WORDS: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string", "minLength": 1}},
    ]
}
Words = Annotated[dict[str, str] | str, PlainValidator(read_words), Editor(_WORDS)]


def _of_variants(one: dict[str, Any]) -> Editor:
    return Editor({"type": "object", "minProperties": 2, "maxProperties": MOST_VARIANTS, "additionalProperties": one})


VariantWords = Annotated[dict[str, dict[str, str] | str], PlainValidator(_variants(read_words)), _of_variants(_WORDS)]
VariantNames = Annotated[
    dict[str, str],
    PlainValidator(_variants(_pattern(_NAME, "name", "Use small letters a-z, digits and dashes, such as welcome."))),
    _of_variants({"type": "string", "pattern": f"^{_NAME}$"}),
]
Length = Annotated[
    Duration,
    PlainValidator(durations.read_duration),
    Editor({"type": "string", "pattern": _LENGTH}),
]
DayOffset = Annotated[
    Duration,
    PlainValidator(_whole_days),
    Editor({"type": "string", "pattern": r"^-?\d+ ?(day|week|month|year)s?$"}),
]
Clock = Annotated[time, PlainValidator(durations.read_time), Editor({"type": "string", "pattern": _CLOCK})]
Day = Annotated[date, PlainValidator(durations.read_date), Editor({"type": "string"})]
Moment = Annotated[
    Offset,
    PlainValidator(durations.read_moment),
    Editor({"type": "string", "pattern": r"^[\w.]+( ?[+-] ?\d+ ?[a-z]+)?$"}),
]
Share = Annotated[
    int,
    PlainValidator(durations.read_percent),
    Editor({"type": "string", "pattern": r"^\d+(\.\d{1,2})? ?%$"}),
]
Rate = Annotated[
    Decimal,
    PlainValidator(durations.read_rate),
    Editor(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 100},
                {"type": "string", "pattern": r"^\d+(\.\d{1,2})? ?%$"},
            ]
        }
    ),
]
Money = Annotated[
    Sum,
    PlainValidator(durations.read_sum),
    Editor({"type": "string", "pattern": r"^\d+(\.\d{1,2})? [A-Z]{3}$"}),
]
YesNo = Annotated[
    bool,
    PlainValidator(durations.read_yes_no),
    Editor({"enum": ["yes", "no", True, False]}),
]
Weekdays = Annotated[
    tuple[Weekday, ...],
    PlainValidator(_weekdays),
    Editor(
        {
            "anyOf": [
                {"enum": [*WEEKDAYS, *LONG_WEEKDAYS]},
                {"type": "array", "minItems": 1, "items": {"enum": [*WEEKDAYS, *LONG_WEEKDAYS]}},
            ]
        }
    ),
]
Recommendations = Annotated[
    int,
    PlainValidator(read_count(1, 12, "products")),
    Editor({"type": "integer", "minimum": 1, "maximum": 12}),
]
Limit = Annotated[
    int,
    PlainValidator(read_count(1, 1000, "messages")),
    Editor({"type": "integer", "minimum": 1, "maximum": 1000}),
]
Seconds = Annotated[
    int,
    PlainValidator(read_count(1, 60, "seconds")),
    Editor({"type": "integer", "minimum": 1, "maximum": 60}),
]

Purpose = Annotated[
    Literal["commercial", "transactional"],
    one_of("commercial", "transactional"),
    Editor({"enum": ["commercial", "transactional"]}),
]
Status = Annotated[
    Literal["draft", "live", "paused", "closing"],
    one_of("draft", "live", "paused", "closing"),
    Editor({"enum": ["draft", "live", "paused", "closing"]}),
]
OnFailure = Annotated[Literal["continue", "exit"], one_of("continue", "exit"), Editor({"enum": ["continue", "exit"]})]
ShopHours = Annotated[Literal["shop"] | None, one_of("shop"), Editor({"enum": ["shop"]})]
Takes = Annotated[Literal["event", "text"], one_of("event", "text"), Editor({"enum": ["event", "text"]})]
Measure = Annotated[
    Literal["clicked", "opened", "goal"],
    one_of("clicked", "opened", "goal"),
    Editor({"enum": ["clicked", "opened", "goal"]}),
]
Of = Annotated[Literal["customer"], one_of("customer"), Editor({"enum": ["customer"]})]
Period = Annotated[
    Literal["day", "week", "month"], one_of("day", "week", "month"), Editor({"enum": ["day", "week", "month"]})
]
Medium = Annotated[Literal["email", "sms"], one_of("email", "sms"), Editor({"enum": ["email", "sms"]})]

Group = Annotated[dict[str, Any], PlainValidator(read_group), Editor({"type": "object"})]
#: Read further by the condition parser.
Conditions = Annotated[Any, Editor(ref("Condition"))]
#: Read further, each step by its own form.
Steps = Annotated[list[Any], PlainValidator(read_list), Editor(list_of("Step"))]
