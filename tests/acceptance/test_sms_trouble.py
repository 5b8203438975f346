"""The same by SMS, where no id of ours goes over the wire: the provider's numbers are compared instead."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.acceptance.small_shop import HOUR, MINUTE, NOON, Books
from tests.acceptance.troubled_shop import HASTY, PEOPLE, books, texts, timeout_for, troubled
from vefa.channels.fakes.behaviours import Answer, Drop, Hang, at_rate, busy
from vefa.channels.fakes.twilio import FakeTwilio
from vefa.crm.identity import address_key
from vefa.crm.tables import contacts, suppressions
from vefa.database import writing
from vefa.engine.settling import BREAKER
from vefa.ledger.tables import sends

__all__ = ["books", "texts", "troubled"]


def assert_texts_agree(books: Books, texts: FakeTwilio) -> None:
    """Every SMS that the ledger calls sent bears the number under which the provider took it."""
    sids = [row.provider_id for row in books.sends(sends.c.state == "sent")]
    assert len(set(sids)) == len(sids)
    assert set(sids) <= {sms.sid for sms in texts.received}


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


@pytest.mark.parametrize("behaviour", [Answer(500, keeps=True), Hang(2 * HASTY), Drop(), Drop(before_reading=True)])
def test_an_sms_in_doubt_goes_once_more(troubled, books, texts, behaviour):
    shop = troubled("order-texts", provider_timeout_seconds=timeout_for(behaviour))
    texts.script.queue(behaviour)

    shop.tick(NOON)
    assert books.states() == {"sent": PEOPLE - 1, "unknown": 1}
    shop.settle()

    assert books.states() == {"sent": PEOPLE}
    assert texts.taken == PEOPLE + getattr(behaviour, "keeps", False)
    assert_texts_agree(books, texts)


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


def test_a_bad_number_costs_only_itself(troubled, books, texts):
    shop = troubled("order-texts")
    unsubscribed = "+15005550004"
    with writing(books.database) as connection:
        change = sa.update(contacts).where(contacts.c.customer_id == 7, contacts.c.channel == "sms")
        connection.execute(change.values(address=unsubscribed, address_key=address_key(unsubscribed)))

    shop.tick(NOON)

    assert books.states() == {"sent": PEOPLE - 1, "failed": 1}
    stops = {(row.channel, row.reason, row.purpose) for row in shop.rows(suppressions)}
    assert stops == {("sms", "opted out", None), ("sms", "unsubscribed", "commercial")}
    assert_texts_agree(books, texts)
