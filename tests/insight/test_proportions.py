"""Intervals as their authors print them."""

from __future__ import annotations

import pytest

from vefa.insight.proportions import Share, by_chance, difference


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_an_interval_of_a_share(hits: int, of: int, low: float, high: float) -> None:
    """Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3."""
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


def test_two_shares_differ_beyond_chance_where_there_are_many_and_not_where_there_are_few() -> None:
    assert by_chance(Share(120, 1_000), Share(90, 1_000)) == pytest.approx(0.0290, abs=5e-4)
    assert by_chance(Share(50, 1_000), Share(50, 1_000)) == pytest.approx(1.0)
    assert by_chance(Share(3, 10), Share(1, 10)) is None
    assert by_chance(Share(0, 0), Share(0, 0)) is None
