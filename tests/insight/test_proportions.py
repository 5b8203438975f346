"""Intervals as their authors print them."""

from __future__ import annotations

import pytest

from vefa.insight.proportions import Share, difference


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662), (10, 10, 0.7225, 1.0)],
)
def test_an_interval_of_a_share(hits: int, of: int, low: float, high: float) -> None:
    """81 of 263 is Newcombe's own example (1998, one proportion, method 3)."""
    found = Share(hits, of).interval

    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_nobody_has_no_share() -> None:
    assert Share(0, 0).rate is None
    assert (Share(0, 0).interval.low, Share(0, 0).interval.high) == (0.0, 1.0)
    assert 0.0 in difference(Share(0, 0), Share(3, 4))


def test_an_interval_of_a_difference() -> None:
    """Newcombe's own example: 56 of 70 and 48 of 80 (1998, two proportions, method 10)."""
    found = difference(Share(56, 70), Share(48, 80))

    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)
    assert 0.0 not in found
    assert 0.0 in difference(Share(56, 70), Share(60, 80))
