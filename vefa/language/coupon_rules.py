"""The reference manual of `config/coupons.yaml`: every key declared once."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import PlainValidator

from vefa.language.durations import quoted, read_day
from vefa.language.problems import Mistake
from vefa.language.schema import Form, key
from vefa.language.values import Editor, Length, Money, Rate, Text, YesNo


def _day(value: object) -> date:
    day = read_day(value) if isinstance(value, str) else None
    if day is None:
        raise Mistake(f"{quoted(value)} is no day", "Write year, month and day, such as 2026-12-31.", "day")
    return day


def _codes(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 5000:
        raise Mistake(f"{quoted(value)} is no number of codes", "Write a whole number from 1 to 5000.", "number")
    return value


Day = Annotated[date, PlainValidator(_day), Editor({"type": "string"})]
Codes = Annotated[int, PlainValidator(_codes), Editor({"type": "integer"})]


class CouponsForm(Form):
    """Pools of codes that the shop's checkout has made, and how the checkout learns of codes that vefa makes."""

    pools: Any = key("The pools, by name.", {"spring": {"percent": 10, "valid": "14 days"}})
    checkout: Any = key("How the shop's checkout learns of codes.", {"before_telling": "yes"})


class PoolForm(Form):
    """What each code of a pool is worth, as the checkout has it. One of percent, amount, free_shipping."""

    percent: Rate | None = key("So many per cent off.", 10)
    amount: Money | None = key("A sum off.", "100 TRY")
    free_shipping: YesNo = key("No shipping costs.", "yes", False)
    minimum: Money | None = key("Only for baskets from that sum on.", "500 TRY")
    valid: Length | None = key("How long a code is good for, from the message on.", "14 days")
    valid_until: Day | None = key("The last day on which the checkout takes the codes.", "2026-12-31")


class CheckoutForm(Form):
    """How the shop's checkout learns of codes that vefa makes."""

    before_telling: YesNo | None = key("Nobody reads a code before the checkout has it.", "yes")
    url: Text | None = key("Where new codes are posted to, signed.", "https://magaza.ornek.example/coupons")
    batch: Codes = key("How many codes one request holds at most.", 500, 500)
