"""What stands after a field: a value, a list, a comparison or a phrase, checked against the field's type."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vefa.language.catalogue import Field, FieldType
from vefa.language.conditions import (
    Ago,
    Before,
    Between,
    Compare,
    Comparison,
    Condition,
    Contains,
    Known,
    OneOf,
    Scalar,
    Today,
    Within,
)
from vefa.language.durations import quoted, read_day, read_duration
from vefa.language.problems import Mistake, did_you_mean
from vefa.language.scalars import ADVICE, is_a, typed

COMPARISONS: tuple[Comparison, ...] = ("<=", ">=", "!=", "<", ">", "=")
_COMPARISON = re.compile(r"(<=|>=|!=|==|<>|<|>|=)\s*(.*)", re.DOTALL)
_AGO = re.compile(r"(more|less) than (.+) ago")
_TO_COME = re.compile(r"in (more|less) than (.+)")
_BEFORE = re.compile(r"(before|after) (.+)")
_RANGE = re.compile(r"(.+?) to (.+)")
_IS = {"is empty", "is set", "is today"}

#: Which comparisons a type bears.
ORDERED: frozenset[FieldType] = frozenset({"number", "money", "date"})
TIMELY: frozenset[FieldType] = frozenset({"time", "date"})

#: Every way of asking, with an example, for the manual and for editors.
OPERATORS: dict[str, str] = {
    "=": "customer.country: TR",
    "!=": 'customer.country: "!= TR"',
    "<": 'customer.age: "< 30"',
    "<=": 'orders.count: "<= 3"',
    ">": 'orders.count: "> 3"',
    ">=": 'order.total: ">= 250"',
    "to": "orders.count: 3 to 10",
    "is empty": "customer.city: is empty",
    "is set": "customer.city: is set",
    "contains": "customer.tags: {contains: vip}",
    "in": "customer.city: {in: [Ankara, Konya]}",
    "more than … ago": "orders.last_at: more than 90 days ago",
    "less than … ago": "orders.last_at: less than 14 days ago",
    "in less than": "delivery.promised_at: in less than 3 days",
    "in more than": "delivery.promised_at: in more than 3 days",
    "is today": "customer.created_at: is today",
    "before": "customer.created_at: before 2026-01-01",
    "after": "customer.created_at: after 2026-01-01",
}


def read_value(known: Field, value: Any) -> Condition:
    """The condition that `field: value` means. Raises a Mistake, `inside` naming the place within the value."""
    match value:
        case None:
            raise Mistake(f"after {known.name} stands nothing", ADVICE[known.type], "value")
        case list():
            return OneOf(known.name, _scalars(known, value, ()))
        case dict():
            return _wrapped(known, value)
        case str():
            return _phrase(known, value.strip())
    return Compare(known.name, "=", typed(known, value))


def _wrapped(known: Field, value: dict[str, Any]) -> Condition:
    if len(value) != 1:
        raise Mistake("here stands one of contains and in", "Write {contains: x} or {in: [a, b]}.", "operator")
    word, given = next(iter(value.items()))
    if word == "in":
        if not isinstance(given, list):
            raise Mistake('"in" needs a list', "Write {in: [a, b]}.", "value", inside=("in",))
        return OneOf(known.name, _scalars(known, given, ("in",)))
    if word != "contains":
        raise Mistake(
            f'there is no operator "{word}"',
            did_you_mean(word, ("contains", "in"), "Write {contains: x} or {in: [a, b]}."),
            "operator",
        )
    if known.type not in {"text", "list"}:
        raise Mistake(f"{is_a(known)}, so it contains nothing", ADVICE[known.type], "type")
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise Mistake(f'"contains" needs a text, not {quoted(given)}', "", "type", inside=("contains",))
    return Contains(known.name, str(given))


def _scalars(known: Field, values: list[Any], inside: tuple[str | int, ...]) -> tuple[Scalar, ...]:
    if not values:
        raise Mistake("the list is empty", ADVICE[known.type], "value", inside=inside)
    read = []
    for index, value in enumerate(values):
        try:
            read.append(typed(known, value))
        except Mistake as mistake:
            raise Mistake(mistake.message, mistake.hint, mistake.code, (*inside, index)) from None
    return tuple(read)


def _phrase(known: Field, text: str) -> Condition:
    for reads in _PHRASES:
        found = reads.pattern.fullmatch(text)
        if found and (condition := reads.make(known, found)) is not None:
            return condition
    if known.type in TIMELY and known.type != "date":
        raise _no_phrase(known, text)
    return Compare(known.name, "=", typed(known, text))


def _is(known: Field, found: re.Match[str]) -> Condition | None:
    phrase = found[0].lower()
    if phrase in {"is empty", "is set"}:
        return Known(known.name, phrase == "is set")
    if phrase == "is today" and known.type in TIMELY:
        return Today(known.name)
    if known.type != "text":
        hint = ADVICE[known.type] if phrase in _IS else did_you_mean(phrase, _IS, ADVICE[known.type])
        raise Mistake(f"{quoted(found[0])} cannot be asked of {known.name}", hint, "operator")
    return None


def _compare(known: Field, found: re.Match[str]) -> Condition:
    op, rest = found[1], found[2].strip()
    if known.type in TIMELY and (words := _words_for(op, rest)):
        raise Mistake(f"{quoted(found[0])} can be read two ways", f"Write {words}.", "comparison-ago")
    if op in {"==", "<>"}:
        raise Mistake(f'there is no operator "{op}"', f'Did you mean "{"=" if op == "==" else "!="}"?', "operator")
    if not rest:
        raise Mistake(f'after "{op}" stands nothing', ADVICE[known.type], "value")
    if known.type == "time":
        raise Mistake(f"{known.name} is a moment and cannot be compared so", _moment_words(op, rest), "type")
    if op not in {"=", "!="} and known.type not in ORDERED:
        raise Mistake(f'{is_a(known)}, so "{op}" cannot be asked of it', ADVICE[known.type], "type")
    chosen = next(known_op for known_op in COMPARISONS if known_op == op)
    return Compare(known.name, chosen, typed(known, rest))


def _words_for(op: str, rest: str) -> str | None:
    """`> 90 days ago` could mean longer ago or later: the words that say which."""
    length = rest.removesuffix("ago").strip()
    try:
        read_duration(length)
    except Mistake:
        return None
    wanted = {"<": "less", "<=": "less", ">": "more", ">=": "more"}.get(op, "more")
    if rest.endswith("ago"):
        return f"{wanted} than {length} ago"
    return f"{wanted} than {length} ago, or in {wanted} than {length}"


def _moment_words(op: str, rest: str) -> str:
    if read_day(rest) and op in {"<", "<=", ">", ">="}:
        return f"Write {'before' if op[0] == '<' else 'after'} {rest}."
    return ADVICE["time"]


def _ago(known: Field, found: re.Match[str]) -> Condition | None:
    if known.type not in TIMELY:
        return _not_timely(known, found[0])
    return Ago(known.name, found[1] == "more", read_duration(found[2]))


def _to_come(known: Field, found: re.Match[str]) -> Condition | None:
    if known.type not in TIMELY:
        return _not_timely(known, found[0])
    return Within(known.name, found[1] == "more", read_duration(found[2]))


def _before(known: Field, found: re.Match[str]) -> Condition | None:
    if known.type not in TIMELY:
        return _not_timely(known, found[0])
    day = read_day(found[2])
    if day is None:
        raise Mistake(f"{quoted(found[2])} is no day", "Write it as year-month-day, such as 2026-01-31.", "date")
    return Before(known.name, day, after=found[1] == "after")


def _not_timely(known: Field, text: str) -> Condition | None:
    """Text may hold any words; for the other types a phrase of time is a mistake."""
    if known.type not in {"text", "list"}:
        raise Mistake(
            f"{is_a(known)}, not a moment, so {quoted(text)} cannot be asked of it", ADVICE[known.type], "type"
        )
    return None


def _range(known: Field, found: re.Match[str]) -> Condition | None:
    if known.type not in ORDERED:
        return None
    low, high = typed(known, found[1]), typed(known, found[2])
    if not _in_order(low, high):
        raise Mistake(f"{quoted(found[0])} is no range", f"The smaller comes first: {found[2]} to {found[1]}.", "value")
    return Between(known.name, low, high)


def _in_order(low: Any, high: Any) -> bool:
    """Of two values of one type, which is neither text nor yes or no."""
    return not isinstance(low, str | bool) and not isinstance(high, str | bool) and bool(low <= high)


def _no_phrase(known: Field, text: str) -> Mistake:
    length = text.removesuffix("ago").strip()
    try:
        read_duration(length)
    except Mistake:
        return Mistake(f"{quoted(text)} says nothing about a moment", ADVICE["time"], "type")
    hint = f"Write more than {length} ago or less than {length} ago."
    return Mistake(f"{quoted(text)} does not say whether more or less", hint, "operator")


@dataclass(frozen=True)
class _Phrase:
    """A way of asking: what it looks like, and what it means (None: not of this field)."""

    pattern: re.Pattern[str]
    make: Callable[[Field, re.Match[str]], Condition | None]


_PHRASES = (
    _Phrase(_COMPARISON, _compare),
    _Phrase(re.compile(r"is \w+.*", re.IGNORECASE), _is),
    _Phrase(_AGO, _ago),
    _Phrase(_TO_COME, _to_come),
    _Phrase(_BEFORE, _before),
    _Phrase(_RANGE, _range),
)
