"""A service that answers, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.web.asking import Asked
from vefa.settings import Settings


@pytest.fixture
def asked(engine: sa.Engine, settings: Settings) -> Iterator[Asked]:
    """The service over an empty database; `config/events.yaml` knows two events of the shop's own."""
    (settings.root / "config" / "events.yaml").write_text("loyalty.joined: joined\nbasket.left: left a basket\n")
    asked = Asked(engine, settings)
    yield asked
    asked.service.close()
