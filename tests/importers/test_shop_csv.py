"""The map for a shop's own exports, end to end, on both databases."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.importers.small_sources import NOW, write_csv
from vefa.crm import tables as t
from vefa.crm.identity import address_key, bucket
from vefa.database import metadata

CUSTOMERS = (
    "customer_id,first_name,last_name,gender,birth_date,language,country,city,preferred_channel,created_at,email,phone"
)
ORDERS = "order_id,number,customer_id,total,currency,coupon_code,placed_at,shipped_at,delivered_at,cancelled_at"
LINES = "order_id,line,product_id,quantity,unit_price"


@pytest.fixture
def shop(source: Path) -> Path:
    write_csv(
        source / "customers.csv",
        CUSTOMERS,
        "c1,Işıl,Öz,Kadın,1990-02-03,tr,TR,İzmir,sms,2025-01-05,Isil@Ornek.example,0532 123 45 67",
        "c2,Max,Muster,m,,de,DE,Berlin,,2025-02-01 10:00:00,max@müller.example,",
    )
    write_csv(
        source / "products.csv",
        "product_id,name,category,brand,price,currency,url,image_url,in_stock",
        "p1,Kahve,Mutfak,Ornek,120.50,,,,",
        "p2,Fincan,Mutfak,Ornek,80,TRY,,,no",
    )
    write_csv(
        source / "orders.csv",
        ORDERS,
        "o1,,c1,321.5,,HOSGELDIN,2026-01-05T10:00:00+03:00,2026-01-06,,",
        "o2,TR-2,,80,TRY,,2026-01-07,,,",
    )
    write_csv(source / "order_lines.csv", LINES, "o1,1,p1,2,120.75", "o1,2,p2,1,80", "o2,1,p2,1,80")
    return source


def test_customers_come_with_addresses_bucket_and_zone(imported, rows, shop):
    imported("shop-csv")

    c1, c2 = rows(sa.select(t.customers).order_by(t.customers.c.outside_id))
    assert (c1.first_name, c1.gender, c1.birth_date, c1.zone, c1.language, c1.preferred_channel) == (
        "Işıl",
        "female",
        date(1990, 2, 3),
        "Europe/Istanbul",
        "tr",
        "sms",
    )
    assert c1.created_at == datetime(2025, 1, 5, 9, tzinfo=UTC)  # noon in Istanbul
    assert c1.known_at == NOW
    assert (c2.zone, c2.bucket) == ("Europe/Berlin", bucket("c2"))
    contacts = rows(sa.select(t.contacts).order_by(t.contacts.c.customer_id, t.contacts.c.channel))
    assert [(c.channel, c.address) for c in contacts] == [
        ("email", "Isil@ornek.example"),
        ("sms", "+905321234567"),
        ("email", "max@xn--mller-kva.example"),
    ]
    assert contacts[0].address_key == address_key("isil@ornek.example")


def test_orders_come_with_lines_events_and_stale_facts(imported, rows, shop):
    summary = imported("shop-csv")

    o1, o2 = rows(sa.select(t.orders).order_by(t.orders.c.outside_id))
    assert (o1.number, o1.total, o1.currency, o1.coupon_code) == ("o1", Decimal("321.5"), "TRY", "HOSGELDIN")
    assert o1.placed_at == datetime(2026, 1, 5, 7, tzinfo=UTC)
    assert (o1.placed_known_at, o1.shipped_known_at, o1.delivered_known_at) == (NOW, NOW, None)
    assert (o2.number, o2.customer_id) == ("TR-2", None)
    assert rows("select count(*) from order_lines")[0][0] == 3
    events = rows(sa.select(t.events).where(t.events.c.object_kind == "order").order_by(t.events.c.id))
    assert sorted((e.type, e.object_key, e.object_id) for e in events) == [
        ("order.placed", "o1", o1.id),
        ("order.placed", "o2", o2.id),
        ("order.shipped", "o1", o1.id),
    ]
    assert summary.events == 5  # and two customers created
    assert [row[0] for row in rows("select customer_id from stale_facts")] == [o1.customer_id]


def test_the_same_files_again_change_nothing(imported, rows, shop):
    imported("shop-csv")
    before = {table.name: rows(sa.select(table)) for table in (t.customers, t.orders, t.events, t.order_lines)}

    again = imported("shop-csv", now=NOW.replace(day=2))

    assert (again.changes, again.events, again.rejected) == (0, 0, 0)
    assert again.targets["orders"].unchanged == 2
    assert {name: rows(sa.select(metadata.tables[name])) for name in before} == before


def test_a_value_that_newly_comes_is_known_from_now_and_makes_one_event(imported, rows, shop):
    imported("shop-csv")
    later = NOW.replace(day=3)
    file = shop / "orders.csv"
    file.write_text(file.read_text().replace("2026-01-06,,", "2026-01-06,2026-01-09 18:30:00,"))

    summary = imported("shop-csv", now=later)

    assert (summary.targets["orders"].changed, summary.targets["orders"].unchanged) == (1, 1)
    assert summary.events == 1
    order = rows(sa.select(t.orders).where(t.orders.c.outside_id == "o1"))[0]
    assert (order.placed_known_at, order.shipped_known_at, order.delivered_known_at) == (NOW, NOW, later)
    event = rows(sa.select(t.events).where(t.events.c.type == "order.delivered"))
    assert [(e.known_at, e.occurred_at) for e in event] == [(later, datetime(2026, 1, 9, 15, 30, tzinfo=UTC))]


@pytest.mark.rule(7)
def test_a_correction_updates_the_event_but_not_when_it_became_known(imported, rows, shop):
    imported("shop-csv")
    file = shop / "orders.csv"
    file.write_text(file.read_text().replace("2026-01-06,", "2026-01-08,"))

    summary = imported("shop-csv", now=NOW.replace(day=3))

    shipped = rows(sa.select(t.events).where(t.events.c.type == "order.shipped"))
    assert [(e.occurred_at, e.known_at) for e in shipped] == [(datetime(2026, 1, 8, 9, tzinfo=UTC), NOW)]
    assert summary.events == 1


def test_an_order_that_changes_hands_makes_both_customers_stale(imported, rows, shop, engine):
    imported("shop-csv")
    with engine.begin() as connection:
        connection.execute(t.stale_facts.delete())
    file = shop / "orders.csv"
    file.write_text(file.read_text().replace("o1,,c1,", "o1,,c2,"))

    imported("shop-csv")

    assert len(rows("select customer_id from stale_facts")) == 2


@pytest.mark.rule(2)
def test_history_makes_everything_known_when_it_happened(imported, rows, shop):
    imported("shop-csv", history=True)

    o1 = rows(sa.select(t.orders).where(t.orders.c.outside_id == "o1"))[0]
    assert (o1.placed_known_at, o1.shipped_known_at) == (o1.placed_at, o1.shipped_at)
    assert all(e.known_at == e.occurred_at for e in rows(sa.select(t.events)))
    assert all(c.known_at == c.created_at for c in rows(sa.select(t.customers)))


@pytest.mark.rule(2)
def test_what_lies_ahead_is_known_only_when_it_happens(imported, rows, shop):
    file = shop / "orders.csv"
    file.write_text(file.read_text().replace("2026-01-06,", "2026-04-06,"))

    imported("shop-csv")

    o1 = rows(sa.select(t.orders).where(t.orders.c.outside_id == "o1"))[0]
    assert o1.shipped_known_at == o1.shipped_at == datetime(2026, 4, 6, 9, tzinfo=UTC)


def test_a_line_that_an_order_has_lost_goes_away(imported, rows, shop):
    imported("shop-csv")
    write_csv(shop / "order_lines.csv", LINES, "o1,1,p1,2,120.75", "o2,1,p2,1,80")

    summary = imported("shop-csv")

    assert summary.targets["order_lines"].counted == {"removed": 1}
    assert rows("select count(*) from order_lines")[0][0] == 2
    assert imported("shop-csv").targets["order_lines"].counted == {}


def test_an_order_is_delivered_with_its_last_parcel(imported, rows, shop):
    header = "delivery_id,order_id,carrier,tracking,promised_at,shipped_at,delivered_at"
    first, second = (
        "d1,o1,Kargo,T1,,2026-01-06 10:00:00,2026-01-08 10:00:00",
        "d2,o1,Kargo,T2,,2026-01-07 10:00:00,",
    )
    orders = shop / "orders.csv"
    orders.write_text(orders.read_text().replace("2026-01-06,,", ",,"))
    write_csv(shop / "deliveries.csv", header, first, second)
    imported("shop-csv")
    before = rows(sa.select(t.orders).where(t.orders.c.outside_id == "o1"))[0]

    write_csv(shop / "deliveries.csv", header, first, second + "2026-01-10 10:00:00")
    imported("shop-csv")

    after = rows(sa.select(t.orders).where(t.orders.c.outside_id == "o1"))[0]
    assert (before.shipped_at, before.delivered_at) == (datetime(2026, 1, 6, 7, tzinfo=UTC), None)
    assert after.delivered_at == datetime(2026, 1, 10, 7, tzinfo=UTC)
    delivered = rows(sa.select(t.events).where(t.events.c.type == "order.delivered"))
    assert [(e.object_key, e.occurred_at) for e in delivered] == [("o1", after.delivered_at)]
    assert imported("shop-csv").changes == 0
    orders.write_text(orders.read_text().replace("HOSGELDIN", "MERHABA"))
    assert imported("shop-csv").targets["orders"].changed == 1
    still = rows(sa.select(t.orders).where(t.orders.c.outside_id == "o1"))[0]
    assert (still.delivered_at, still.shipped_known_at) == (after.delivered_at, after.shipped_known_at)


def test_returns_tickets_reviews_answers_consents_and_events(imported, rows, shop):
    write_csv(
        shop / "returns.csv",
        "return_id,customer_id,order_id,reason,amount,currency,requested_at,received_at,refunded_at",
        "r1,,o1,küçük geldi,80,,2026-01-12,,",
    )
    write_csv(
        shop / "tickets.csv",
        "ticket_id,customer_id,order_id,subject,category,agent,csat,opened_at,answered_at,resolved_at",
        "t1,c1,o1,Nerede?,kargo,Ayşe,5,2026-01-07 09:00:00,2026-01-07 09:04:00,2026-01-07 10:00:00",
    )
    write_csv(
        shop / "reviews.csv",
        "review_id,customer_id,order_id,product_id,rating,text,posted_at",
        'v1,c1,o1,p1,4,"iyi, güzel",2026-01-20',
    )
    write_csv(
        shop / "survey_answers.csv",
        "answer_id,customer_id,survey,score,comment,answered_at",
        "s1,c1,NPS,9,,2026-01-21",
    )
    write_csv(
        shop / "consents.csv",
        "customer_id,channel,purpose,granted,source,evidence,occurred_at",
        "c1,email,,evet,HS_WEB,form 3,2025-01-05",
    )
    write_csv(shop / "events.csv", "customer_id,type,event_id,occurred_at", "c1,basket.left,e1,2026-02-01")

    summary = imported("shop-csv")

    assert summary.rejected == 0
    c1 = rows("select id from customers where outside_id = 'c1'")[0][0]
    assert {e.type for e in rows(sa.select(t.events).where(t.events.c.customer_id == c1))} == {
        "customer.created",
        "order.placed",
        "order.shipped",
        "return.requested",
        "ticket.opened",
        "ticket.answered",
        "ticket.resolved",
        "ticket.state_changed",
        "review.posted",
        "survey.answered",
        "basket.left",
    }
    consent = rows(sa.select(t.consents))[0]
    assert (consent.granted, consent.purpose, consent.known_at) == (True, "commercial", NOW)
    assert imported("shop-csv").changes == 0


def test_a_packed_file_is_read_as_it_is(imported, rows, shop):
    plain = shop / "customers.csv"
    (shop / "customers.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()

    summary = imported("shop-csv")

    assert summary.targets["customers"].new == 2


def test_the_import_is_written_down(imported, rows, shop):
    summary = imported("shop-csv")

    row = rows(sa.select(t.imports))[0]
    assert (row.id, row.name, row.started_at) == (summary.import_id, "shop-csv", NOW)
    assert row.finished_at is not None
    assert row.summary["targets"]["orders"]["new"] == 2
