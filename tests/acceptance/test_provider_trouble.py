"""Everything that a provider can do to a sending shop, through the engine and the real SDKs: in the end the ledger and
the provider's log say the same, nobody was written to twice without need, and nobody is left waiting."""

from __future__ import annotations

from collections import Counter

import pytest
import sqlalchemy as sa

from tests.acceptance.small_shop import HOUR, MINUTE, NOON, Books, address
from tests.acceptance.troubled_shop import HASTY, PEOPLE, REQUESTS, books, texts, timeout_for, troubled
from vefa.channels.fakes.behaviours import Answer, Asked, Behaviour, Drop, Hang, at_rate, busy
from vefa.crm.identity import address_key
from vefa.crm.tables import contacts, suppressions
from vefa.database import writing
from vefa.engine.settling import BREAKER
from vefa.ledger.claims import LOOK_UP
from vefa.ledger.tables import breakers, sends

__all__ = ["books", "texts", "troubled"]


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


def test_a_storm_of_429_costs_time_only(troubled, books, provider):
    shop = troubled()
    provider.script.queue(*[busy(120)] * REQUESTS)

    for storm in range(REQUESTS):
        shop.tick(NOON + 2 * storm * MINUTE)
        assert (provider.requests, books.states()) == (storm + 1, {"queued": PEOPLE}), "the first refusal quiets all"
        shop.tick(NOON + (2 * storm + 1) * MINUTE)
        assert provider.requests == storm + 1, "before Retry-After was over"
    shop.tick(NOON + 2 * REQUESTS * MINUTE)

    assert_done(books, sent=2 * PEOPLE)
    assert set(books.taken().values()) == {1}


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


@pytest.mark.rule(14)
@IN_DOUBT
def test_a_transactional_message_in_doubt_goes_once_more(troubled, books, provider, behaviour, reason):
    shop = troubled(provider_timeout_seconds=timeout_for(behaviour))
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


@pytest.mark.rule(14)
@pytest.mark.rule(15)
@IN_DOUBT
def test_a_commercial_message_in_doubt_never_goes_again(troubled, books, provider, behaviour, reason):
    shop = troubled(provider_timeout_seconds=timeout_for(behaviour))
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


def test_requests_too_large_for_the_provider_are_divided(troubled, books, provider):
    shop = troubled()

    def narrow(asked: Asked) -> Behaviour | None:
        return Answer(413) if asked.body.count(b'"send_id"') > 3 else None

    provider.script.rule(narrow)
    shop.tick(NOON)

    assert_done(books, sent=2 * PEOPLE)
    assert set(books.taken().values()) == {1}


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
