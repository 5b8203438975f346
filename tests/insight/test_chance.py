"""How much a share of few tells: figures that others have published."""

from __future__ import annotations

import pytest

from vefa.insight.chance import Share, difference


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I: Wilson's score, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(part: int, whole: int, low: float, high: float) -> None:
    assert Share(part, whole).interval() == pytest.approx((low, high), abs=5e-5)


def test_nobody_tells_nothing_and_everybody_not_all() -> None:
    assert Share(0, 0).interval() == (0.0, 1.0)
    assert Share(20, 20).interval()[1] == 1.0
    assert 0.8 < Share(20, 20).interval()[0] < 1.0


def test_two_shares_differ_beyond_chance_where_there_are_many_and_not_where_there_are_few() -> None:
    assert difference(Share(120, 1_000), Share(90, 1_000)) == pytest.approx(0.0290, abs=5e-4)
    assert difference(Share(50, 1_000), Share(50, 1_000)) == pytest.approx(1.0)
    assert difference(Share(3, 10), Share(1, 10)) is None
    assert difference(Share(0, 0), Share(0, 0)) is None
