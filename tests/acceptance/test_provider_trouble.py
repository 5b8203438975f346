"""Everything that a provider can do to a sending shop, through the engine and the real SDKs: in the end the ledger and
the provider's log say the same, nobody was written to twice without need, and nobody is left waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from tests.acceptance.small_shop import HOUR, KEY, MINUTE, NOON, Books, address, fill, write_files
from vefa.channels.fakes.behaviours import Answer, Asked, Behaviour, Drop, Hang, at_rate, busy
from vefa.channels.fakes.sendgrid import FakeSendGrid
from vefa.channels.fakes.twilio import FakeTwilio
from vefa.clock import stopped_at
from vefa.crm.identity import address_key
from vefa.crm.tables import contacts, suppressions
from vefa.database import reading, writing
from vefa.engine import delivery
from vefa.engine.batch import BREAKER
from vefa.engine.plans import store_plan
from vefa.engine.shop import Shop, open_shop
from vefa.engine.tick import run_tick
from vefa.ledger.claims import HOLD, LOOK_UP
from vefa.ledger.tables import breakers, sends
from vefa.plan.project import load_project
from vefa.settings import Channels, Settings
from vefa.settings import Shop as ShopSettings

PEOPLE, REQUESTS = 30, 3
SQLITE_ONLY = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
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
    monkeypatch.setattr(delivery, "BATCH", PEOPLE // REQUESTS)
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


SMS_FILES = {
    "journeys/order-texts.yaml": SMS_JOURNEY,
    "journeys/templates/confirmed.en.sms.txt": "We have your order, {{ customer.first_name }}.\n",
}


@pytest.fixture
def books(engine: sa.Engine, provider: FakeSendGrid) -> Books:
    return Books(engine, provider)


def assert_agree(books: Books) -> None:
    """Whatever the ledger calls sent was taken; whatever was taken is sent or in doubt there, under its own attempt."""
    books.assert_no_attempt_twice()
    taken, rows = set(books.provider.send_ids), books.sends()
    sent = {f"{row.id}.{row.attempt}" for row in rows if row.state == "sent"}
    doubtful = {f"{row.id}.{attempt}" for row in rows if row.doubts for attempt in range(1, row.attempt + 1)}
    assert sent <= taken <= sent | doubtful


def assert_done(books: Books, **states: int) -> None:
    """Nobody waits any more, and the ledger's states are these."""
    assert books.enrolments() == {"finished": PEOPLE}
    assert books.states() == states
    assert_agree(books)


# --- e-mail


def test_a_storm_of_429_costs_time_only(troubled, books, provider):
    shop = troubled()
    provider.script.queue(*[busy(120)] * REQUESTS)

    shop.tick(NOON)
    assert (provider.requests, books.states()) == (REQUESTS, {"queued": PEOPLE})
    shop.tick(NOON + MINUTE)
    assert provider.requests == REQUESTS, "before Retry-After was over"
    shop.tick(NOON + 2 * MINUTE)

    assert_done(books, sent=2 * PEOPLE)
    assert set(books.taken().values()) == {1}


@SQLITE_ONLY
def test_no_attempts_number_is_used_again_after_a_429(troubled, books, provider):
    shop = troubled()
    provider.script.queue(busy(60), busy(60))

    for minute in range(3):
        shop.tick(NOON + minute * MINUTE)

    attempts = Counter(ref.partition(".")[2] for ref in provider.send_ids)
    assert attempts == {"1": 2 * PEOPLE - 20, "2": 20}
    assert_done(books, sent=2 * PEOPLE)


DOUBTS = {
    "500, taken all the same": (Answer(500, keeps=True), "status 500"),
    "500, not taken": (Answer(500), "status 500"),
    "no answer in time, taken": (Hang(2 * HASTY), "time-out"),
    "no answer in time, not taken": (Hang(2 * HASTY, keeps=False), "time-out"),
    "cut before reading": (Drop(before_reading=True), "connection lost"),
    "cut after reading, taken": (Drop(keeps=True), "connection lost"),
    "cut after reading, not taken": (Drop(), "connection lost"),
}
IN_DOUBT = pytest.mark.parametrize(("behaviour", "reason"), DOUBTS.values(), ids=DOUBTS.keys())


