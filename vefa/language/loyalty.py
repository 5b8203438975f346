"""The reference manual of `config/loyalty.yaml`: every key declared once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import PlainValidator

from vefa.language.durations import quoted, read_day
from vefa.language.problems import Mistake, did_you_mean
from vefa.language.schema import Form, key
from vefa.language.values import MOST_POINTS, Length, Money, Name, Words

COUNTED = ("placed", "delivered")
ENDS = ("day", "month")


def read_points(value: object, low: int = 1) -> int:
    """A whole number of points."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= MOST_POINTS:
        hint = f"Write a whole number from {low} to {MOST_POINTS:,}."
        raise Mistake(f"{quoted(value)} is no number of points", hint, "number")
    return value


def _from(value: object) -> int:
    return read_points(value, 0)


def _day(value: object) -> date:
    day = value if isinstance(value, date) else read_day(value) if isinstance(value, str) else None
    if day is None:
        raise Mistake(f"{quoted(value)} is no day", "Write it as 2026-01-31.", "date")
    return day


def _one_of(*words: str) -> PlainValidator:
    def read(value: object) -> str:
        if value not in words:
            hint = did_you_mean(str(value), words, f"Write {' or '.join(words)}.")
            raise Mistake(f"{quoted(value)} is not possible here", hint, "choice")
        return str(value)

    return PlainValidator(read)


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Mistake(f"this must be a group of keys, not {quoted(value)}", "Write name: number.", "type")
    return value


def _multiples(value: object) -> dict[str, Decimal]:
    found = {}
    for name, times in _mapping(value).items():
        if isinstance(times, bool) or not isinstance(times, int | Decimal | float) or not 0 <= times <= 100:
            hint = "Write a number from 0 (none at all) to 100, such as 2 or 1.5."
            raise Mistake(f"{quoted(times)} is not how many times as much", hint, "number", inside=(name,))
        found[str(name)] = Decimal(str(times))
    return found


def _rules(value: object) -> dict[str, int]:
    found = {}
    for name, points in _mapping(value).items():
        try:
            found[str(name)] = read_points(points)
        except Mistake as mistake:
            raise Mistake(mistake.message, mistake.hint, mistake.code, inside=(name,)) from None
    return found


Points = Annotated[int, PlainValidator(read_points)]


class LoyaltyForm(Form):
    """The shop's loyalty programme."""

    required = ("starts",)

    starts: Annotated[date | None, PlainValidator(_day)] = key("Orders placed earlier earn nothing.", "2026-01-01")
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
    on: Annotated[Literal["placed", "delivered"], _one_of(*COUNTED)] = key(
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
    at_end_of: Annotated[Literal["day", "month"], _one_of(*ENDS)] = key(
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
    start: Annotated[int | None, PlainValidator(_from)] = key("From so many points on.", 2000, alias="from")
    words: Words | None = key("What customers read, in each language.", {"tr": "Altın", "en": "Gold"})
