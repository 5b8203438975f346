"""A service that answers, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from tests.acceptance.small_shop import HOUR, NOON
from tests.web.asking import Asked
from tests.web.shop_systems import SECRET
from vefa.settings import Settings


@pytest.fixture
def asked(engine: sa.Engine, settings: Settings) -> Iterator[Asked]:
    """The service over an empty database; `config/events.yaml` knows two events of the shop's own."""
    (settings.root / "config" / "events.yaml").write_text("loyalty.joined: joined\nbasket.left: left a basket\n")
    asked = Asked(engine, settings)
    yield asked
    asked.service.close()


@pytest.fixture
def shop(engine: sa.Engine, settings: Settings) -> Iterator[Asked]:
    """The service of a shop whose systems tell it what happens."""
    secret = SecretStr(SECRET)
    asked = Asked(engine, settings.model_copy(update={"woocommerce_secret": secret, "shopify_secret": secret}))
    asked.clock.now = NOON + 2 * HOUR  # nothing that is told lies ahead
    yield asked
    asked.service.close()