def _timeout(behaviour: Behaviour) -> float:
    return HASTY if isinstance(behaviour, Hang) else PATIENT


@SQLITE_ONLY
@pytest.mark.rule(14)
@IN_DOUBT
def test_a_transactional_message_in_doubt_goes_once_more(troubled, books, provider, behaviour, reason):
    shop = troubled(provider_timeout_seconds=_timeout(behaviour))
    provider.script.queue(behaviour)

    shop.tick(NOON)
    doubtful = {row.id for row in books.sends(sends.c.state == "unknown", sends.c.reason == reason)}
    assert len(doubtful) == 10
    shop.tick(NOON + LOOK_UP - MINUTE)
    assert books.in_state("unknown") == doubtful
    shop.settle()

    assert_done(books, sent=2 * PEOPLE)
    reached = 1 + getattr(behaviour, "keeps", False)
    assert {books.taken()[number] for number in doubtful} == {reached}


@SQLITE_ONLY
@pytest.mark.rule(14)
@pytest.mark.rule(15)
@IN_DOUBT
def test_a_commercial_message_in_doubt_never_goes_again(troubled, books, provider, behaviour, reason):
    shop = troubled(provider_timeout_seconds=_timeout(behaviour))
    provider.script.queue(*[None] * REQUESTS, behaviour)

    shop.tick(NOON)
    assert {row.reason for row in books.sends(sends.c.state == "unknown")} == {reason}
    assert books.enrolments() == {"finished": PEOPLE - 10, "active": 10}
    shop.settle()

    assert_done(books, sent=2 * PEOPLE - 10, unknown=10)
    assert {row.purpose for row in books.sends(sends.c.state == "unknown")} == {"commercial"}
    assert max(books.taken().values()) == 1


@pytest.mark.rule(15)
@pytest.mark.parametrize("workers", [1, 4])
def test_refused_keys_open_the_breaker_and_cost_nobody_anything(troubled, books, provider, workers):
    shop = troubled(sends_in_flight=workers)
    provider.script.rule(lambda _asked: Answer(401))

    shop.tick(NOON)
    asked = provider.requests
    assert 1 <= asked <= workers
    assert [row.open_until for row in shop.rows(breakers)] == [NOON + BREAKER]
    provider.script.clear()
    shop.tick(NOON + MINUTE)
    assert (provider.requests, books.states()) == (asked, {"queued": PEOPLE})
    shop.tick(NOON + BREAKER)

    assert_done(books, sent=2 * PEOPLE)
    assert set(books.taken().values()) == {1}


@SQLITE_ONLY
def test_keys_refused_for_long_are_tried_once_each_time_the_breaker_has_closed(troubled, books, provider):
    shop = troubled()
    provider.script.rule(lambda _asked: Answer(403))
    shop.tick(NOON)
    assert provider.requests == 1
    for hour in range(1, 4):
        shop.tick(NOON + hour * HOUR)
    assert provider.requests == 4
    provider.script.clear()
    shop.settle(NOON + 4 * HOUR)

    assert_done(books, sent=2 * PEOPLE)


@SQLITE_ONLY
def test_requests_too_large_for_the_provider_are_divided(troubled, books, provider):
    shop = troubled()

    def narrow(asked: Asked) -> Behaviour | None:
        return Answer(413) if asked.body.count(b'"send_id"') > 3 else None

    provider.script.rule(narrow)
    shop.tick(NOON)

    assert_done(books, sent=2 * PEOPLE)
    assert set(books.taken().values()) == {1}


@SQLITE_ONLY
@pytest.mark.rule(15)
def test_a_bad_address_costs_only_itself(troubled, books, provider):
    shop = troubled()
    bad = "c7@ornek..example"
    with writing(books.database) as connection:
        change = sa.update(contacts).where(contacts.c.customer_id == 7)
        connection.execute(change.values(address=bad, address_key=address_key(bad)))

    shop.tick(NOON)

    assert_done(books, sent=2 * PEOPLE - 2, failed=1, skipped=1)
    seven = {row.state: row.reason for row in books.sends(sends.c.customer_id == 7)}
    assert seven == {"failed": "refused by the provider", "skipped": "suppressed: blocked"}
    assert [row.address_key for row in shop.rows(suppressions)] == [address_key(bad)]
    assert {mail.to for mail in provider.received} == {address(n) for n in range(1, PEOPLE + 1) if n != 7}


