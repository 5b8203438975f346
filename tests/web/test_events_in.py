"""What is told by `/v1/events` is kept once, and answered one by one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from tests.acceptance.small_shop import HOUR, MINUTE, NOON
from tests.web.asking import Asked
from vefa.crm import tables as t
from vefa.settings import Settings, Web

JOINED = {"id": "e1", "type": "loyalty.joined", "customer": {"id": "c1"}, "data": {"level": "gold"}}
PLACED = {
    "id": "p1",
    "type": "order.placed",
    "customer": {"id": "c1", "email": "Ayse@Ornek.example", "first_name": "Ayşe", "country": "DE"},
    "object": {"id": 1001},
    "occurred_at": "2026-03-10T11:00:00+03:00",
    "data": {
        "total": "250.50",
        "lines": [{"product": "p1", "name": "Kahve", "quantity": 2, "unit_price": 125.25}],
    },
}


def states(results: list[dict[str, Any]]) -> list[str]:
    return [each["state"] for each in results]


def events(asked: Asked) -> list[Any]:
    return asked.rows(sa.select(t.events).order_by(t.events.c.id))


@pytest.fixture
def strict(engine: sa.Engine, settings: Settings) -> Iterator[Asked]:
    asked = Asked(engine, settings.model_copy(update={"web": Web(unknown_customers="refuse")}))
    yield asked
    asked.service.close()


def test_an_event_of_the_shop_is_kept_with_its_customer_and_data(asked: Asked) -> None:
    answer = asked.ask("POST", "/v1/events", json=JOINED)

    assert answer.status_code == 200
    assert answer.json() == {
        "new": 1,
        "known": 0,
        "refused": 0,
        "results": [{"id": "e1", "state": "new", "problem": None}],
    }
    (event,) = events(asked)
    assert (event.source, event.type, event.object_key, event.data) == (
        "shop",
        "loyalty.joined",
        "e1",
        {"level": "gold"},
    )
    assert (event.occurred_at, event.known_at) == (NOON, NOON)
    (customer,) = asked.rows(sa.select(t.customers))
    assert (event.customer_id, customer.outside_id, customer.zone) == (customer.id, "c1", "Europe/Istanbul")


def test_the_same_again_is_known_and_a_correction_enters_nobody_again(asked: Asked) -> None:
    asked.send(JOINED)
    asked.clock.now = NOON + HOUR

    assert states(asked.send(JOINED, {**JOINED, "data": {"level": "silver"}})) == ["known", "known"]
    (event,) = events(asked)
    assert (event.occurred_at, event.known_at, event.data) == (NOON, NOON, {"level": "silver"})


def test_the_same_twice_in_one_request_is_one_event(asked: Asked) -> None:
    assert states(asked.send(JOINED, JOINED)) == ["new", "known"]
    assert len(events(asked)) == 1


def test_one_that_is_refused_stops_no_other(asked: Asked) -> None:
    results = asked.send({"id": "x", "type": "loyalty.joind", "customer": {"id": "c1"}}, JOINED, 7)

    assert states(results) == ["refused", "new", "refused"]
    assert results[0]["problem"] == 'type: there is no event of this name. Did you mean "loyalty.joined"?'
    assert results[2] == {"id": None, "state": "refused", "problem": "must be an object"} or results[2]["id"] is None


def test_where_all_are_refused_the_answer_says_so(asked: Asked) -> None:
    answer = asked.ask("POST", "/v1/events", json={"id": "x", "type": "loyalty.joined"})

    assert answer.status_code == 422
    assert answer.json()["results"][0]["problem"] == "customer is missing: the event is about nobody"


def test_an_order_that_is_placed_is_there_with_its_lines_and_makes_the_event(asked: Asked) -> None:
    assert states(asked.send(PLACED)) == ["new"]

    (order,) = asked.rows(sa.select(t.orders))
    assert (order.source, order.outside_id, order.number, order.total, order.currency) == (
        "shop",
        "1001",
        "1001",
        Decimal("250.5"),
        "TRY",
    )
    assert (order.placed_at, order.placed_known_at) == (NOON - HOUR, NOON)
    (line,) = asked.rows(sa.select(t.order_lines, t.products.c.name).join(t.products))
    assert (line.quantity, line.unit_price, line.name) == (2, Decimal("125.25"), "Kahve")
    (event,) = events(asked)
    assert (event.type, event.object_kind, event.object_key, event.object_id) == (
        "order.placed",
        "order",
        "1001",
        order.id,
    )
    (customer,) = asked.rows(sa.select(t.customers))
    assert (customer.first_name, customer.zone, customer.language) == ("Ayşe", "Europe/Berlin", "de")
    (contact,) = asked.rows(sa.select(t.contacts))
    assert (contact.channel, contact.address) == ("email", "Ayse@ornek.example")
    assert [row.customer_id for row in asked.rows(sa.select(t.stale_facts))] == [customer.id]


def test_what_happens_to_an_order_needs_its_number_only(asked: Asked) -> None:
    asked.send(PLACED)
    asked.clock.now = NOON + MINUTE

    shipped, delivered = (
        {"id": name, "type": f"order.{name}", "object": {"id": "1001"}} for name in ("shipped", "delivered")
    )
    assert states(asked.send(delivered, shipped)) == ["new", "new"]
    assert states(asked.send(delivered)) == ["known"]
    (order,) = asked.rows(sa.select(t.orders))
    assert (order.shipped_at, order.delivered_at, order.delivered_known_at) == (asked.clock.now,) * 3
    assert order.total == Decimal("250.5")
    assert {event.customer_id for event in events(asked)} == {order.customer_id}


def test_placed_and_delivered_may_come_together_in_any_order(asked: Asked) -> None:
    delivered = {"id": "d", "type": "order.delivered", "object": {"id": "1001"}}

    assert states(asked.send(delivered, PLACED)) == ["new", "new"]


def test_an_order_that_nobody_knows_is_refused_with_what_it_lacks(asked: Asked) -> None:
    (result,) = asked.send({"id": "d", "type": "order.delivered", "object": {"id": "9"}})

    assert result["problem"] == (
        "this order is not known yet from source shop, and to begin with it needs total, placed_at"
    )
    assert asked.rows(sa.select(t.orders)) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"data": {"totl": 1, "total": 5}}, 'data: unknown key "totl". Did you mean "total"?'),
        ({"data": {"total": "much"}}, "data: total: wrong number"),
        ({"data": {"total": 10**30}}, "data: total: wrong number"),
        ({"data": {"total": [1]}}, "data: total must be one value, not several"),
        ({"data": {"total": 5, "lines": [{"product": "p"}]}}, "data: line 1: needs unit_price"),
        ({"data": {"total": 5, "lines": 7}}, "data: lines must be a list of lines"),
        ({"object": None}, "object is missing: say which order it is"),
        ({"object": {"id": "1", "kind": "ticket"}}, "object: order.placed has the kind order, not ticket"),
        ({"occurred_at": "yesterday"}, "occurred_at: "),
        ({"occurred_at": "0001-01-01T00:00:00+03:00"}, "occurred_at: this is no moment"),
        ({"customer": {"email": "no address"}}, "customer.email: this is no address"),
        ({"customer": {"phone": "12"}}, "customer.phone: this can be nobody's number"),
        ({"customer": {}}, "customer: say who, by id, email or phone"),
        ({"customer": {"id": "c1", "password": "x"}}, "customer.password: there is no such key"),
        ({"id": ""}, "id: "),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(asked: Asked, change: dict[str, Any], problem: str) -> None:
    (result,) = asked.send({**PLACED, **change})

    assert result["state"] == "refused"
    assert result["problem"].startswith(problem)


def test_somebody_is_found_by_an_address_and_made_once(asked: Asked) -> None:
    asked.send(PLACED)
    by_mail = {**JOINED, "customer": {"email": "AYSE@ornek.example"}}
    stranger = {"id": "e2", "type": "basket.left", "customer": {"phone": "0532 123 45 67"}}

    asked.send(by_mail, stranger)
    asked.send({**stranger, "id": "e3"})

    people = asked.rows(sa.select(t.customers).order_by(t.customers.c.id))
    assert [person.outside_id[:6] for person in people] == ["c1", "guest:"]
    assert [event.customer_id for event in events(asked)][1:] == [people[0].id, people[1].id, people[1].id]


def test_strangers_are_refused_where_the_shop_says_so_until_they_have_signed_up(strict: Asked) -> None:
    (result,) = strict.send({**PLACED, "id": "p"})
    assert result["problem"].startswith("this customer is not known.")

    created = {"id": "s", "type": "customer.created", "customer": {"id": "c1"}, "data": {"first_name": "Ayşe"}}
    assert states(strict.send(PLACED, created)) == ["new", "new"]
    (customer,) = strict.rows(sa.select(t.customers))
    assert (customer.first_name, customer.created_at) == ("Ayşe", NOON)


def test_signing_up_is_learned_when_it_is_told_though_they_had_ordered_before(asked: Asked) -> None:
    asked.send(PLACED)
    asked.clock.now = NOON + timedelta(days=9)

    asked.send({"id": "s", "type": "customer.created", "customer": {"id": "c1", "email": "new@ornek.example"}})

    assert events(asked)[-1].known_at == asked.clock.now
    assert [row.address for row in asked.rows(sa.select(t.contacts))] == ["new@ornek.example"]


def test_parcels_say_when_their_order_is_delivered(asked: Asked) -> None:
    asked.send(PLACED)
    parcels = [
        {"id": f"e{n}", "type": "delivery.shipped", "object": {"id": f"d{n}"}, "data": {"order": "1001"}}
        for n in (1, 2)
    ]
    arrivals = [{"id": f"a{n}", "type": "delivery.delivered", "object": {"id": f"d{n}"}} for n in (1, 2)]

    asked.send(*parcels, arrivals[0])
    assert [row.delivered_at for row in asked.rows(sa.select(t.orders))] == [None]
    asked.send(arrivals[1])
    assert [row.delivered_at for row in asked.rows(sa.select(t.orders))] == [NOON]
    assert "order.delivered" in {event.type for event in events(asked)}


def test_tickets_returns_and_answers_come_the_same_way(asked: Asked) -> None:
    asked.send(PLACED)
    told = [
        {
            "id": "1",
            "type": "ticket.opened",
            "object": {"id": "T1"},
            "customer": {"id": "c1"},
            "data": {"subject": "?"},
        },
        {"id": "2", "type": "ticket.resolved", "object": {"id": "T1"}, "data": {"csat": 5}},
        {"id": "3", "type": "return.requested", "object": {"id": "R1"}, "data": {"order": "1001", "amount": 10}},
        {"id": "4", "type": "review.posted", "customer": {"id": "c1"}, "data": {"rating": 4, "product": "p1"}},
        {"id": "5", "type": "survey.answered", "customer": {"id": "c1"}, "data": {"survey": "nps", "score": 10}},
    ]

    assert states(asked.send(*told)) == ["new"] * 5
    (ticket,) = asked.rows(sa.select(t.tickets))
    assert (ticket.subject, ticket.csat, ticket.resolved_at) == ("?", 5, NOON)
    (sent_back,) = asked.rows(sa.select(t.returns))
    assert (sent_back.amount, sent_back.customer_id) == (Decimal(10), ticket.customer_id)


def test_a_clock_that_is_a_little_ahead_delays_nothing_and_the_far_future_waits(asked: Asked) -> None:
    for number, ahead in enumerate((MINUTE, HOUR)):
        asked.send({**JOINED, "id": str(number), "occurred_at": (NOON + ahead).isoformat()})

    assert [event.known_at for event in events(asked)] == [NOON, NOON + HOUR]


def test_our_own_news_cannot_be_sent(asked: Asked) -> None:
    (result,) = asked.send({"id": "1", "type": "email.opened", "customer": {"id": "c1"}})

    assert result["problem"] == "type: email.opened is told by vefa itself and cannot be sent"


def test_a_new_event_of_the_shop_is_known_as_soon_as_its_file_says_so(asked: Asked) -> None:
    event = {**JOINED, "type": "wish.made"}
    assert states(asked.send(event)) == ["refused"]

    (asked.settings.root / "config" / "events.yaml").write_text("wish.made: a wish was made, quite another file\n")

    assert states(asked.send(event)) == ["new"]


def test_a_thousand_are_taken_and_one_more_is_not(asked: Asked) -> None:
    many = [{**JOINED, "id": str(number), "customer": {"id": f"c{number}"}} for number in range(1000)]

    assert set(states(asked.send(*many))) == {"new"}
    assert asked.ask("POST", "/v1/events", json=[*many, JOINED]).status_code == 413


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"NaN", b"[" * 5000, b'{"a":' * 40 + b"1" + b"}" * 40, b"id=1", b"\x1f\x8b\x08"]
)
def test_what_is_no_json_is_told_so(asked: Asked, body: bytes) -> None:
    answer = asked.ask("POST", "/v1/events", content=body)

    assert answer.status_code == 400
    assert "JSON" in answer.json()["detail"]


def test_letters_that_a_database_refuses_are_left_out(asked: Asked) -> None:
    event = {**JOINED, "data": {"no\x00te": "a\x00b", "deep": [{"x": "\x00"}]}, "customer": {"id": "c\x001"}}

    assert states(asked.send(event)) == ["new"]
    assert events(asked)[0].data == {"note": "ab", "deep": [{"x": ""}]}


def test_sql_and_template_text_in_names_is_only_text(asked: Asked) -> None:
    name = "Robert'); DROP TABLE orders;-- {{ 7 * 7 }} ${jndi:x}"

    asked.send({**JOINED, "customer": {"id": "c1", "first_name": name}})

    assert [row.first_name for row in asked.rows(sa.select(t.customers))] == [name]


def test_without_a_key_or_with_another_nothing_is_taken(asked: Asked) -> None:
    reader = asked.make_key("dashboard", "read")

    for key, code in ((None, 401), ("vefa_" + "x" * 43, 401), ("hello", 401), (reader, 403)):
        answer = asked.ask("POST", "/v1/events", json=JOINED, key=key)
        assert (answer.status_code, "WWW-Authenticate" in answer.headers) == (code, code == 401)
    assert events(asked) == []


def test_a_key_may_speak_for_another_source(asked: Asked) -> None:
    asked.send(PLACED)
    warehouse = asked.make_key("warehouse", "events:write", source="shop")

    results = asked.send({"id": "1", "type": "order.shipped", "object": {"id": "1001"}}, key=warehouse)

    assert states(results) == ["new"]
