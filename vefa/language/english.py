"""Every condition, length of time and event in plain English: the words of `explain`, `why` and `check`.

A fragment begins small and ends without a full stop, so it can stand after "only if", "unless" or "when".
Negation is carried down to the atoms (conditions are total, rule 12): nobody has to read "it is not so that".
"""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from typing import Literal, assert_never

from vefa.language.conditions import (
    Ago,
    Anything,
    Before,
    Between,
    Compare,
    Condition,
    Contains,
    Duration,
    EventScope,
    Everything,
    Happened,
    InSegment,
    Known,
    Not,
    Nothing,
    OneOf,
    Reacted,
    Scalar,
    Today,
    Within,
)
from vefa.language.wording import (
    COUNTS,
    EVENTS,
    FACTS,
    HOLDS,
    MONTHS,
    NAMES,
    NONE_OF,
    SINCE,
    WEEKDAYS,
    Clause,
)

Joiner = Literal["and", "or"]
COMPARISONS = {"=": "", "<": "less than ", "<=": "at most ", ">": "more than ", ">=": "at least "}
UNITS = ((3600, "hour"), (60, "minute"), (1, "second"))


def english(condition: Condition) -> str:
    """The condition as one fragment, about the customer as "they"."""
    return _say(condition, True)


def _say(condition: Condition, yes: bool) -> str:
    match condition:
        case Everything(conditions):
            return _join(conditions, yes, "and" if yes else "or")
        case Anything(conditions):
            return _join(conditions, yes, "or" if yes else "and")
        case Nothing(conditions):
            return _join(conditions, not yes, "and" if yes else "or")
        case Not(inner):
            return _say(inner, not yes)
        case Happened():
            return _happened(condition, yes)
        case Compare():
            return _compare(condition, yes)
        case Contains(field, value):
            return _contains(field, (value,), yes)
        case OneOf(field, values):
            return _one_of(field, values, yes)
        case Known(field, known):
            return FACTS.get(field, Clause(name_of(field), "is", "known")).say(yes is known)
        case _:
            return _clause(condition).say(yes)


def _clause(condition: InSegment | Reacted | Between | Today | Before | Ago | Within) -> Clause:
    match condition:
        case InSegment(name):
            return Clause("they", "are", f"in the segment “{name}”")
        case Reacted(step, how):
            return Clause("they", "have", f"{how} the message “{step}”")
        case Between(field, low, high):
            return _amount(field, f"{scalar(low)} to {scalar(high)}")
        case Today(field):
            return Clause(name_of(field), "is", "today")
        case Before(field, day, after):
            return Clause(name_of(field), "was", f"{'after' if after else 'before'} {scalar(day)}")
        case Ago(field, more, length):
            return Clause(name_of(field), "was", f"{_than(more)} {duration(length)} ago")
        case Within(field, more, length):
            return Clause(name_of(field), "is", f"{_than(more)} {duration(length)} away")
        case _:
            assert_never(condition)


def _than(more: bool) -> str:
    return "more than" if more else "less than"


def _join(conditions: tuple[Condition, ...], yes: bool, word: Joiner) -> str:
    """The parts in a row; of no parts, all hold and none does."""
    if not conditions:
        return "always" if word == "and" else "never"
    return listed([part for each in conditions for part in _parts(each, yes, word)], word)


def _parts(condition: Condition, yes: bool, word: Joiner) -> list[str]:
    """What the condition adds to a list: its own parts if joined alike, else itself in brackets."""
    inner, conditions, sign = _compound(condition, yes)
    if inner is None:
        return [_say(condition, yes)]
    if inner != word:
        return [f"({_join(conditions, sign, inner)})"]
    return [part for each in conditions for part in _parts(each, sign, word)]


def _compound(condition: Condition, yes: bool) -> tuple[Joiner | None, tuple[Condition, ...], bool]:
    """How the condition's own list is joined, the list, and whether its parts are said or denied."""
    match condition:
        case Not(inner):
            return _compound(inner, not yes)
        case Everything((only,)) | Anything((only,)):
            return _compound(only, yes)
        case Nothing((only,)):
            return _compound(only, not yes)
        case Everything((_, *_)):
            return ("and" if yes else "or"), condition.conditions, yes
        case Anything((_, *_)):
            return ("or" if yes else "and"), condition.conditions, yes
        case Nothing((_, *_)):
            return ("and" if yes else "or"), condition.conditions, not yes
        case _:
            return None, (), yes


def _compare(condition: Compare, yes: bool) -> str:
    field, op, value = condition.field, condition.op, condition.value
    if op == "!=":
        return _compare(Compare(field, "=", value), not yes)
    if isinstance(value, bool):
        return FACTS.get(field, Clause(name_of(field), "is", "so")).say(value is yes)
    if field in HOLDS:
        return _contains(field, (value,), yes)
    if field in NONE_OF and (op, value) in {("=", 0), ("<", 1), ("<=", 0)}:
        return _any_of(field, not yes)
    if field in NONE_OF and (op, value) in {(">", 0), (">=", 1)}:
        return _any_of(field, yes)
    return _amount(field, COMPARISONS[op] + scalar(value)).say(yes)