def test_all_troubles_together_for_hours(troubled, books, provider):
    shop = troubled(sends_in_flight=4)
    for number, (trouble, share) in enumerate(STORM):
        provider.script.rule(at_rate(trouble, share, seed=number))

    for tick in range(20):
        shop.tick(NOON + tick * 20 * MINUTE)
    provider.script.clear()
    shop.settle(NOON + 7 * HOUR)

    assert books.enrolments() == {"finished": PEOPLE}
    assert set(books.states()) <= {"sent", "unknown"}
    assert_agree(books)
    for row in books.sends():
        assert books.taken()[row.id] <= (2 if row.purpose == "transactional" else 1)
        assert row.doubts <= (2 if row.purpose == "transactional" else 1)


STORM: tuple[tuple[Behaviour, float], ...] = (
    (busy(30), 0.2),
    (Answer(503, keeps=True), 0.15),
    (Answer(500), 0.15),
    (Drop(keeps=True), 0.1),
    (Drop(), 0.1),
    (Answer(401), 0.1),
)


# --- SMS


def assert_texts_agree(books: Books, texts: FakeTwilio) -> None:
    """Every SMS that the ledger calls sent bears the number under which the provider took it."""
    sids = [row.provider_id for row in books.sends(sends.c.state == "sent")]
    assert len(set(sids)) == len(sids)
    assert set(sids) <= {sms.sid for sms in texts.received}


@SQLITE_ONLY
def test_a_storm_of_429_costs_time_only_by_sms(troubled, books, texts):
    shop = troubled("order-texts")
    texts.script.rule(at_rate(busy(60), 0.5))

    for minute in range(12):
        shop.tick(NOON + minute * MINUTE)
    texts.script.clear()
    shop.tick(NOON + HOUR)

    assert books.states() == {"sent": PEOPLE}
    assert books.enrolments() == {"finished": PEOPLE}
    assert texts.taken == len({sms.to for sms in texts.received}) == PEOPLE
    assert_texts_agree(books, texts)


@SQLITE_ONLY
@pytest.mark.parametrize("behaviour", [Answer(500, keeps=True), Hang(2 * HASTY), Drop(), Drop(before_reading=True)])
def test_an_sms_in_doubt_goes_once_more(troubled, books, texts, behaviour):
    shop = troubled("order-texts", provider_timeout_seconds=_timeout(behaviour))
    texts.script.queue(behaviour)

    shop.tick(NOON)
    assert books.states() == {"sent": PEOPLE - 1, "unknown": 1}
    shop.settle()

    assert books.states() == {"sent": PEOPLE}
    assert texts.taken == PEOPLE + getattr(behaviour, "keeps", False)
    assert_texts_agree(books, texts)


@SQLITE_ONLY
def test_refused_keys_open_the_breaker_for_sms(troubled, books, texts):
    shop = troubled("order-texts")
    texts.script.rule(lambda _asked: Answer(401, b'{"code": 20003, "message": "Authenticate", "status": 401}'))

    shop.tick(NOON)
    asked = texts.requests
    texts.script.clear()
    shop.tick(NOON + MINUTE)
    assert (texts.requests, books.states()) == (asked, {"queued": PEOPLE})
    shop.tick(NOON + BREAKER)

    assert books.states() == {"sent": PEOPLE}
    assert texts.taken == PEOPLE
    assert_texts_agree(books, texts)


@SQLITE_ONLY
def test_a_bad_number_costs_only_itself(troubled, books, texts):
    shop = troubled("order-texts")
    unsubscribed = "+15005550004"
    with writing(books.database) as connection:
        change = sa.update(contacts).where(contacts.c.customer_id == 7, contacts.c.channel == "sms")
        connection.execute(change.values(address=unsubscribed, address_key=address_key(unsubscribed)))

    shop.tick(NOON)

    assert books.states() == {"sent": PEOPLE - 1, "failed": 1}
    assert [row.channel for row in shop.rows(suppressions)] == ["sms"]
    assert_texts_agree(books, texts)
