"""What a coupon is worth, whoever has made its code."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from vefa.language.coupon_rules import WorthForm

#: The keys of which one says what it takes off.
KEYS = ("percent", "amount", "free_shipping")


@dataclass(frozen=True)
class Worth:
    """Exactly one of `percent`, `amount`, `free_shipping` is given; `minimum`: for baskets from that sum on."""

    percent: Decimal | None = None
    amount: Decimal | None = None
    currency: str | None = None
    free_shipping: bool = False
    minimum: Decimal | None = None
    minimum_currency: str | None = None


def worth_of(form: WorthForm) -> Worth:
    """As it is written."""
    return Worth(
        percent=form.percent,
        amount=form.amount.amount if form.amount else None,
        currency=form.amount.currency if form.amount else None,
        free_shipping=form.free_shipping,
        minimum=form.minimum.amount if form.minimum else None,
        minimum_currency=form.minimum.currency if form.minimum else None,
    )
