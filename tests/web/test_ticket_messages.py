"""What is said in a ticket comes in beside its events, and by SMS."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from tests.acceptance.small_shop import MINUTE, NOON
from tests.web.asking import Asked
from vefa.crm.heard import Heard, hear
from vefa.crm.tables import contacts, tickets
from vefa.crm.ticket_messages import ticket_messages
from vefa.database import writing

ASKED = {"id": "m1", "author": "customer", "text": "Kulbu kırık", "said_at": "2026-03-10T11:00:00+03:00"}
OPENED = {
    "id": "e1",
    "type": "ticket.opened",
    "customer": {"id": "c1", "phone": "+905321234567", "country": "TR"},
    "object": {"id": "t1"},
    "data": {"subject": "Kırık geldi", "messages": [ASKED]},
}


def said(asked: Asked) -> list[Any]:
    return asked.rows(sa.select(ticket_messages).order_by(ticket_messages.c.id))


def test_a_tickets_event_brings_what_was_said_and_later_ones_add_to_it(asked: Asked) -> None:
    asked.send(OPENED)
    asked.clock.now = NOON + MINUTE
    reply = {"id": "m2", "author": "agent", "agent": "Elif", "text": "Bakıyorum"}
    answered = {"id": "e2", "type": "ticket.answered", "object": {"id": "t1"}, "data": {"messages": [ASKED, reply]}}

    asked.send(answered)

    first, second = said(asked)
    assert (first.author, first.text, first.said_at) == (
        "customer",
        "Kulbu kırık",
        datetime(2026, 3, 10, 8, tzinfo=UTC),
    )
    assert first.said_known_at == NOON, "known since it was told first"
    assert (second.agent, second.said_at, second.said_known_at) == ("Elif", NOON + MINUTE, NOON + MINUTE)
    assert {first.ticket_id, second.ticket_id} == {row.id for row in asked.rows(sa.select(tickets))}


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ("Merhaba", "data: messages must be a list of messages, each with id, author and text"),
        ([{"id": "m1", "author": "customer"}], "data: message 1: needs text"),
        ([ASKED, {**ASKED, "author": "bot"}], "data: message 2: author: unknown author"),
        ([{**ASKED, "words": "x"}], "data: message 1: unknown key words"),
        ([{**ASKED, "text": ["x"]}], "data: message 1: text must be one value, not several"),
    ],
)
def test_what_is_wrong_is_said(asked: Asked, messages: Any, problem: str) -> None:
    (result,) = asked.send({**OPENED, "data": {"messages": messages}})

    assert result["state"] == "refused"
    assert result["problem"].replace('"', "").startswith(problem)
    assert said(asked) == []


def test_an_sms_is_written_down_and_the_next_one_goes_on_with_it(asked: Asked) -> None:
    asked.send({**OPENED, "id": "e0", "type": "customer.created", "object": {"id": "c1"}, "data": {}})
    (number,) = asked.rows(sa.select(contacts.c.address).where(contacts.c.channel == "sms"))
    told = (
        ("SM1", "Paketim nerede?", 0),
        ("SM1", "Paketim nerede?", 0),
        ("SM2", "Cuma dediniz", 5),
        ("SM3", "Alo?", 90),
    )
    with writing(asked.engine) as connection:
        for key, text, minutes in told:
            at = NOON + minutes * MINUTE
            hear(connection, Heard(key, number.address, text, None, at, at))

    assert [row.subject for row in asked.rows(sa.select(tickets).order_by(tickets.c.id))] == ["Paketim nerede?", "Alo?"]
    assert [(row.author, row.text) for row in said(asked)] == [
        ("customer", "Paketim nerede?"),
        ("customer", "Cuma dediniz"),
        ("customer", "Alo?"),
    ]
    assert len({row.ticket_id for row in said(asked)}) == 2
