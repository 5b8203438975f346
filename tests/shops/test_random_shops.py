"""A shop drawn at random, as its webhooks tell of it, ends in the rows that a plain model computes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from tests.shops.database import read
from tests.shops.model import expected
from tests.shops.posting import deliver, doubled_and_shuffled, in_order, open_site
from tests.shops.shopify_shop import ShopifyShop
from tests.shops.truth import MadeUpShop
from tests.shops.woocommerce_shop import WooCommerceShop
from tests.soak import rounds
from tests.web.asking import Asked
from tests.web.shop_systems import problems
from vefa.settings import Settings

SHOPS: dict[str, type[MadeUpShop]] = {"shopify": ShopifyShop, "woocommerce": WooCommerceShop}
SEEDS = range(1, 1 + rounds(1, 25))
SIZE = rounds(60, 200)


@pytest.fixture
def site(engine: sa.Engine, settings: Settings) -> Iterator[Asked]:
    site = open_site(engine, settings)
    yield site
    site.service.close()


def differences(right: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """What is not as it must be, table by table."""
    wrong = []
    for table, rows in right.items():
        there = found[table]
        if isinstance(rows, set):
            wrong += [f"{table}: {'+' if key in there else '-'}{key}" for key in rows ^ there]
            continue
        for key in rows.keys() | there.keys():
            one, other = rows.get(key, "nothing"), there.get(key, "nothing")
            if one != other and one is not None:
                wrong.append(f"{table} {key}: {other}, not {one}")
    return sorted(wrong)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("system", SHOPS)
@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "doubled and shuffled"])
def test_a_shop_drawn_at_random_ends_as_the_plain_model_says(
    system: str, shuffled: bool, seed: int, site: Asked
) -> None:
    shop = SHOPS[system](seed, SIZE)
    given = doubled_and_shuffled(shop, seed) if shuffled else in_order(shop.messages)

    deliver(site, system, given)

    wrong = differences(expected(shop), read(site.engine))
    assert problems(site) == []
    assert not wrong, "\n".join(wrong)
