"""The demo shop's orders, their lines and their parcels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vefa.crm.demo_shop.catalogue import ARTICLES, PER_SHELF, SHELVES
from vefa.crm.demo_shop.draws import NEVER, Draws, Flags, Ints, known, on_that_day, shopping_hours
from vefa.crm.demo_shop.lives import Lives, Span
from vefa.crm.demo_shop.loading import Columns
from vefa.crm.demo_shop.people import People
from vefa.crm.demo_shop.places import COUNTRIES
from vefa.crm.demo_shop.words import CARRIER_ABROAD, CARRIERS, COUPONS
from vefa.database import DAY, HOUR, Money, Quantity

#: Orders per customer at most: the tail is long, but it ends.
MOST = 60
MOST_LINES = 6
#: Prices abroad end in 5 cents.
_STEP = Money.scale // 20
_CENT = Money.scale // 100


@dataclass(frozen=True)
class Basket:
    """What was bought, line by line, in the order of the orders. `order` is the order's place among them."""

    order: Ints
    product: Ints
    quantity: Ints
    price: Ints


@dataclass(frozen=True)
class Parcels:
    """The parcels of the orders that were shipped, by order."""

    order: Ints
    shipped: Ints
    delivered: Ints


@dataclass(frozen=True)
class Purchases:
    """The orders of a group of customers, by customer and time. `person` is the customer's place in the group;
    `first_amount` is what the first line of the order came to."""

    ids: Ints
    person: Ints
    placed: Ints
    delivered: Ints
    currency: list[str]
    total: Ints
    first_amount: Ints
    first_product: Ints
    orders: Columns
    lines: Columns
    deliveries: Columns


def draw_purchases(
    draws: Draws, people: People, lives: Lives, span: Span, first_order: int, first_parcel: int, euro: float
) -> Purchases:
    """All orders of these people up to the end; `euro` is what one euro is worth in lira."""
    person, placed = _placed(draws, people, lives, span)
    count = len(placed)
    ids = first_order + np.arange(count, dtype=np.int64)
    coupon = draws.happens(0.04, count)
    in_euro = np.array([place.currency == "EUR" for place in COUNTRIES])[people.country[person]]
    currency = ["EUR" if abroad else "TRY" for abroad in in_euro.tolist()]
    basket = _baskets(draws, len(people.numbers), person, coupon, in_euro, euro)
    amount = basket.price * basket.quantity
    total = np.bincount(basket.order, amount, minlength=count).astype(np.int64)

    cancelled = np.where(draws.happens(0.025, count), placed + draws.between(0.2 * HOUR, 9 * HOUR, count), NEVER)
    next_day = on_that_day(placed + DAY, people.offset[person], draws.between(9 * HOUR, 18 * HOUR, count))
    shipped = np.where(cancelled < NEVER, NEVER, next_day)
    parcels = _parcels(draws, basket, shipped, people.offset[person], people.country[person])
    delivered = np.where(shipped < NEVER, 0, NEVER)
    np.maximum.at(delivered, parcels.order, parcels.delivered)
    first_line = np.searchsorted(basket.order, np.arange(count))
    return Purchases(
        ids=ids,
        person=person,
        placed=placed,
        delivered=delivered,
        currency=currency,
        total=total,
        first_amount=amount[first_line],
        first_product=basket.product[first_line] + 1,
        orders={
            **_order_columns(draws, ids, coupon),
            "customer_id": people.numbers[person].tolist(),
            "total": total.tolist(),
            "currency": currency,
            **_moments("placed", placed.tolist()),
            **_moments("shipped", known(shipped, span.end)),
            **_moments("delivered", known(delivered, span.end)),
            **_moments("cancelled", known(cancelled, span.end)),
        },
        lines=_line_columns(basket, ids),
        deliveries=_parcel_columns(draws, parcels, ids, people.country[person], span, first_parcel),
    )


