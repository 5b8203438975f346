"""A shop of 30 customers that sends ten messages at a time to providers that misbehave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from tests.acceptance.small_shop import KEY, NOON, Books, fill, write_files
from vefa.channels.fakes.behaviours import Behaviour, Hang
from vefa.channels.fakes.sendgrid import FakeSendGrid
from vefa.channels.fakes.twilio import FakeTwilio
from vefa.clock import stopped_at
from vefa.database import reading, writing
from vefa.engine.plans import store_plan
from vefa.engine.shop import Shop, open_shop
from vefa.engine.walks import run_tick
from vefa.ledger import claims
from vefa.ledger.claims import HOLD, LOOK_UP
from vefa.plan.project import load_project
from vefa.settings import Channels, MessagesPerSecond, Settings
from vefa.settings import Shop as ShopSettings

PEOPLE, REQUESTS = 30, 3
#: Seconds that the shop waits for an answer: far more than one takes, or little where none is to come.
PATIENT, HASTY = 30.0, 0.8
SMS_JOURNEY = """\
name: Order news by SMS
description: Confirms the order.
owner: care@ornek.example
purpose: transactional
trigger: {event: order.placed}
steps:
  - sms: confirmed
    id: confirmed
"""


SMS_FILES = {
    "journeys/order-texts.yaml": SMS_JOURNEY,
    "journeys/templates/confirmed.en.sms.txt": "We have your order, {{ customer.first_name }}.\n",
}


def timeout_for(behaviour: Behaviour) -> float:
    """How long the shop waits for an answer: little where none is to come."""
    return HASTY if isinstance(behaviour, Hang) else PATIENT


@dataclass
class Troubled:
    """A shop of 30 customers that sends ten at a time, and ticks of it at given moments."""

    shop: Shop
    journey: str

    def tick(self, at: datetime) -> None:
        """Business time and the wall clock say the same."""
        run_tick(self.shop, self.journey, clock=stopped_at(at), owner="test", wall=stopped_at(at))

    def settle(self, begin: datetime = NOON + LOOK_UP, length: timedelta = 2 * HOLD) -> None:
        """Everything that time brings by itself."""
        for quarter in range(5):
            self.tick(begin + quarter * length / 4)

    def rows(self, table: sa.Table, *where: Any) -> list[Any]:
        with reading(self.shop.database) as connection:
            return list(connection.execute(sa.select(table).where(*where)))


@pytest.fixture
def texts() -> Iterator[FakeTwilio]:
    with FakeTwilio() as fake:
        yield fake


@pytest.fixture
def troubled(
    engine: sa.Engine, settings: Settings, provider: FakeSendGrid, texts: FakeTwilio, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Troubled]]:
    """`troubled("order-news")`: the shop with that journey live; other settings by keyword."""
    monkeypatch.setattr(claims, "BATCH", PEOPLE // REQUESTS)
    write_files(settings.root, **SMS_FILES)
    fill(engine, PEOPLE)
    opened: list[Shop] = []

    def make(journey: str = "order-news", **more: Any) -> Troubled:
        given: dict[str, Any] = {
            "shop": ShopSettings(locales=("en",)),
            "channels": Channels(email="sendgrid", sms="twilio"),
            "sendgrid_base_url": provider.url,
            "sendgrid_api_key": SecretStr(KEY),
            "twilio_base_url": texts.url,
            "twilio_account_sid": "AC0123",
            "twilio_auth_token": SecretStr("a token of tests only"),
            "provider_timeout_seconds": PATIENT,
            "sends_in_flight": 1,
            "messages_per_second": MessagesPerSecond(sms_sender=0),
        }
        ours = settings.model_copy(update=given | more)
        project = load_project(ours.root, ours)
        with writing(engine) as connection:
            store_plan(connection, project.plans[journey], NOON)
        opened.append(open_shop(ours, database=engine, policy=project.policy))
        return Troubled(opened[-1], journey)

    yield make
    for shop in opened:
        for channel in shop.channels.values():
            channel.close()


@pytest.fixture
def books(engine: sa.Engine, provider: FakeSendGrid) -> Books:
    return Books(engine, provider)
