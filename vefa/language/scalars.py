"""One value after a field, as the field's type has it."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from vefa.language.catalogue import Field, FieldType
from vefa.language.conditions import Scalar
from vefa.language.durations import YES_NO, quoted, read_day
from vefa.language.problems import Mistake, did_you_mean
from vefa.language.values import either

#: What to write for each type, as advice.
ADVICE: dict[FieldType, str] = {
    "text": "Write a text, a list of texts, is empty or is set.",
    "number": 'Write a number, a comparison such as ">= 2", or a range such as 3 to 10.',
    "money": 'Write a number, a comparison such as ">= 250", or a range such as 100 to 250.',
    "time": "Write more than 90 days ago, less than 14 days ago, is today, before 2026-01-31, is empty or is set.",
    "date": "Write a day such as 2026-01-31, before or after one, more than 30 days ago, or is today.",
    "bool": "Write yes or no.",
    "list": "Write {contains: x}, a list, is empty or is set.",
}


def typed(known: Field, value: Any) -> Scalar:
    """The value as the field's type has it. Raises a Mistake for anything else."""
    return _READERS[known.type](known, value)


def _text(known: Field, value: Any) -> Scalar:
    if not isinstance(value, str):
        raise _wrong(known, value, f'Put it in quotes: "{value}".' if isinstance(value, int) else "")
    if known.choices and value not in known.choices:
        hint = did_you_mean(value, known.choices, f"Write {either(known.choices)}.")
        raise Mistake(f"{quoted(value)} never stands in {known.name}", hint, "choice")
    return value


def _number(known: Field, value: Any) -> Scalar:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    text = value.strip() if isinstance(value, str) else ""
    if re.fullmatch(r"-?\d{1,18}", text):
        return int(text)
    if re.fullmatch(r"-?\d{1,18}\.\d{1,9}", text):
        return Decimal(text)
    if known.type == "money" and re.fullmatch(r"-?\d+(\.\d+)?\s*[A-Za-z₺$€]+", text):
        alone = re.sub(r"[^\d.-]", "", text)
        raise Mistake(f"{quoted(value)} has a currency", f"Write the number alone: {alone}.", "type")
    raise _wrong(known, value)


def _date(known: Field, value: Any) -> Scalar:
    day = read_day(value) if isinstance(value, str) else None
    if day is None:
        raise _wrong(known, value)
    return day


def _bool(known: Field, value: Any) -> Scalar:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in YES_NO:
        return YES_NO[value.lower()]
    raise _wrong(known, value)


def _time(known: Field, value: Any) -> Scalar:
    raise _wrong(known, value)


def _member(known: Field, value: Any) -> Scalar:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _wrong(known, value)
    return str(value)


_READERS: dict[FieldType, Callable[[Field, Any], Scalar]] = {
    "text": _text,
    "number": _number,
    "money": _number,
    "date": _date,
    "bool": _bool,
    "time": _time,
    "list": _member,
}
_NAMES: dict[FieldType, str] = {
    "text": "a text",
    "number": "a number",
    "money": "a sum of money",
    "time": "a moment",
    "date": "a date",
    "bool": "yes or no",
    "list": "a list",
}


def is_a(known: Field) -> str:
    """`orders.count is a number`."""
    return f"{known.name} is {_NAMES[known.type]}"


def _wrong(known: Field, value: Any, hint: str = "") -> Mistake:
    return Mistake(f"{is_a(known)}, and {quoted(value)} is not", hint or ADVICE[known.type], "type")
