"""What is true of a made-up shop at the end: plain records that nothing of vefa has written or read."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

BEGIN = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)
NAMES = ("Ada", "Baran", "Ceyda", "Deniz", "Emre", "Fulya", "Güneş", "Hakan", "Işıl", "Kerem")
GOODS = {"501": "Fincan", "502": "Sürahi", "503": "Tabak", "504": "Kâse", "505": "Tepsi"}


@dataclass
class Line:
    """Goods of an order: `now` of the `bought` pieces are still part of it."""

    id: int
    product: str
    bought: int
    price: Decimal
    now: int = -1

    def __post_init__(self) -> None:
        self.now = self.bought


@dataclass
class Parcel:
    """A parcel; one that was cancelled is none."""

    id: int
    shipped: datetime
    changed: datetime
    delivered: datetime | None = None
    cancelled: bool = False


@dataclass
class Refund:
    """Money that goes back. `status` is that of the payment; `goods` came back with it."""

    id: int
    made: datetime
    amount: Decimal
    status: str = "success"
    goods: bool = False
    paid: datetime | None = None
    lines: list[tuple[Line, int, str]] = field(default_factory=list)


@dataclass
class Order:
    """An order. `placed` is when it became one; `gone` says why it is none after all."""

    id: int
    account: int | None
    email: str
    created: datetime
    total: Decimal
    lines: list[Line]
    codes: list[str]
    placed: datetime | None = None
    payment: str = "paid"
    parts: int = 1
    parcels: list[Parcel] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    shipped: datetime | None = None
    delivered: datetime | None = None
    cancelled: datetime | None = None
    gone: str | None = None
    status: str = ""
    restored: bool = False

    def valid_parcels(self) -> list[Parcel]:
        """Parcels that are on their way or have arrived."""
        return [parcel for parcel in self.parcels if not parcel.cancelled]

    def paid_back(self) -> Decimal:
        """How much has really gone back."""
        amounts = (each.amount for each in self.refunds if each.status == "success")
        return sum(amounts, Decimal(0))


@dataclass
class Account:
    """A customer with a number of the shop's. `consents` and `tags` as they are now."""

    id: int
    email: str
    name: str
    created: datetime
    enabled: bool
    consents: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    merged_into: int | None = None


@dataclass(frozen=True)
class Message:
    """One webhook, sent at that moment."""

    topic: str
    body: dict[str, Any]
    at: datetime


class MadeUpShop(ABC):
    """A shop that lives for some weeks at random and sends what such a shop sends."""

    def __init__(self, seed: int, size: int) -> None:
        self.random = random.Random(seed)
        self.size, self.now = size, BEGIN
        self.messages: list[Message] = []
        self.orders: dict[int, Order] = {}
        self.accounts: dict[int, Account] = {}
        self._number = 1000
        while len(self.orders) < size or self.random.random() < 0.998:
            self.random.choice(self.acts())()

    @abstractmethod
    def acts(self) -> list[Callable[[], None]]:
        """What may happen next; each act may also find that there is nothing to do."""

    def chains(self) -> set[int]:
        """Ids of orders whose messages are only right in their order."""
        return set()

    def number(self) -> int:
        """A number that nothing else has."""
        self._number += 1
        return self._number

    def wait(self, *, same_second: bool = False) -> datetime:
        """Let time pass, unless two changes shall fall into one second."""
        if not (same_second and self.random.random() < 0.3):
            self.now += timedelta(seconds=self.random.choice((1, 2, 30, 600, 1800)))
        return self.now

    def any_order(self, suits: Callable[[Order], bool]) -> Order | None:
        """One of the orders that suit."""
        fitting = [order for order in self.orders.values() if suits(order)]
        return self.random.choice(fitting) if fitting else None

    def make_lines(self) -> list[Line]:
        """One to three products."""
        products = self.random.sample(sorted(GOODS), self.random.randint(1, 3))
        return [
            Line(self.number(), product, self.random.randint(1, 3), Decimal(10 * int(product[-1])))
            for product in products
        ]

    def make_codes(self) -> list[str]:
        """None or one discount code."""
        codes = ["HOSGELDIN", "KARGOBEDAVA", "BAHAR-26"]
        return self.random.sample(codes, self.random.choice((0, 0, 0, 1, 2, 3)))


def stamp(moment: datetime | None) -> str | None:
    """A moment as Shopify writes it: with an offset, to the second."""
    if moment is None:
        return None
    return (moment + timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%S+03:00")
