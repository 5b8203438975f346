"""Who is forgotten leaves no trace but hashes, is written to by nobody, and is not brought back."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, NOON, World, deliver, email, make_plan, wait
from tests.importers.small_sources import one_table_map, write_csv
from tests.web.visiting import contents
from vefa.channels.base import Email, Sender
from vefa.channels.outbox import Outbox
from vefa.crm import tables as t
from vefa.crm import wishes
from vefa.crm.importers.runs import run_import
from vefa.crm.ticket_messages import ticket_messages
from vefa.crm.wishes import Said
from vefa.database import reading, writing
from vefa.engine.dossier import ORDER, as_json, dossier
from vefa.engine.forgetting import Forgot, forget
from vefa.engine.holdings import ELSEWHERE, HOLDINGS, IMPERSONAL
from vefa.foresight.audience import audience_size
from vefa.inbox import inbox, put
from vefa.language.conditions import Everything
from vefa.ledger.reports import Report, take_in
from vefa.migrations.tables import metadata
from vefa.plan.ways_in import SegmentTrigger
from vefa.settings import Settings, Shop

LATER = NOON + HOUR
#: Everything by which somebody could know her again.
TRACES = (
    "Ayşe",
    "Yılmaz",
    "Bursa",
    "c-1",
    "+905321112233",
    "N-1",
    "KOD-9",
    "TRACK-1",
    "nicht gut",
    "kırık",
    "reviewer",
)


@pytest.fixture
def world(engine: sa.Engine, settings: Settings) -> World:
    return World(engine, settings.model_copy(update={"shop": Shop(locales=("tr",))}))


@pytest.fixture
def ada(world: World) -> int:
    """A customer of whom there is something in every table, in the middle of a journey."""
    ada = world.customer("Ayşe", outside_id="c-1", last_name="Yılmaz", city="Bursa")
    world.insert(t.contacts, customer_id=ada, channel="sms", address="+905321112233", address_key="k")
    order = world.order(ada, NOON, number="N-1", coupon_code="KOD-9")
    product = world.insert(t.products, source="shop", outside_id="p", name="Kahve")
    world.insert(t.order_lines, order_id=order, line=1, product_id=product, quantity=2, unit_price=50)
    world.fact(t.deliveries, "delivery", order_id=order, tracking="TRACK-1", delivered_at=NOON)
    world.fact(t.returns, "return", customer_id=ada, reason="kırık", requested_at=NOON)
    ticket = world.fact(t.tickets, "ticket", customer_id=ada, subject="kırık", opened_at=NOON, resolved_at=NOON)
    said = {"source": "shop", "outside_id": "m-1", "author": "customer", "text": "Ben Ayşe, kırık geldi"}
    world.insert(ticket_messages, ticket_id=ticket, **said, said_at=NOON, said_known_at=NOON)
    world.fact(t.reviews, "review", customer_id=ada, text="nicht gut", posted_at=NOON)
    world.fact(t.survey_answers, "survey", customer_id=ada, survey="nps", score=3, comment="kırık", answered_at=NOON)
    world.insert(t.tags, customer_id=ada, tag="reviewer", since=NOON)
    with writing(world.database) as connection:
        wishes.pause(connection, ada, NOON)
        wishes.refuse_topics(connection, ada, ["offers"], NOON)
        wishes.refuse(connection, ada, "sms", "commercial", Said("form", "signed by Ayşe", NOON))
        put(connection, "sendgrid", b'[{"email":"c-1@ornek.example"}]', NOON, {"topic": "c-1"})
        put(connection, "twilio", b"From=%2B905321112233", NOON)
        put(connection, "sendgrid", b'[{"email":"somebody@ornek.example"}]', NOON)
        connection.execute(sa.update(inbox).values(taken_at=NOON))
    run = world.insert(t.imports, name="shop", path="x", started_at=NOON)
    for line, detail in enumerate(("c-1", "c-1@ornek.example is taken", "2026-02-30")):
        world.insert(t.rejects, import_id=run, file="x", line=line, reason="r", detail=detail)
    world.deploy(make_plan(email(next="rest"), wait("rest", None, days=1)))
    world.tick(LATER)
    return ada


def forgotten(world: World, customer: int = 1) -> Forgot:
    done = forget(world.database, world.settings, customer, LATER)
    assert done is not None
    return done


def test_every_table_with_customers_in_it_says_what_becomes_of_them() -> None:
    """Whoever adds a table adds it to the holdings, else nobody is forgotten in it."""
    listed = {holding.table.name for holding in HOLDINGS}
    with_customers = {
        name
        for name, table in metadata.tables.items()
        if "customer_id" in table.c or any(key.column.table.name == "customers" for key in table.foreign_keys)
    }

    assert with_customers - listed == set()
    assert {holding.name for holding in HOLDINGS if holding.told} == set(ORDER)


def test_every_table_there_is_stands_in_the_inventory_once() -> None:
    """Whoever adds a table says what becomes of it, or why it holds nobody."""
    lists = [{holding.table.name for holding in HOLDINGS}, set(ELSEWHERE), set(IMPERSONAL)]

    assert set.union(*lists) == set(metadata.tables)
    assert sum(map(len, lists)) == len(metadata.tables)


def test_nothing_personal_stays_and_nobody_else_loses_anything(world: World, ada: int) -> None:
    ben = world.customer("Ben", outside_id="c-2", city="Berlin")
    world.order(ben, NOON, number="N-2")
    forgotten(world)

    left = contents(world.database)
    for trace in TRACES:
        assert not any(trace in row for rows in left.values() for row in rows), trace
    told = str(left)
    for other in ("2026-02-30", "Ben", "Berlin", "N-2", "c-2@ornek.example", "somebody@ornek.example"):
        assert other in told


def test_what_stays_are_hashes_sums_and_the_ledger(world: World, ada: int) -> None:
    before = world.send()
    done = forgotten(world)
    (order,) = world.rows(t.orders)
    (line,) = world.rows(t.order_lines)

    assert (order.customer_id, order.total, order.currency, line.quantity) == (None, 100, "TRY", 2)
    stops = {(row.channel, row.purpose, row.reason) for row in world.rows(t.suppressions)}
    assert {("email", "commercial", "forgotten"), ("sms", "commercial", "forgotten")} <= stops
    assert (world.send().id, world.send().state) == (before.id, before.state)
    assert (world.enrolment().state, world.enrolment().reason, done.journeys_left) == ("left", "forgotten", 1)
    assert done.removed["consents"] == 2


def test_a_second_time_there_is_nobody(world: World, ada: int) -> None:
    forgotten(world)
    before = contents(world.database)

    assert forget(world.database, world.settings, ada, LATER + HOUR) is None
    assert contents(world.database) == before


@pytest.mark.rule(16)
def test_what_is_queued_or_claimed_for_them_does_not_go(world: World) -> None:
    world.deploy(make_plan(email()))
    world.order(world.customer("Queued"), NOON)
    tick = world.begin(LATER)
    tick.enter()
    tick.before_request = lambda: forgotten(world, 1)
    deliver(tick)

    assert (world.email.got, world.send().state, world.send().reason) == ([], "skipped", "no email address")

    world.order(world.customer("Later"), LATER)
    tick = world.begin(LATER + HOUR)
    tick.enter()
    forgotten(world, 2)
    deliver(tick)
    assert (world.email.got, [each.state for each in world.sends()]) == ([], ["skipped", "skipped"])


def test_no_journey_finds_them_any_more(world: World, ada: int) -> None:
    forgotten(world)
    everybody = SegmentTrigger("all", Everything(()))
    world.deploy(make_plan(email(), journey="all", trigger=everybody), LATER)
    world.tick(LATER + DAY, "all")

    assert world.enrolments("all") == []
    with reading(world.database) as connection:
        plan = make_plan(email(), journey="all", trigger=everybody)
        assert audience_size(connection, plan, LATER + DAY, world.settings.shop) == 0


def test_reports_that_come_later_bring_nothing_back(world: World, ada: int) -> None:
    forgotten(world)
    take_in(world.database, [Report(f"{world.send().id}.1", "delivered", LATER, LATER)], LATER)

    assert world.send().state == "sent"
    assert not any("c-1" in row for rows in contents(world.database).values() for row in rows)


def test_the_next_import_leaves_their_rows_out_and_says_so(world: World, ada: int) -> None:
    forgotten(world)
    folder = world.settings.root / "export"
    write_csv(
        folder / "rows.csv",
        "id,name,mail,total,placed",
        "C-1 ,Ayşe,c-1@ornek.example,5,2026-03-11",
        "c-2,Ben,,5,2026-03-11",
    )
    customers = one_table_map("customers", {"outside_id": "id", "first_name": "name"})
    orders = one_table_map(
        "orders",
        {
            "outside_id": {"template": "o-{id}"},
            "customer": "id",
            "total": "total",
            "placed_at": "placed",
            "currency": {"constant": "TRY"},
        },
    )
    for given in (customers, orders):
        summary = run_import(world.database, given, str(folder), LATER, False, world.settings)
        assert summary.targets[given.targets[0].into].rejected == {"forgotten": 1}

    assert [row.first_name for row in world.rows(t.customers)] == [None, "Ben"]
    assert [row.detail for row in world.rows(t.rejects) if row.reason == "forgotten"] == [None, None]


def test_what_the_customer_chose_stands_against_an_import(world: World, ada: int) -> None:
    with writing(world.database) as connection:
        wishes.speak(connection, ada, "en")
    folder = world.settings.root / "export"
    write_csv(folder / "rows.csv", "id,name,language", "c-1,Ayşegül,tr", "c-2,Ben,de")
    columns = {"outside_id": "id", "first_name": "name", "language": "language"}
    run_import(world.database, one_table_map("customers", columns), str(folder), LATER, False, world.settings)

    assert [(row.first_name, row.language) for row in world.rows(t.customers)] == [("Ayşegül", "en"), ("Ben", "de")]


def test_messages_in_the_outbox_go_too(world: World, ada: int) -> None:
    box = Outbox(world.settings.var / "outbox", "email")
    for number, to in enumerate(("c-1@ornek.example", "somebody@ornek.example")):
        box.deliver([Email(f"{number + 1}.1", to, Sender("a@b.example"), "Merhaba", "<p>x</p>", "x")])

    assert forgotten(world).outbox == 1
    left = [file for file in (world.settings.var / "outbox").rglob("*") if file.is_file()]
    assert not any(b"c-1@ornek" in file.read_bytes() for file in left)
    assert any(b"somebody@ornek" in file.read_bytes() for file in left)


def test_the_file_tells_what_each_table_holds(world: World, ada: int) -> None:
    with reading(world.database) as connection:
        told: dict[str, Any] = orjson.loads(as_json(dossier(connection, ada)))

    assert set(told) >= {
        "customer",
        "addresses",
        "consents",
        "orders",
        "order_lines",
        "deliveries",
        "returns",
        "tickets",
        "ticket_messages",
    }
    assert set(told) >= {
        "reviews",
        "survey_answers",
        "tags",
        "wishes",
        "refused_topics",
        "stops",
        "journeys",
        "messages",
    }
    assert told["customer"][0]["last_name"] == "Yılmaz"
    assert told["order_lines"][0] == {
        "order": "N-1",
        "product": "Kahve",
        "line": 1,
        "quantity": 2,
        "unit_price": "50.00",
    }
    assert told["messages"][0]["journey"] == "thanks"
    assert not any("address_key" in row or "bucket" in row for rows in told.values() for row in rows)
