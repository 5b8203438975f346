"""The same messages make the same customers, in whatever order and parts they come, and however often."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.worlds import NOON
from tests.laws.people_model import Sighting, owners
from vefa.crm.arrivals import Arrival, Person, Receipt
from vefa.crm.arriving import take
from vefa.crm.guests import guest_id
from vefa.crm.tables import customers, events, orders
from vefa.database import reading, writing
from vefa.engine.merging import merge_shop_ids, unite_pending
from vefa.migrations.tables import metadata
from vefa.settings import Settings

Merge = tuple[str, str]
Message = Sighting | Merge

IDS = st.sampled_from(["1", "2", "3"])
EMAILS = st.sampled_from(["a@ornek.example", "A@ornek.example", "b@ornek.example", "c@ornek.example"])
PHONES = st.sampled_from(["+905320000001", "+905320000002"])
MERGES = st.lists(st.sampled_from([("1", "2"), ("3", "1"), ("3", "2")]), max_size=1)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Sighting], list[Merge]]:
    """Orders of accounts and of guests, accounts' own records, and perhaps a merge of two."""
    found: list[Sighting] = []
    for number in range(draw(st.integers(2, 7))):
        who = draw(st.sampled_from(["account", "record", "guest", "guest", "phone"]))
        email, sms = draw(st.none() | EMAILS), draw(st.none() | PHONES)
        if who == "phone":
            found.append(Sighting(sms=draw(PHONES), order=f"o{number}"))
        elif who == "guest":
            found.append(Sighting(email=draw(EMAILS), sms=sms, order=f"o{number}"))
        else:
            order = f"o{number}" if who == "account" else None
            found.append(Sighting(draw(IDS), email, sms, order))
    return found, draw(MERGES)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Sighting], list[Merge], list[list[Message]]]:
    """A history, and its messages shuffled, some of them twice, in parts."""
    seen, merges = draw(histories())
    messages: list[Message] = [*seen, *merges]
    messages = draw(st.permutations([*messages, *draw(st.lists(st.sampled_from(messages), max_size=3))]))
    cuts = sorted(draw(st.sets(st.integers(0, len(messages)), max_size=3)))
    parts = [messages[a:b] for a, b in zip([0, *cuts], [*cuts, len(messages)], strict=True)]
    return seen, merges, parts


def _arrival(one: Sighting, number: int) -> Arrival:
    person = Person(one.id, one.email, one.sms)
    if one.record:
        return Arrival(f"r{number}", "customer.created", person, NOON, {})
    return Arrival(one.order or "", "order.placed", person, NOON, {"total": "10"}, "order", one.order)


def deliver(engine: sa.Engine, parts: Sequence[Sequence[Message]], receipt: Receipt) -> None:
    """Take each part in, as one batch of messages; merges where they stand among them."""
    for part in parts:
        with writing(engine) as connection:
            waiting: list[Arrival] = []
            for number, message in enumerate(part):
                if isinstance(message, Sighting):
                    waiting.append(_arrival(message, number))
                else:
                    take(connection, waiting, receipt)
                    waiting = []
                    merge_shop_ids(connection, "web", *message, NOON, "Europe/Istanbul")
            take(connection, waiting, receipt)
            unite_pending(connection, NOON)


def found_owners(engine: sa.Engine) -> dict[str, str]:
    """By order the customer's id, as the database has it."""
    query = sa.select(orders.c.outside_id, customers.c.outside_id).join(
        customers, customers.c.id == orders.c.customer_id
    )
    with reading(engine) as connection:
        return dict(connection.execute(query).tuples().all())


def named(owner: str) -> str:
    """The model's name of a customer as the database writes it."""
    kind, _, name = owner.partition(":")
    return name if kind == "id" else guest_id(name)


def empty(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(sa.delete(table))


def _ids(seen: Sequence[Sighting]) -> set[str | None]:
    return {one.id for one in seen}


def check(engine: sa.Engine, shop: Settings, given: tuple[list[Sighting], list[Merge], list[list[Message]]]) -> None:
    seen, merges, parts = given
    empty(engine)

    deliver(engine, parts, Receipt("web", NOON, True, shop))

    expected = {order: named(owner) for order, owner in owners(seen, merges).items()}
    assert found_owners(engine) == expected
    records = {one.id for one in seen if one.id is not None} - {gone for _, gone in merges}
    with reading(engine) as connection:
        there = set(connection.scalars(sa.select(customers.c.outside_id)))
        assert there == set(expected.values()) | records | {kept for kept, gone in merges if gone in _ids(seen)}
        strangers = sa.select(events.c.id).join(orders, orders.c.id == events.c.object_id)
        strangers = strangers.where(events.c.object_kind == "order", events.c.customer_id != orders.c.customer_id)
        assert connection.execute(strangers).all() == []


@pytest.mark.rule(26)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_same_messages_make_the_same_customers(engine: sa.Engine, settings_of_shop: Settings) -> None:
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(deliveries())
    def law(given: Any) -> None:
        check(engine, settings_of_shop, given)

    law()


@pytest.mark.rule(26)
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_same_messages_make_the_same_customers_on_postgresql(engine: sa.Engine, settings_of_shop: Settings) -> None:
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(deliveries())
    def law(given: Any) -> None:
        check(engine, settings_of_shop, given)

    law()


@pytest.fixture
def settings_of_shop(tmp_path: Path) -> Settings:
    return Settings(root=tmp_path)