def _placed(draws: Draws, people: People, lives: Lives, span: Span) -> tuple[Ints, Ints]:
    """Whose and when: the first order, then one after another by the customer's own rhythm, as long as they stay."""
    count = len(people.numbers)
    scale = (lives.gap_days / lives.evenness)[:, None] * DAY
    gaps = draws.source.gamma(lives.evenness[:, None], scale, (count, MOST - 2)).astype(np.int64)
    later = lives.first[:, None] + np.cumsum(gaps + DAY // 8, axis=1)
    later = np.where(later <= lives.until[:, None], later, NEVER)
    moments = np.column_stack([lives.first, later, lives.extra])
    person, _ = np.nonzero(moments <= span.end)
    planned = moments[moments <= span.end]

    shaped = on_that_day(planned, people.offset[person], shopping_hours(draws, len(planned)))
    kept = (shaped > people.created[person]) & (shaped <= span.end)
    placed = np.where(kept, shaped, planned)
    order = np.lexsort((placed, person))
    return person[order].astype(np.int64), placed[order]


def _baskets(draws: Draws, people: int, person: Ints, coupon: Flags, in_euro: Flags, euro: float) -> Basket:
    """One to six goods an order, most of them from the customer's two favourite shelves."""
    popular = [share for _, _, share, _ in SHELVES]
    favourites = np.column_stack([draws.kinds(popular, people), draws.kinds(popular, people)])
    size = np.minimum(1 + draws.source.poisson(0.8, len(person)), MOST_LINES)
    order = np.repeat(np.arange(len(person)), size)
    count = len(order)
    liked = favourites[person[order], draws.source.integers(0, 2, count)]
    shelf = np.where(draws.happens(0.72, count), liked, draws.kinds(popular, count))
    place = draws.kinds([1 / (rank + 2) for rank in range(PER_SHELF)], count)
    # The same thing twice in one basket is one line.
    order, product = np.divmod(
        np.unique(order * len(ARTICLES) + shelf * PER_SHELF + place).astype(np.int64), len(ARTICLES)
    )
    quantity = 1 + draws.kinds((0.8, 0.14, 0.06), len(order))
    return Basket(order, product, quantity, _prices(product, coupon[order], in_euro[order], euro))


def _prices(product: Ints, coupon: Flags, in_euro: Flags, euro: float) -> Ints:
    """What one piece cost, in ten-thousandths of the order's currency; a coupon takes off a tenth of each line."""
    price = np.array([int(article.price * Money.scale) for article in ARTICLES], dtype=np.int64)[product]
    abroad = np.maximum(np.round(price / euro / _STEP), 1).astype(np.int64) * _STEP
    price = np.where(in_euro, abroad, price)
    # Down to whole cents, so that no line has a fraction that nobody can pay.
    return np.where(coupon, price * 9 // 10 // _CENT * _CENT, price)


def _parcels(draws: Draws, basket: Basket, shipped: Ints, offset: Ints, country: Ints) -> Parcels:
    """Usually one; some of the larger baskets go in two or three, the later ones up to two days after the first."""
    sizes = np.bincount(basket.order, minlength=len(shipped))
    split = draws.happens(0.12, len(shipped)) & (sizes > 1)
    pieces = np.where(shipped < NEVER, np.where(split, np.minimum(sizes, 3), 1), 0)
    order = np.repeat(np.arange(len(shipped)), pieces).astype(np.int64)
    count = len(order)
    is_first = np.diff(order, prepend=-1) > 0
    left = shipped[order] + np.where(is_first, 0, draws.between(0, 3, count)) * DAY
    arrived = on_that_day(
        left + _lags(draws, country[order]) * DAY, offset[order], draws.between(9 * HOUR, 20.5 * HOUR, count)
    )
    lost = draws.happens(0.006, count)
    return Parcels(order, left, np.where(lost, NEVER, arrived))


def _lags(draws: Draws, country: Ints) -> Ints:
    """Days from shipping to delivery: one to eight, more of them to far countries."""
    lags = np.zeros(len(country), dtype=np.int64)
    for index, place in enumerate(COUNTRIES):
        here = country == index
        lags[here] = 1 + draws.kinds(place.lags, int(here.sum()))
    return lags


def _order_columns(draws: Draws, ids: Ints, coupon: Flags) -> dict[str, list[Any]]:
    numbers = ids.tolist()
    codes = draws.pick(COUPONS, len(numbers))
    return {
        "id": numbers,
        "source": ["demo"] * len(numbers),
        "outside_id": [f"O{number:08}" for number in numbers],
        "number": [f"VF-{1_000_000 + number}" for number in numbers],
        "coupon_code": [code if used else None for code, used in zip(codes, coupon.tolist(), strict=True)],
    }


def _line_columns(basket: Basket, ids: Ints) -> Columns:
    starts = np.searchsorted(basket.order, basket.order)
    return {
        "order_id": ids[basket.order].tolist(),
        "line": (np.arange(len(basket.order)) - starts + 1).tolist(),
        "product_id": (basket.product + 1).tolist(),
        "quantity": (basket.quantity * Quantity.scale).tolist(),
        "unit_price": basket.price.tolist(),
    }


def _parcel_columns(draws: Draws, parcels: Parcels, ids: Ints, country: Ints, span: Span, first: int) -> Columns:
    """Parcels come to be known when they are shipped."""
    there = parcels.shipped <= span.end
    order, shipped = parcels.order[there], parcels.shipped[there]
    numbers = range(first, first + len(order))
    at_home = country[order] == 0
    promised = shipped + np.where(at_home, 3, 6) * DAY
    carriers = [
        name if home else CARRIER_ABROAD
        for name, home in zip(draws.pick(CARRIERS, len(order)), at_home.tolist(), strict=True)
    ]
    return {
        "id": list(numbers),
        "source": ["demo"] * len(numbers),
        "outside_id": [f"D{number:08}" for number in numbers],
        "order_id": ids[order].tolist(),
        "carrier": carriers,
        "tracking": [
            f"{name[:2].upper()}{number + 7_000_000_000}" for name, number in zip(carriers, numbers, strict=True)
        ],
        "promised_at": promised.tolist(),
        **_moments("shipped", shipped.tolist()),
        **_moments("delivered", known(parcels.delivered[there], span.end)),
    }


def _moments(name: str, moments: list[Any]) -> dict[str, list[Any]]:
    """A history is known as it happens."""
    return {f"{name}_at": moments, f"{name}_known_at": moments}
