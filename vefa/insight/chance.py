"""How much a share of few tells, and whether two shares differ by more than chance.

The interval is Wilson's score interval (E. B. Wilson, "Probable inference, the law of succession, and statistical
inference", Journal of the American Statistical Association 22, 1927, pages 209 to 212): unlike the one that textbooks
begin with it stays between 0 and 1, and holds for few and for rare. The test is the one of two proportions with a
pooled variance (NIST/SEMATECH e-Handbook of Statistical Methods, section 7.3.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt

#: Of the normal distribution: 95 % lie within.
Z95 = 1.959963984540054
#: The test of two proportions holds from so many expected in every cell on.
EXPECTED = 5


@dataclass(frozen=True)
class Share:
    """`part` of `whole`."""

    part: int
    whole: int

    @property
    def rate(self) -> float:
        """0 where there is no whole."""
        return self.part / self.whole if self.whole else 0.0

    def interval(self, z: float = Z95) -> tuple[float, float]:
        """Wilson's: the true rate lies within it in 95 of 100 such cases."""
        n = self.whole
        if not n:
            return 0.0, 1.0
        middle = self.rate + z * z / (2 * n)
        reach = z * sqrt(self.rate * (1 - self.rate) / n + z * z / (4 * n * n))
        scale = 1 + z * z / n
        low, high = (middle - reach) / scale, (middle + reach) / scale
        return (0.0 if not self.part else low), (1.0 if self.part == n else high)


def difference(one: Share, other: Share) -> float | None:
    """The chance that two shares differ at least so much where there is no difference; None: too few to tell."""
    whole = one.whole + other.whole
    if not whole:
        return None
    pooled = (one.part + other.part) / whole
    least = min(one.whole, other.whole) * min(pooled, 1 - pooled)
    if least < EXPECTED:
        return None
    deviation = sqrt(pooled * (1 - pooled) * (1 / one.whole + 1 / other.whole))
    return erfc(abs(one.rate - other.rate) / deviation / sqrt(2))