def _any_of(field: str, yes: bool) -> str:
    """At least one of what is counted, or nothing of it."""
    return _amount(field, "at least 1").say(True) if yes else NONE_OF[field]


def _amount(field: str, words: str) -> Clause:
    if field not in COUNTS:
        return Clause(name_of(field), "is", words)
    clause = COUNTS[field]
    plural = "" if words.endswith(("least 1", "most 1", "than 1")) or words == "1" else "s"
    words = words.replace("less than", "fewer than")
    return Clause(clause.subject, clause.verb, clause.rest.replace("*", plural).replace("#", words))


def _contains(field: str, values: tuple[Scalar, ...], yes: bool) -> str:
    words = listed([f"“{value}”" for value in values], "or")
    if field not in HOLDS:
        return f"{name_of(field)} {'contains' if yes else 'does not contain'} {words}"
    clause = HOLDS[field]
    said = Clause(clause.subject, clause.verb, clause.rest.replace("#", words)).say(yes)
    return said.replace("does hold", "holds")


def _one_of(field: str, values: tuple[Scalar, ...], yes: bool) -> str:
    if field in HOLDS:
        return _contains(field, values, yes)
    return _amount(field, listed([scalar(value) for value in values], "or")).say(yes)


def _happened(condition: Happened, yes: bool) -> str:
    said = event_clause(condition.scope, past=True).say(yes)
    return f"{said}{_times(condition)}{_since(condition)}"


def _times(condition: Happened) -> str:
    if (condition.op, condition.times) in {(">=", 1), (">", 0)}:
        return ""
    if condition.op == "!=":
        return f" more or less often than {counted(condition.times, 'time')}"
    return f" {COMPARISONS[condition.op] or 'exactly '}{counted(condition.times, 'time')}"


def _since(condition: Happened) -> str:
    if condition.within is not None:
        return f" in the last {duration(condition.within)}"
    return " since they entered" if condition.since_entry else " at any time"


def event_clause(scope: EventScope, past: bool = False) -> Clause:
    """`an order is delivered`. An event the tables do not know is read out by its name."""
    verb = "was" if past else "is"
    if scope.event not in EVENTS:
        return Clause(f"“{scope.event}”", verb, "reported")
    subject, rest = EVENTS[scope.event]
    return Clause(subject, verb, rest)


def event_sentence(scope: EventScope, past: bool = False, among_others: bool = False) -> str:
    """What happens (or happened): `a return is asked for`.

    `among_others`: the trigger brings an object of its own, so an event about any of the customer's says so.
    """
    clause = event_clause(scope, past)
    article, _, noun = clause.subject.partition(" ")
    if scope.of_customer and scope.event == "coupon.redeemed":
        return f"any {noun} of theirs {clause.verb} {clause.rest}"
    if among_others and scope.of_customer and article in {"a", "an"}:
        return f"any {noun} of theirs {clause.verb} {clause.rest}"
    return clause.say(True)


def since_event(event: str) -> str:
    """What the event's moment is called: `the delivery` in "1 day after the delivery"."""
    return SINCE.get(event, f"“{event}”")


def name_of(field: str) -> str:
    """What a person calls the field. One that has no name here is read out."""
    return NAMES.get(field) or field.replace(".", " ").replace("_", " ")


def scalar(value: Scalar) -> str:
    """A value as a person writes it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case date():
            return day_words(value)
        case Decimal():
            return f"{value:,f}"
        case int():
            return f"{value:,}"
    return str(value)


def day_words(day: date) -> str:
    """`3 March 2026`, whatever the machine's locale."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def listed(parts: list[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def counted(amount: int, noun: str) -> str:
    """`1 day`, `2 days`, `1,000 days`."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"


def duration(length: Duration) -> str:
    """`3 days`, `1 hour and 30 minutes`. The sign is told by whoever says before or after."""
    days, rest = abs(length.days), abs(length.seconds)
    parts = [counted(days, "day")] if days else []
    for size, unit in UNITS:
        amount, rest = divmod(rest, size)
        if amount:
            parts.append(counted(amount, unit))
    return listed(parts) or "no time"


def moment(name: str, offset: Duration) -> str:
    """`5 days after the delivery`, `3 days before their birthday`, or the moment itself."""
    if offset == Duration():
        return name
    before = (offset.days, offset.seconds) < (0, 0)
    return f"{duration(offset)} {'before' if before else 'after'} {name}"


def clock(at: time) -> str:
    """`10:00`."""
    return at.strftime("%H:%M")


def weekdays(days: tuple[str, ...]) -> str:
    """`Monday or Friday`."""
    return listed([WEEKDAYS[day] for day in days], "or")
