"""What was said to İYS comes into mirror and log: once, in any order, and all of it."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.consent.registers import LONG_AGO, Kept
from tests.engine.worlds import DAY, HOUR, MINUTE, NOON
from vefa.channels.fakes.behaviours import Answer
from vefa.consent import mirror
from vefa.consent.answers import IysUnreachable
from vefa.consent.gate import is_fresh
from vefa.consent.words import Change
from vefa.crm.identity import address_key
from vefa.crm.tables import consents, contacts
from vefa.database import reading, writing


def fresh(kept: Kept) -> bool:
    with reading(kept.database) as connection:
        return bool(connection.scalar(sa.select(is_fresh(kept.hands.now()))))


def address(kept: Kept, customer: int, channel: str = "email") -> str:
    (row,) = kept.rows(contacts, contacts.c.customer_id == customer, contacts.c.channel == channel)
    return str(row.address)


def test_a_word_to_iys_is_a_word_of_the_customer(kept: Kept) -> None:
    ada = kept.customer(consent=False, sms=True)
    kept.iys.say(address(kept, ada), "ONAY", LONG_AGO, source="HS_WEB")
    kept.iys.say(address(kept, ada, "sms"), "RET", LONG_AGO + DAY, source="IYS_KISAMESAJ")

    pulled = kept.pull()

    assert (pulled.read, pulled.new) == (2, 2)
    assert kept.log() == [
        (ada, "email", True, LONG_AGO, "HS_WEB"),
        (ada, "sms", False, LONG_AGO + DAY, "IYS_KISAMESAJ"),
    ]
    (first, *_) = kept.rows(consents)
    assert first.known_at == NOON
    assert first.evidence.startswith("İYS t-")


def test_pulling_again_changes_nothing(kept: Kept) -> None:
    ada = kept.customer(consent=False)
    kept.iys.say(address(kept, ada), "ONAY", LONG_AGO)
    kept.pull()
    before = (kept.log(), kept.mirror())

    again = kept.pull()

    assert (again.read, again.new) == (0, 0)
    assert (kept.log(), kept.mirror()) == before


def test_many_pages_that_overlap_are_read_to_the_end(kept: Kept) -> None:
    kept.iys.overlap = 7
    for n in range(1203):
        kept.iys.say(f"m{n}@ornek.example", "ONAY", LONG_AGO + timedelta(seconds=n))

    pulled = kept.pull()

    assert pulled.read == 1203 + 2 * 7
    assert len(kept.mirror()) == 1203


def test_two_customers_with_one_address_have_both_said_it(kept: Kept) -> None:
    ada, bea = kept.customer(consent=False), kept.customer(consent=False)
    with writing(kept.database) as connection:
        shared = {"address": "biz@ornek.example", "address_key": address_key("biz@ornek.example")}
        connection.execute(sa.update(contacts).values(shared))
    kept.iys.say("biz@ornek.example", "RET", LONG_AGO)

    kept.pull()

    assert [row[:3] for row in kept.log()] == [(ada, "email", False), (bea, "email", False)]


def test_what_the_shop_said_comes_back_as_no_second_word(kept: Kept) -> None:
    """İYS holds whole seconds; ours are finer."""
    ada = kept.customer(consent=False)
    said = LONG_AGO + timedelta(microseconds=123_456)
    kept.consent(ada, at=said)
    kept.iys.say(address(kept, ada), "ONAY", said, source="HS_WEB")

    kept.pull()

    assert [row[3] for row in kept.log()] == [said]


def test_an_address_that_comes_to_us_later_is_found_the_next_day(kept: Kept) -> None:
    kept.iys.say("ada-9@ornek.example", "RET", LONG_AGO)
    kept.pull()
    ada = kept.customer(outside_id="Ada-9", consent=False)

    kept.pull()
    assert kept.log() == []
    kept.hands.move(DAY)
    kept.pull()

    assert [row[:3] for row in kept.log()] == [(ada, "email", False)]


def test_we_know_iys_for_a_day_after_everything_was_read(kept: Kept) -> None:
    assert not fresh(kept)
    kept.pull()
    assert fresh(kept)

    kept.hands.move(24 * HOUR - MINUTE)
    assert fresh(kept)
    kept.hands.move(MINUTE)
    assert not fresh(kept)


@pytest.mark.parametrize("good", [0, 1, 2, 3, 4])
def test_a_pull_that_breaks_off_keeps_what_it_has_and_vouches_for_nothing(kept: Kept, good: int) -> None:
    for n in range(1100):
        kept.iys.say(f"m{n}@ornek.example", "ONAY", LONG_AGO, source="IYS_WEB" if n % 2 else "HS_WEB")
    kept.iys.script.queue(None, *[None] * good, Answer(500, b"{}"))  # the first None is the login

    with pytest.raises(IysUnreachable):
        kept.pull()
    assert not fresh(kept)
    kept.pull()

    assert fresh(kept)
    assert len(kept.mirror()) == 1100


def test_a_word_said_to_a_merchants_address_stands_apart(kept: Kept) -> None:
    kept.iys.say("a@ornek.example", "RET", LONG_AGO, recipient_type="TACIR")
    kept.iys.say("a@ornek.example", "ONAY", LONG_AGO)
    kept.pull()

    assert kept.stands("email", "a@ornek.example", "TACIR") == "RET"
    assert kept.stands("email", "a@ornek.example") == "ONAY"


CHANGES = st.lists(
    st.builds(
        Change,
        medium=st.just("email"),
        recipient=st.sampled_from(["ada-1@ornek.example", "Ada-2@ornek.example", "nobody@ornek.example"]),
        recipient_type=st.sampled_from(["BIREYSEL", "TACIR"]),
        granted=st.booleans(),
        said_at=st.integers(0, 5).map(lambda n: LONG_AGO + timedelta(seconds=n)),
        source=st.just("IYS_WEB"),
    ),
    max_size=12,
)


@given(changes=CHANGES, seed=st.integers(0, 1000), cut=st.integers(1, 4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shuffled_and_doubled_changes_give_the_same_mirror_and_the_same_log(
    kept: Kept, changes: list[Change], seed: int, cut: int
) -> None:
    if not kept.rows(contacts):
        for n in (1, 2):
            kept.customer(outside_id=f"Ada-{n}", consent=False)
    chance = random.Random(seed)
    again = changes + chance.sample(changes, len(changes) // 2)
    chance.shuffle(again)

    outcomes = []
    for told in (changes, again):
        with writing(kept.database) as connection:
            connection.execute(sa.delete(consents))
            connection.execute(sa.delete(mirror.iys_recipients))
        for start in range(0, len(told), cut):
            with writing(kept.database) as connection:
                mirror.take(connection, told[start : start + cut])
                mirror.log(connection, told[start : start + cut], NOON)
        outcomes.append((kept.log(), kept.mirror()))

    assert outcomes[0] == outcomes[1]
