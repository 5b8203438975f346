"""The shop, made once for all who look at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo_shop.made import CUSTOMERS, END, Rows, contents
from vefa.crm.demo_shop import DemoShopSummary, make_demo_shop
from vefa.database import metadata, open_database
from vefa.settings import Settings


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rows, DemoShopSummary]]:
    """One shop of a thousand customers that most tests look at."""
    root: Path = tmp_path_factory.mktemp("demo")
    engine = open_database(f"sqlite:///{root / 'demo.db'}")
    metadata.create_all(engine)
    summary = make_demo_shop(engine, CUSTOMERS, 24, 7, Settings(root=root), END)
    yield contents(engine), summary
    engine.dispose()


@pytest.fixture
def rows(shop: tuple[Rows, DemoShopSummary]) -> Rows:
    return shop[0]
