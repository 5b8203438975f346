"""`vefa recommendations`: made by one command, explained by the other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Vefa
from tests.recommendations.goods import Goods
from vefa.settings import load_settings
from vefa.store import open_store

NOW = ("--now", "2026-03-14T12:00")


@pytest.fixture
def stocked(little_shop: Path) -> Path:
    """The little shop with cups and saucers; A-1 bought a cup long ago and a pan of late."""
    engine = open_store(load_settings(little_shop))
    goods = Goods(engine)
    goods.products("cup saucer pan bag")
    goods.orders(9, "cup saucer")
    goods.orders(9, "bag pan")
    goods.order(1, "cup", days_ago=50, number="900")
    goods.order(1, "pan", days_ago=5, number="901")
    engine.dispose()
    return little_shop


def test_a_refresh_says_what_it_found(stocked: Path, vefa: Vefa) -> None:
    told = vefa(stocked, "recommendations", "refresh", *NOW)
    made = json.loads(vefa(stocked, "recommendations", "refresh", "--json", *NOW).stdout)

    assert told.exit_code == 0
    assert "20 orders read: 4 links between products bought together, 0 to what was bought next." in (
        " ".join(told.stdout.split())
    )
    assert {key: made[key] for key in ("as_of", "orders", "together", "next")} == {
        "as_of": "2026-03-14T09:00:00+00:00",
        "orders": 20,
        "together": 4,
        "next": 0,
    }


def test_each_product_is_shown_with_its_reason(stocked: Path, vefa: Vefa) -> None:
    vefa(stocked, "recommendations", "refresh", *NOW)

    told = vefa(stocked, "recommendations", "show", "A-1", *NOW)
    about = json.loads(vefa(stocked, "recommendations", "show", "A-1", "--order", "900", "--json", *NOW).stdout)

    assert told.exit_code == 0
    assert "Links as of Sat 14 Mar 2026 12:00." in told.stdout
    lines = [" ".join(line.split()) for line in told.stdout.splitlines()]
    assert lines[-2:] == [
        "bag 100.00 TRY often bought with pan (9 orders)",
        "saucer 100.00 TRY often bought with cup (9 orders)",
    ]
    assert [(each["name"], each["because"], each["times"]) for each in about["products"]] == [
        ("saucer", "cup", 9),
        ("bag", "pan", 9),
    ]


def test_before_the_first_refresh_it_says_that_there_are_best_sellers_only(stocked: Path, vefa: Vefa) -> None:
    told = vefa(stocked, "recommendations", "show", "B-2", "--count", "1", *NOW)

    assert "No links were made by then" in told.stdout
    assert "a best-seller" in told.stdout


def test_an_order_of_somebody_else_is_refused_with_a_sentence(stocked: Path, vefa: Vefa) -> None:
    told = vefa(stocked, "recommendations", "show", "B-2", "--order", "900", *NOW)

    assert told.exit_code == 1
    assert 'The customer B-2 has no order "900".' in " ".join(told.output.split())
