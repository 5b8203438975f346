"""Rows of any JSON come in by a column map, as its files would."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from tests.acceptance.small_shop import NOON
from tests.web.asking import Asked
from vefa.crm import tables as t
from vefa.database import reading
from vefa.foresight.status import status
from vefa.foresight.troubles import _imports
from vefa.inbox import inbox

MAP = """\
source: desk
inputs: { tickets: { file: tickets.csv } }
targets:
  - into: customers
    where: { requester.id: { present: true } }
    columns: { outside_id: requester.id, first_name: requester.name }
  - into: contacts
    where: { requester.addresses.0: { present: true } }
    columns: { customer: requester.id, channel: { constant: email }, address: requester.addresses.0 }
  - into: tickets
    columns:
      outside_id: ticket.id
      customer: requester.id
      subject: ticket.subject
      csat: { column: ticket.score, on_error: empty }
      opened_at: ticket.created
"""
TICKET = {
    "ticket": {"id": 17, "subject": "Nerede?", "score": None, "created": "2026-03-10T08:00:00Z", "open": True},
    "requester": {"id": "c1", "name": "Ayşe", "addresses": ["ayse@ornek.example"]},
}


@pytest.fixture
def desk(asked: Asked) -> Asked:
    """A shop whose help desk sends tickets."""
    folder = asked.settings.root / "config" / "importers"
    folder.mkdir()
    (folder / "desk.yaml").write_text(MAP)
    return asked


def sent(asked: Asked, body: Any, name: str = "desk", **said: Any) -> Any:
    return asked.ask("POST", f"/v1/hooks/mapped/{name}", json=body, **said)


def test_a_row_becomes_what_the_map_says(desk: Asked) -> None:
    answer = sent(desk, TICKET)
    assert (answer.status_code, answer.json()) == (202, {"rows": 1})
    desk.take()

    (ticket,) = desk.rows(sa.select(t.tickets, t.customers.c.first_name).join(t.customers))
    assert (ticket.source, ticket.outside_id, ticket.subject, ticket.first_name) == ("desk", "17", "Nerede?", "Ayşe")
    assert [row.address for row in desk.rows(sa.select(t.contacts))] == ["ayse@ornek.example"]
    (event,) = desk.rows(sa.select(t.events))
    assert (event.type, event.known_at) == ("ticket.opened", NOON)


def test_the_same_again_changes_nothing_and_a_change_changes_the_row(desk: Asked) -> None:
    changed = {**TICKET, "ticket": {**TICKET["ticket"], "subject": "Geldi", "score": 5}}
    for body in (TICKET, [TICKET, TICKET], changed):
        sent(desk, body)
        desk.take()

    assert [(row.subject, row.csat) for row in desk.rows(sa.select(t.tickets))] == [("Geldi", 5)]
    assert len(desk.rows(sa.select(t.events))) == 1


def test_rows_that_cannot_be_used_are_kept_aside_and_stop_no_other(desk: Asked) -> None:
    lame = {"ticket": {"id": 18, "created": "soon"}, "requester": {"id": "c2"}}
    nobodys = {"ticket": {"id": 19, "created": "2026-03-10"}}
    sent(desk, [lame, TICKET, nobodys])
    desk.take()

    kept = desk.rows(sa.select(t.rejects.c.line, t.rejects.c.reason).order_by(t.rejects.c.line))
    assert [tuple(row) for row in kept] == [(1, "impossible date"), (3, "no customer")]
    assert [row.outside_id for row in desk.rows(sa.select(t.tickets))] == ["17"]
    assert {row.problem for row in desk.rows(sa.select(inbox))} == {None}


def test_messages_that_stay_away_are_no_late_import(desk: Asked) -> None:
    for _ in range(7):
        sent(desk, {"ticket": {"id": 18}})
        desk.take()

    with desk.engine.connect() as connection:
        assert list(_imports(connection, NOON.replace(year=2030))) == []


def test_a_map_of_several_inputs_takes_an_object_with_the_rows_of_each(desk: Asked) -> None:
    (desk.settings.root / "config" / "importers" / "two.yaml").write_text(
        "inputs: { orders: { file: o }, lines: { file: l } }\n"
        "targets:\n"
        "  - { into: products, input: lines, columns: { outside_id: sku, name: sku } }\n"
        "  - into: orders\n"
        "    input: orders\n"
        "    columns: { outside_id: no, total: { from_lines: true }, currency: { constant: TRY }, placed_at: at }\n"
        "  - into: order_lines\n"
        "    input: lines\n"
        "    columns: { order: no, line: { ordinal: true }, product: sku, quantity: n, unit_price: price }\n"
    )
    lines = [{"no": 1, "sku": "a", "n": 2, "price": 10.25}, {"no": 1, "sku": "b", "n": 1, "price": "5"}]
    assert sent(desk, {"orders": {"no": 1, "at": "2026-03-10"}, "lines": lines}, "two").json() == {"rows": 3}
    desk.take()

    assert [row.total for row in desk.rows(sa.select(t.orders))] == [Decimal("25.5")]
    assert len(desk.rows(sa.select(t.order_lines))) == 2
    answer = sent(desk, {"order": []}, "two")
    assert (answer.status_code, answer.json()) == (422, {"detail": 'unknown input "order". Did you mean "orders"?'})
    assert sent(desk, [TICKET], "two").status_code == 422


@pytest.mark.parametrize("name", ["dask", "..%2Fsettings", "desk.yaml", "%00", "desk%0a"])
def test_a_map_that_is_not_there_is_not_found(desk: Asked, name: str) -> None:
    assert sent(desk, TICKET, name).status_code == 404


def test_what_is_no_row_is_refused_and_nothing_kept(desk: Asked) -> None:
    assert sent(desk, [1, 2]).status_code == 422
    assert sent(desk, [TICKET] * 1001).status_code == 413
    assert sent(desk, []).json() == {"rows": 0}
    assert sent(desk, TICKET, key=desk.make_key("other", "events:write")).status_code == 403
    assert desk.rows(sa.select(inbox)) == []


def test_a_map_with_mistakes_is_told_to_whoever_sends(desk: Asked) -> None:
    (desk.settings.root / "config" / "importers" / "bad.yaml").write_text("inputs: {}\n")

    assert sent(desk, TICKET, "bad").status_code == 409


def test_rows_wait_while_their_map_holds_mistakes_and_are_taken_once_it_is_mended(desk: Asked) -> None:
    path = desk.settings.root / "config" / "importers" / "desk.yaml"
    sent(desk, TICKET)
    path.write_text(MAP.replace("subject:", "sujet:"))

    desk.take()
    (row,) = desk.rows(sa.select(inbox))
    assert (row.taken_at, row.problem) == (None, "the map desk holds mistakes: vefa import desk tells them")
    with reading(desk.engine) as connection:
        (trouble,) = [each for each in status(connection, NOON, NOON).troubles if each.kind == "postponed"]
    assert trouble.says.startswith("1 messages have waited for") and "the map desk" in trouble.says

    path.write_text(MAP)
    desk.clock.now = NOON + timedelta(seconds=59)
    desk.take()
    assert desk.rows(sa.select(t.tickets)) == []
    desk.clock.now = NOON + timedelta(seconds=60)
    desk.take()
    assert len(desk.rows(sa.select(t.tickets))) == 1
    (row,) = desk.rows(sa.select(inbox))
    assert (row.taken_at, row.problem) == (NOON + timedelta(seconds=60), None)


def test_rows_that_wait_for_their_map_hold_up_nobody_else(desk: Asked) -> None:
    folder = desk.settings.root / "config" / "importers"
    (folder / "other.yaml").write_text(MAP.replace("source: desk", "source: other"))
    sent(desk, TICKET)
    sent(desk, TICKET, name="other")
    (folder / "desk.yaml").write_text("inputs: {}")

    desk.take()

    assert [row.source for row in desk.rows(sa.select(t.tickets))] == ["other"]
