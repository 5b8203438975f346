"""A shop that İYS keeps watch over: İYS's stand-in, and a clock that both live by."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from tests.consent.registers import Hands, Kept
from tests.engine.worlds import NOON
from vefa.channels.fakes.iys import FakeIys
from vefa.settings import Iys, Settings, Shop


@pytest.fixture
def hands() -> Hands:
    """The clock of a test, which moves when somebody waits."""
    return Hands(NOON)


@pytest.fixture
def iys(hands: Hands) -> Iterator[FakeIys]:
    """İYS's stand-in, by the same clock."""
    with FakeIys(clock=hands.now) as fake:
        yield fake


@pytest.fixture
def settings(settings: Settings, iys: FakeIys) -> Settings:
    """A shop that writes Turkish only, with İYS on."""
    there = Iys(enabled=True, code=600001, brand_code=600002, base_url=iys.url)
    return settings.model_copy(
        update={
            "shop": Shop(locales=("tr",)),
            "iys": there,
            "iys_user": iys.login[0],
            "iys_password": SecretStr(iys.login[1]),
        }
    )


@pytest.fixture
def kept(engine: sa.Engine, settings: Settings, iys: FakeIys, hands: Hands) -> Iterator[Kept]:
    """The shop."""
    kept = Kept(engine, settings, iys, hands)
    yield kept
    kept.close()
