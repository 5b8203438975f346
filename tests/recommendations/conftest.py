from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.recommendations.goods import Goods


@pytest.fixture
def goods(engine: sa.Engine) -> Goods:
    """An empty shop on each database in turn."""
    return Goods(engine)


@pytest.fixture
def sqlite_goods(sqlite_engine: sa.Engine) -> Goods:
    """The same on SQLite alone, for what is arithmetic."""
    return Goods(sqlite_engine)
