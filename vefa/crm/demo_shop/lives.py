"""When customers come, how often they buy, and when they stop.

Besides chance there are parts, dealt by the customer's number, so that even a small shop has, within its last
two weeks, everything that a journey can wait for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vefa.crm.demo_shop.draws import NEVER, Draws, Flags, Ints
from vefa.database import DAY

#: The last days, in which every journey finds somebody.
RECENT = 13.5
YEAR = 365


@dataclass(frozen=True)
class Span:
    """The time that the shop's history covers, in microseconds."""

    start: int
    end: int


@dataclass(frozen=True)
class Lives:
    """For each customer: sign-up, the first order (NEVER where there is none), the rhythm after it and its end,
    and one order more that their part asks for (NEVER where it asks for none)."""

    created: Ints
    first: Ints
    gap_days: npt.NDArray[np.float64]
    evenness: npt.NDArray[np.float64]
    until: Ints
    extra: Ints


def draw_lives(draws: Draws, numbers: Ints, span: Span) -> Lives:
    """The lives of the customers with these numbers."""
    count = len(numbers)
    created = _sign_ups(draws, numbers, span)
    kind = draws.kinds((0.2, 0.37, 0.43), count)  # never buys, buys once, comes back
    hesitation = np.where(draws.happens(0.5, count), draws.days(0, 0.04, count), draws.after(6, count))
    first = np.where(kind == 0, NEVER, created + hesitation)
    stays = np.where(draws.happens(0.55, count), span.end, created + draws.after(140, count))
    until = np.where(kind == 2, stays, np.where(kind == 1, first, -1))
    lives = Lives(
        created,
        first,
        gap_days=np.maximum(draws.source.lognormal(np.log(70), 0.75, count), 14),
        evenness=1 + 5 * draws.source.random(count),
        until=until,
        extra=np.full(count, NEVER, dtype=np.int64),
    )
    return _play_parts(draws, lives, numbers, span)


def _sign_ups(draws: Draws, numbers: Ints, span: Span) -> Ints:
    """Spread over the whole time, a little denser towards its end; every 25th customer is new."""
    count = len(numbers)
    spread = span.start + ((span.end - span.start) * draws.source.random(count) ** 0.85).astype(np.int64)
    return np.where(numbers % 25 == 7, span.end - draws.days(0.05, RECENT, count), spread)


def _play_parts(draws: Draws, lives: Lives, numbers: Ints, span: Span) -> Lives:
    """Those who have just bought, who are just about to be lapsed, and whose anniversary is near."""
    count = len(numbers)
    lately = span.end - draws.days(0.05, RECENT, count)
    buys = (numbers % 10 == 5) & _fits(lately, span)
    lapses = (numbers % 20 == 11) & _fits(lately - 150 * DAY, span)
    celebrates_order = (numbers % 25 == 13) & _fits(lately - YEAR * DAY, span)
    celebrates_sign_up = (numbers % 25 == 19) & _fits(lately - YEAR * DAY, span)

    last = lately - 90 * DAY
    started = np.where(lapses, last - draws.days(20, 59, count), lately - YEAR * DAY)
    regular = lapses | celebrates_order
    first = np.where(regular, started, lives.first)
    created = np.where(regular, started - draws.days(0, 0.9, count), lives.created)
    created = np.where(celebrates_sign_up, started, created)
    created = np.where(buys, np.minimum(created, lately - draws.days(0, 0.03, count)), created)
    return Lives(
        created=np.maximum(created, span.start),
        first=np.where(celebrates_sign_up & (first < NEVER), np.maximum(first, created), first),
        gap_days=np.where(lapses, 25.0, lives.gap_days),
        evenness=lives.evenness,
        until=np.where(lapses, last - DAY, np.where(celebrates_order, span.end, lives.until)),
        extra=np.where(buys, lately, np.where(lapses, last, lives.extra)),
    )


def _fits(moments: Ints, span: Span) -> Flags:
    return moments > span.start + DAY
