"""Chance for whole columns at once, and columns of moments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vefa.database import DAY, HOUR

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

#: A moment that does not come: later than every end, so it is not known and reads as null.
NEVER = int(np.iinfo(np.int64).max // 4)


class Draws:
    """A seeded source of columns: the same seed and the same questions give the same answers."""

    def __init__(self, *seed: int) -> None:
        self.source = np.random.default_rng(seed)

    def happens(self, chance: float | npt.NDArray[np.float64], count: int) -> Flags:
        """True with that chance, each by itself."""
        return np.asarray(self.source.random(count) < chance, dtype=np.bool_)

    def between(self, low: float, high: float, count: int) -> Ints:
        """Whole numbers in [low, high); both may be large floats."""
        return (low + (high - low) * self.source.random(count)).astype(np.int64)

    def days(self, low: float, high: float, count: int) -> Ints:
        """Spans between so many days, in microseconds."""
        return self.between(low * DAY, high * DAY, count)

    def after(self, mean_days: float, count: int) -> Ints:
        """Waiting times in microseconds: mostly short, with a long tail."""
        return np.asarray(self.source.exponential(mean_days * DAY, count), dtype=np.int64)

    def kinds(self, weights: Sequence[float], count: int) -> Ints:
        """Numbers of kinds, each as often as its weight says."""
        borders = np.cumsum(np.asarray(weights, dtype=np.float64))
        drawn = self.source.random(count) * borders[-1]
        return np.asarray(np.searchsorted(borders, drawn, side="right"), dtype=np.int64)

    def pick(self, options: Sequence[str], count: int) -> list[str]:
        """Words, all equally often."""
        return [options[place] for place in self.source.integers(0, len(options), count).tolist()]


#: How many of a day's orders fall into each hour of the customer's clock: lunch, and the evening.
_BY_HOUR = (2, 1, 1, 0, 0, 0, 1, 2, 4, 5, 6, 6, 7, 6, 5, 5, 5, 5, 5, 6, 8, 10, 9, 5)


def on_that_day(moments: Ints, offset: Ints, hours: Ints) -> Ints:
    """The same days on the customers' clocks, at other times of the day."""
    return (moments + offset) // DAY * DAY + hours - offset


def shopping_hours(draws: Draws, count: int) -> Ints:
    """Times of the day at which people shop, in microseconds since midnight."""
    return draws.kinds(_BY_HOUR, count) * HOUR + draws.between(0, HOUR, count)


def known(moments: Ints, end: int) -> list[int | None]:
    """The column as it is known at the end: what comes later is null."""
    return or_null(moments, moments <= end)


def or_null(values: Ints, there: Flags) -> list[Any]:
    """The values where they are there, else null."""
    return [value if keep else None for value, keep in zip(values.tolist(), there.tolist(), strict=True)]
