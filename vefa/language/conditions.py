"""Conditions as data: what `audience`, `where`, `if`, `unless` and segments say, parsed and type-checked.

One closed union. The loader makes it from YAML, the plan stores it with segments inlined, `vefa.crm.conditions`
turns it into SQL and `english` into a sentence; all three match on the same classes. Conditions are total: an
atom over a missing value is false, and `Not` and `Nobody` are its true complement (rule 12).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator


def _tagged(value: Any) -> Any:
    match value:
        case Decimal():
            return {"decimal": str(value)}
        case date():
            return {"date": value.isoformat()}
    return value


def _untagged(value: Any) -> Any:
    match value:
        case {"decimal": text}:
            return Decimal(text)
        case {"date": text}:
            return date.fromisoformat(text)
    return value


#: A value in a condition. In JSON, numbers with decimals and dates are tagged, so that the text "250" stays text.
Scalar = Annotated[bool | int | Decimal | date | str, PlainSerializer(_tagged), PlainValidator(_untagged)]
Comparison = Literal["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True)
class Duration:
    """A length of time: calendar days on the customer's own clock, and elapsed seconds. Either may be negative."""

    days: int = 0
    seconds: int = 0


@dataclass(frozen=True)
class EventScope:
    """An event about the trigger's own object, or (`of_customer`) about anything of the customer's.

    "The same object" is the same one of the same kind, or the same order where both belong to one (a return and its
    order). Where neither holds the scope is always the customer's: the compiler resolves that.
    """

    event: str
    of_customer: bool = False


@dataclass(frozen=True)
class Compare:
    """`field: "> 5"`; for a list field, `=` means the list has the value."""

    field: str
    op: Comparison
    value: Scalar
    kind: Literal["compare"] = "compare"


@dataclass(frozen=True)
class Between:
    """`field: 3 to 10`, both ends in."""

    field: str
    low: Scalar
    high: Scalar
    kind: Literal["between"] = "between"


@dataclass(frozen=True)
class OneOf:
    """`field: [a, b]` or `field: {in: [a, b]}`."""

    field: str
    values: tuple[Scalar, ...]
    kind: Literal["one_of"] = "one_of"


@dataclass(frozen=True)
class Contains:
    """`field: {contains: x}`: a list has the value, or a text has it as a part (case aside)."""

    field: str
    value: str
    kind: Literal["contains"] = "contains"


@dataclass(frozen=True)
class Known:
    """`field: is set` (known) or `field: is empty` (not known)."""

    field: str
    known: bool
    kind: Literal["known"] = "known"


@dataclass(frozen=True)
class Ago:
    """`field: more than 90 days ago` (`more`) or `less than 14 days ago`; a moment to come is neither."""

    field: str
    more: bool
    length: Duration
    kind: Literal["ago"] = "ago"


@dataclass(frozen=True)
class Within:
    """`field: in less than 3 days`: to come, and sooner than that. `more` for `in more than`."""

    field: str
    more: bool
    length: Duration
    kind: Literal["within"] = "within"


@dataclass(frozen=True)
class Today:
    """`field: is today`: the customer's own date."""

    field: str
    kind: Literal["today"] = "today"


@dataclass(frozen=True)
class Before:
    """`field: before 2026-01-01` or `after …`: the start of that day on the customer's own clock."""

    field: str
    day: date
    after: bool = False
    kind: Literal["before"] = "before"


@dataclass(frozen=True)
class Happened:
    """`happened: EVENT`. Inside a journey it counts from the trigger's moment; in segments and audiences, ever.

    `within` reaches back from now instead; `times` compares how often.
    """

    scope: EventScope
    within: Duration | None = None
    op: Comparison = ">="
    times: int = 1
    since_entry: bool = True
    kind: Literal["happened"] = "happened"


@dataclass(frozen=True)
class Reacted:
    """`opened: STEP` or `clicked: STEP`: to this journey's own message of that id."""

    step: str
    how: Literal["opened", "clicked"]
    kind: Literal["reacted"] = "reacted"


@dataclass(frozen=True)
class InSegment:
    """`segment: NAME`, with what the name meant when the plan was made."""

    name: str
    condition: Condition
    kind: Literal["segment"] = "segment"


@dataclass(frozen=True)
class Everything:
    """All hold. With no conditions it is true."""

    conditions: tuple[Condition, ...] = ()
    kind: Literal["all"] = "all"


@dataclass(frozen=True)
class Anything:
    """At least one holds."""

    conditions: tuple[Condition, ...]
    kind: Literal["any"] = "any"


@dataclass(frozen=True)
class Nothing:
    """Not one holds."""

    conditions: tuple[Condition, ...]
    kind: Literal["none"] = "none"


@dataclass(frozen=True)
class Not:
    """It does not hold."""

    condition: Condition
    kind: Literal["not"] = "not"


Condition = Annotated[
    Compare
    | Between
    | OneOf
    | Contains
    | Known
    | Ago
    | Within
    | Today
    | Before
    | Happened
    | Reacted
    | InSegment
    | Everything
    | Anything
    | Nothing
    | Not,
    Field(discriminator="kind"),
]
