"""Shares of people, with how sure they are: intervals of 95 %, and whether two shares differ by more than chance.

Formulas: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
Statistical Association 22 (1927), for a share; R. G. Newcombe, "Interval estimation for the difference between
independent proportions", Statistics in Medicine 17 (1998), method 10, for a difference; NIST/SEMATECH e-Handbook of
Statistical Methods, section 7.3.3, for the test of two proportions with a pooled variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt

#: The normal distribution's quantile for 95 %, two-sided.
Z = 1.959963984540054
#: The test of two proportions holds from so many expected in every cell on.
EXPECTED = 5


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Share:
    """`hits` of `of` people."""

    hits: int
    of: int

    @property
    def rate(self) -> float | None:
        """From 0 to 1; None of nobody."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> Interval:
        """Wilson's: never outside 0 to 1, and right for small numbers, too. Of nobody: anything."""
        if not self.of:
            return Interval(0.0, 1.0)
        rate, n, z2 = self.hits / self.of, self.of, Z * Z
        centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
        half = Z / (1 + z2 / n) * sqrt(rate * (1 - rate) / n + z2 / (4 * n * n))
        return Interval(max(centre - half, 0.0), min(centre + half, 1.0))


def difference(one: Share, other: Share) -> Interval:
    """How far the rate of `one` lies above that of `other`, with 95 %: an interval without 0 is more than chance."""
    if one.rate is None or other.rate is None:
        return Interval(-1.0, 1.0)
    gap, mine, its = one.rate - other.rate, one.interval, other.interval
    below = sqrt((one.rate - mine.low) ** 2 + (its.high - other.rate) ** 2)
    above = sqrt((mine.high - one.rate) ** 2 + (other.rate - its.low) ** 2)
    return Interval(gap - below, gap + above)


def by_chance(one: Share, other: Share) -> float | None:
    """How likely chance alone makes two shares differ at least so much; None: they are too few to tell."""
    whole = one.of + other.of
    if one.rate is None or other.rate is None:
        return None
    pooled = (one.hits + other.hits) / whole
    if min(one.of, other.of) * min(pooled, 1 - pooled) < EXPECTED:
        return None
    deviation = sqrt(pooled * (1 - pooled) * (1 / one.of + 1 / other.of))
    return erfc(abs(one.rate - other.rate) / deviation / sqrt(2))
