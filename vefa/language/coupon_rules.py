"""The reference manual of `config/coupons.yaml`: every key declared once."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainValidator

from vefa.language.schema import Form, key
from vefa.language.values import Day, Editor, Group, Length, Money, Rate, Text, YesNo, read_count

Codes = Annotated[int, PlainValidator(read_count(1, 5000, "codes")), Editor({"type": "integer"})]


class CouponsForm(Form):
    """Pools of codes that the shop's checkout has made, and how the checkout learns of codes that vefa makes."""

    pools: Group | None = key("The pools, by name.", {"spring": {"percent": 10, "valid": "14 days"}})
    checkout: Any = key("How the shop's checkout learns of codes.", {"before_telling": "yes"})


class WorthForm(Form):
    """What a coupon is worth, and how long."""

    percent: Rate | None = key("So many per cent off.", 15)
    amount: Money | None = key("A sum off.", "100 TRY")
    free_shipping: YesNo = key("No shipping costs.", "yes", False)
    minimum: Money | None = key("Only for baskets from that sum on.", "500 TRY")
    valid: Length | None = key("How long it is good for, from the message on.", "14 days")


class PoolForm(WorthForm):
    """What each code of a pool is worth, as the checkout has it. One of percent, amount, free_shipping."""

    valid_until: Day | None = key("The last day on which the checkout takes the codes.", "2026-12-31")


class CheckoutForm(Form):
    """How the shop's checkout learns of codes that vefa makes."""

    before_telling: YesNo | None = key("Nobody reads a code before the checkout has it.", "yes")
    url: Text | None = key("Where new codes are posted to, signed.", "https://magaza.ornek.example/coupons")
    batch: Codes = key("How many codes one request holds at most.", 500, 500)
