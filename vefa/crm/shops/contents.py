"""What an order of a shop system holds, in the keys of an `order.placed` event: codes, lines, and its two currencies.

A line that cannot be read is left out, and marks the order as incomplete: its total is the order's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from vefa.crm.shops.update import amount, text

#: Decimal places of a quantity and of a price.
_PLACES = Decimal("0.0001")
#: What Shopify calls the variant of a product that has none.
_NO_VARIANT = {"", "Default Title"}


@dataclass(frozen=True)
class ShopLine:
    """One line as a message shows it; None where it cannot be read. A `quantity` of 0 is a line that is gone."""

    product: str
    name: str
    variant: str
    quantity: Decimal | None
    unit_price: Decimal | None
    gift_card: bool = False

    @property
    def readable(self) -> bool:
        """Whether it is a line that can be stored."""
        return bool(self.product) and self.unit_price is not None and (self.quantity or 0) > 0

    def as_data(self) -> dict[str, Any]:
        """The line in the keys of an event."""
        return {
            "product": self.product,
            "name": self.name or None,
            "variant": None if self.variant in _NO_VARIANT else self.variant,
            "quantity": str(_rounded(self.quantity)),
            "unit_price": str(_rounded(self.unit_price)),
            "gift_card": self.gift_card,
        }


def line_data(lines: Iterable[ShopLine]) -> dict[str, Any]:
    """`lines`, and whether the order lacks some that could not be read."""
    present = [line for line in lines if line.quantity != 0]
    good = [line for line in present if line.readable]
    return {"lines": [line.as_data() for line in good], "lines_incomplete": len(good) < len(present)}


def code_data(codes: Iterable[Any]) -> dict[str, Any]:
    """`coupon_codes`: each once, in the order in which the basket names them."""
    return {"coupon_codes": list(dict.fromkeys(code for given in codes if (code := text(given))))}


def unit_price(total: Decimal | None, quantity: Decimal | None) -> Decimal | None:
    """What one piece or unit costs, of what the line costs."""
    if total is None or not quantity:
        return None
    return total / quantity


def variant_of(name: str, parent: str, values: Iterable[Any]) -> tuple[str, str]:
    """The name of the product and that of its variant, of a line's name such as "Tişört - L".

    `parent` is the product's own name where the message has it; `values` are the chosen attributes.
    """
    chosen = ", ".join(value for given in values if (value := text(given)))
    if parent:
        rest = name.removeprefix(parent).strip(" -–,") if name.startswith(parent) else ""
        return parent, rest or chosen
    for end in (f" - {chosen}", f" – {chosen}"):
        if chosen and name.endswith(end):
            return name.removesuffix(end), chosen
    return name, chosen


def money(given: Mapping[str, Any], side: str) -> tuple[Decimal | None, str]:
    """Amount and currency of one side (`presentment_money`, `shop_money`) of a sum in two currencies."""
    found = given.get(side)
    if not isinstance(found, dict):
        return None, ""
    return amount(found.get("amount")), text(found.get("currency_code"))


def _rounded(value: Decimal | None) -> Decimal:
    return (value or Decimal(0)).quantize(_PLACES, ROUND_HALF_UP)
