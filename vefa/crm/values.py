"""Values that words are made of."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class MoneyAmount:
    """An amount with its currency (ISO 4217). Templates print it by the customer's locale."""

    amount: Decimal
    currency: str
