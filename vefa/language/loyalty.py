"""The reference manual of `config/loyalty.yaml`: every key declared once; and points as journeys write them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import PlainValidator

from vefa.language.durations import quoted
from vefa.language.problems import Mistake
from vefa.language.schema import Form, key
from vefa.language.values import Day, Editor, Length, Money, Name, Words, one_of, read_count, read_group

#: More points than that are a slip of the pen.
MOST_POINTS = 1_000_000

read_points = read_count(1, MOST_POINTS, "points")


def _multiples(value: object) -> dict[str, Decimal]:
    found = {}
    for name, times in read_group(value).items():
        if isinstance(times, bool) or not isinstance(times, int | Decimal | float) or not 0 <= times <= 100:
            hint = "Write a number from 0 (none at all) to 100, such as 2 or 1.5."
            raise Mistake(f"{quoted(times)} is not how many times as much", hint, "number", inside=(name,))
        found[str(name)] = Decimal(str(times))
    return found


def _rules(value: object) -> dict[str, int]:
    found = {}
    for name, points in read_group(value).items():
        try:
            found[str(name)] = read_points(points)
        except Mistake as mistake:
            raise Mistake(mistake.message, mistake.hint, mistake.code, inside=(name,)) from None
    return found


def _points_or_rule(value: object) -> int | str:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise Mistake(f"{quoted(value)} is no number of points", "Write points: 50, or a reward's name.", "number")
    return read_points(value)


Points = Annotated[int, PlainValidator(read_points)]
From = Annotated[int, PlainValidator(read_count(0, MOST_POINTS, "points"))]
PointsOrRule = Annotated[
    int | str,
    PlainValidator(_points_or_rule),
    Editor({"anyOf": [{"type": "integer", "minimum": 1, "maximum": MOST_POINTS}, {"type": "string", "minLength": 1}]}),
]


class LoyaltyForm(Form):
    """The shop's loyalty programme."""

    required = ("starts",)

    starts: Day | None = key("Orders placed earlier earn nothing.", "2026-01-01")
    earn: Any = key("What orders earn.", {"points": 1, "per": "10 TRY"})
    expire: Any = key("When points run out; without it never.", {"after": "1 year"})
    worth: Money | None = key("What a point is worth when it is spent.", "0.10 TRY")
    rules: Annotated[dict[str, int] | None, PlainValidator(_rules)] = key(
        "Rewards by name, for the step points.", {"review": 50}
    )
    tiers: Any = key("What regulars come to.", {"levels": [{"name": "gold", "from": 2000}]})


class EarnForm(Form):
    """Points for orders: so many for each whole sum."""

    required = ("points", "per")

    points: Points | None = key("So many points.", 1)
    per: Money | None = key("For each whole sum of that.", "10 TRY")
    on: Annotated[Literal["placed", "delivered"], one_of("placed", "delivered")] = key(
        "When they count: placed, or delivered.", "delivered", "placed"
    )
    categories: Annotated[dict[str, Decimal] | None, PlainValidator(_multiples)] = key(
        "Categories whose products earn so many times as much.", {"Mutfak": 2}
    )
    first_order: Points | None = key("So many more with a customer's first order.", 100)


class ExpireForm(Form):
    """Each lot of points runs out by itself, the oldest first."""

    required = ("after",)

    after: Length | None = key("So long after they were earned.", "1 year")
    at_end_of: Annotated[Literal["day", "month"], one_of("day", "month")] = key(
        "At the end of that day, or month.", "month", "day"
    )
    tell: Length | None = key("So long before, points.expiring happens.", "30 days")


class TiersForm(Form):
    """Levels by the points earned lately."""

    required = ("levels",)

    within: Length | None = key("Points earned in that time count; a year unless said.", "1 year")
    levels: Any = key("From the lowest to the highest.", [{"name": "gold", "from": 2000}])


class LevelForm(Form):
    """One tier."""

    required = ("name", "from")

    name: Name | None = key("What conditions call it.", "gold")
    start: From | None = key("From so many points on.", 2000, alias="from")
    words: Words | None = key("What customers read, in each language.", {"tr": "Altın", "en": "Gold"})
