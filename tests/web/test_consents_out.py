"""A shop that prefers to fetch gets every change once, in order, and nothing else of its customers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tests.engine.worlds import DAY, NOON
from tests.web.asking import Asked
from vefa.crm.identity import bucket
from vefa.crm.lifting import Signal
from vefa.crm.permissions import Word, record
from vefa.crm.tables import customers
from vefa.database import writing


def person(shop: Asked, outside_id: str) -> int:
    row = {"outside_id": outside_id, "zone": "Europe/Istanbul", "known_at": NOON - DAY, "bucket": bucket(outside_id)}
    with writing(shop.engine) as connection:
        return int(connection.execute(sa.insert(customers).values(row).returning(customers.c.id)).scalar_one())


def test_changes_are_fetched_once_in_order_as_soon_as_none_can_be_missed(asked: Asked) -> None:
    first, second = person(asked, "7001"), person(asked, "guest-4")
    given: list[tuple[int, bool, Signal]] = [(first, True, "page"), (second, True, "import"), (second, False, "reply")]
    given += [(first, True, "shop"), (first, False, "register"), (first, True, "staff")]
    for seconds, (customer, granted, signal) in enumerate(given):
        at = NOON + timedelta(seconds=10 * seconds)
        with writing(asked.engine) as connection:
            record(connection, [Word(granted, "sms", signal, "HS_MESAJ", at, at, (customer,))])

    def fetch(**query: Any) -> dict[str, Any]:
        answer = asked.ask("GET", "/v1/consents", params=query)
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    asked.clock.now = NOON + timedelta(seconds=55)
    found, pages, since = [], 0, 0
    while part := fetch(since=since, limit=1)["consents"]:
        found += part
        pages, since = pages + 1, part[-1]["id"]
    assert [(one["customer"], one["granted"]) for one in found] == [("7001", True), ("guest-4", False), ("7001", False)]
    assert pages == 3
    assert found[0] == {
        "id": found[0]["id"],
        "customer": "7001",
        "channel": "sms",
        "granted": True,
        "occurred_at": "2026-03-10T09:00:00Z",
        "source": "HS_MESAJ",
    }

    waiting = fetch()["next"]
    asked.clock.now = NOON + DAY
    assert [one["granted"] for one in fetch(since=waiting)["consents"]] == [True]
    assert fetch(since=fetch()["next"])["consents"] == []
    assert fetch(since=2**62) == {"consents": [], "next": 2**62}


def test_a_key_for_something_else_gets_nothing(asked: Asked) -> None:
    assert asked.ask("GET", "/v1/consents", key=None).status_code == 401
    assert asked.ask("GET", "/v1/consents", key=asked.make_key("till", "events:write")).status_code == 403
    assert asked.ask("GET", "/v1/consents", params={"limit": 5000}).status_code == 422
