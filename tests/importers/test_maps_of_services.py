"""The maps for Shopify, Mailchimp, Klaviyo and SendGrid, on small files of their shapes; counted with pandas."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from tests.importers.small_sources import one_table_map, write_csv
from vefa.crm import tables as t
from vefa.crm.identity import address_key
from vefa.crm.importers.dates import NO_YEAR
from vefa.crm.importers.map_files import make_map

CUSTOMERS = (
    "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address City,Default Address Country Code,"
    "Phone,Accepts SMS Marketing,Tags"
)
ORDERS = (
    "Name,Email,Fulfilled at,Currency,Total,Discount Code,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
    "Lineitem sku,Billing Name,Cancelled at,Id"
)
STOPS = sa.select(
    t.suppressions.c.address_key, t.suppressions.c.reason, t.suppressions.c.purpose, t.suppressions.c.occurred_at
)


@pytest.fixture
def shopify(source: Path) -> Path:
    write_csv(
        source / "customers_export.csv",
        CUSTOMERS,
        "'7700000000001,Defne,Kaya,defne@ornek.example,yes,İzmir,TR,'+905321110061,yes,\"vip, toptan\"",
        "'7700000000002,,,mert@ornek.example,no,,,,no,",
        "'7700000000003,Su,Ak,,no,Ankara,TR,'0532 111 00 63,no,",
    )
    write_csv(
        source / "orders_export.csv",
        ORDERS,
        "#1001,defne@ornek.example,2026-02-06 09:00:00 +0300,TRY,550.00,HOSGELDIN,2026-02-05 14:30:22 +0300,1,"
        "Fincan - Mavi,300.00,F-1,Defne Kaya,,5500000000001",
        "#1001,defne@ornek.example,,,,,2026-02-05 14:30:22 +0300,2,Kahve,125.00,K-1,,,",
        "#1002,,,TRY,100.00,,2026-02-07 09:59:00 +0300,1,Fincan - Mavi,100.00,F-1,Su Ak,2026-02-07 11:00:00 +0300,"
        "5500000000002",
        "#1003,Ece@Ornek.example,,TRY,100.00,,2026-02-08 09:59:00 +0300,1,Kahve,100.00,K-1,Ece Nur Can,,5500000000003",
        "#1004,ece@ornek.example,,TRY,100.00,,2026-02-09 09:59:00 +0300,1,Kahve,100.00,K-1,Ece Can,,5500000000004",
    )
    return source


def test_shopifys_exports_mean_the_people_and_orders_of_its_webhooks(imported, rows, shopify):
    people = imported("shopify-customers")
    dry = imported("shopify-orders", dry=True)
    summary = imported("shopify-orders")

    frame = pd.read_csv(shopify / "customers_export.csv", dtype=str, keep_default_na=False)
    ids = sorted(frame["Customer ID"].str.lstrip("'"))
    assert [row[0] for row in rows("select outside_id from customers order by id limit 3")] == ids
    assert people.targets["contacts"].new == (frame[["Email", "Phone"]] != "").sum().sum()
    assert people.targets["consents"].new == (frame.filter(like="Accepts") == "yes").sum().sum()
    lines = pd.read_csv(shopify / "orders_export.csv", keep_default_na=False)
    assert summary.rejected == 0
    assert summary.targets["orders"].new == lines.Name.nunique()
    found = rows(
        "select o.number, c.outside_id, count(l.line), o.total from orders o left join customers c on c.id ="
        " o.customer_id join order_lines l on l.order_id = o.id group by o.number, c.outside_id, o.total order by 1"
    )
    guest = f"guest:{address_key('ece@ornek.example')}"
    assert [row[:3] for row in found] == [
        ("#1001", "7700000000001", 2),
        ("#1002", None, 1),
        ("#1003", guest, 1),
        ("#1004", guest, 1),
    ]
    name = rows(sa.select(t.customers.c.first_name, t.customers.c.last_name).where(t.customers.c.outside_id == guest))
    assert name == [("Ece", "Can")]
    assert dry.targets == summary.targets
    assert imported("shopify-orders").changes == imported("shopify-customers").changes == 0


def stops(rows: Any) -> set[tuple[str, str, str | None, datetime]]:
    return {tuple(row) for row in rows(STOPS)}


def stop(address: str, reason: str, *moment: int) -> tuple[str, str, str | None, datetime]:
    purpose = "commercial" if reason == "unsubscribed" else None
    return address_key(address), reason, purpose, datetime(*moment, tzinfo=UTC)


def test_mailchimps_audience_keeps_birthdays_and_who_is_not_to_be_written_to(imported, rows, source):
    write_csv(
        source / "subscribed_members_export_1.csv",
        "Email Address,First Name,Last Name,Birthday,CONFIRM_TIME,CONFIRM_IP,TIMEZONE,CC",
        "defne@ornek.example,Defne,Kaya,05/31,2024-01-15 10:31:00,192.0.2.1,Europe/Istanbul,TR",
        "yeni@ornek.example,Yeni,Üye,02/29,2024-03-16 14:40:47,192.0.2.2,,",
    )
    write_csv(
        source / "unsubscribed_members_export_1.csv",
        "Email Address,UNSUB_TIME,UNSUB_REASON",
        "mert@ornek.example,2025-05-05 08:00:00,NORMAL",
    )
    write_csv(
        source / "cleaned_members_export_1.csv", "Email Address,CLEAN_TIME", "olu@ornek.example,2025-06-06 08:00:00"
    )

    summary = imported("mailchimp")

    assert [str(row[0]) for row in rows("select birth_date from customers order by id")] == [
        f"{NO_YEAR}-05-31",
        f"{NO_YEAR}-02-29",
    ]
    assert summary.targets["consents"].new == 2
    assert stops(rows) == {
        stop("mert@ornek.example", "unsubscribed", 2025, 5, 5, 8),
        stop("olu@ornek.example", "bounced", 2025, 6, 6, 8),
    }
    assert imported("mailchimp").changes == 0 and len(rows(STOPS)) == 2


def test_klaviyos_reasons_are_kept_with_their_time_from_its_file_and_its_api(imported, rows, source):
    write_csv(
        source / "suppressed.csv",
        "Email,Reason,Timestamp",
        *(
            f"k{n}@ornek.example,{reason},2025-02-21T20:07:38+00:00"
            for n, reason in enumerate(
                ("HARD_BOUNCE", "INVALID_EMAIL", "SPAM_COMPLAINT", "UNSUBSCRIBE", "USER_SUPPRESSED", "")
            )
        ),
    )
    said = {"reason": "HARD_BOUNCE", "timestamp": "2025-02-22T20:07:38+00:00"}
    marketing = {"email": {"marketing": {"suppression": [said]}}}
    profile = {"type": "profile", "attributes": {"email": "api@ornek.example", "subscriptions": marketing}}
    (source / "suppressed.json").write_text(json.dumps({"data": [profile]}))

    imported("klaviyo-suppressions")

    reasons = ("bounced", "bounced", "complained", "unsubscribed", "manual", "manual")
    expected = {stop(f"k{n}@ornek.example", reason, 2025, 2, 21, 20, 7, 38) for n, reason in enumerate(reasons)}
    assert stops(rows) == expected | {stop("api@ornek.example", "bounced", 2025, 2, 22, 20, 7, 38)}


def test_sendgrids_lists_come_as_its_pages_and_its_api_give_them(imported, rows, source):
    write_csv(
        source / "suppression_bounces.csv",
        "status,reason,email,created",
        "5.1.1,550 no such user,b@ornek.example,1443651125",
    )
    api = [{"created": 1443651125, "email": "s@ornek.example", "ip": "192.0.2.9"}]
    (source / "spam_reports.json").write_text(json.dumps(api))
    (source / "unsubscribes.json").write_text(json.dumps([{"created": 1443651125, "email": "u@ornek.example"}]))

    for _ in range(2):
        imported("sendgrid-suppressions")

    moment = (2015, 9, 30, 22, 12, 5)
    assert stops(rows) == {
        stop("b@ornek.example", "bounced", *moment),
        stop("s@ornek.example", "complained", *moment),
        stop("u@ornek.example", "unsubscribed", *moment),
    }
    assert len(rows(STOPS)) == 3


def test_a_plain_file_of_addresses_stops_each_of_them(imported, rows, source):
    (source / "stop.txt").write_text("E-posta\na@ornek.example\n\n+90 532 111 00 61\nB@ornek.example\n")

    summary = imported("addresses")

    assert summary.rejected == 0
    keys = {address_key(each) for each in ("a@ornek.example", "b@ornek.example", "+905321110061")}
    assert {row[:2] for row in stops(rows)} == {(key, "manual") for key in keys}


def test_who_comes_with_an_address_is_named_by_it_in_the_same_file(imported, rows, source):
    columns = {"outside_id": "mail", "first_name": "name"}
    write_csv(source / "rows.csv", "mail,name,id", "a@ornek.example,Ayşe,", "b@ornek.example,Can,")
    said = {"purpose": {"constant": "commercial"}, "granted": {"constant": True}, "source": {"constant": "list"}}
    channel = {"constant": "email"}
    targets = [
        {"into": "customers", "columns": columns},
        {"into": "contacts", "columns": {"customer": "mail", "channel": channel, "address": "mail"}},
        {
            "into": "consents",
            "columns": {"address": "mail", "channel": channel, "occurred_at": {"constant": "2026-01-01"}, **said},
        },
    ]
    imported(make_map({"inputs": {"rows": {"file": "rows.csv"}}, "targets": targets[:2]}, "older", "older.yaml"))
    write_csv(source / "rows.csv", "mail,name", "A@ornek.example,Ayşe", "c@ornek.example,Ece")

    summary = imported(make_map({"inputs": {"rows": {"file": "rows.csv"}}, "targets": targets}, "list", "list.yaml"))

    assert summary.rejected == 0
    owners = rows("select c.outside_id, a.address from contacts a join customers c on c.id = a.customer_id order by 1")
    assert sorted(map(tuple, owners)) == sorted(
        (address, address) for address in ("A@ornek.example", "a@ornek.example", "b@ornek.example", "c@ornek.example")
    )
    agreed = rows("select c.outside_id from consents k join customers c on c.id = k.customer_id")
    assert {row[0] for row in agreed} == {"A@ornek.example", "a@ornek.example", "c@ornek.example"}


def test_tags_come_as_whole_lists_and_go_away_again(imported, rows, source):
    borne = """
        select c.outside_id, g.tag from tags g join customers c on c.id = g.customer_id
        where g.until is null order by 1, 2
    """
    people = one_table_map("customers", {"outside_id": "id", "tags": "tags"})
    goods = {"outside_id": "id", "name": "id", "tags": {"column": "tags", "separator": ";"}}

    write_csv(source / "rows.csv", "id,tags", 'c1,"vip, toptan"', 'c2,"""VIP"",""Blog"""', "c3,")
    imported(people)
    imported(one_table_map("products", goods))
    assert rows(borne) == [("c1", "toptan"), ("c1", "vip"), ("c2", "Blog"), ("c2", "VIP")]
    write_csv(source / "rows.csv", "id,tags", "c1,vip", 'c2,"""VIP"",""Blog"""', "c3,yeni")
    imported(people, now=datetime(2026, 3, 2, 9, tzinfo=UTC))

    assert rows(borne) == [("c1", "vip"), ("c2", "Blog"), ("c2", "VIP"), ("c3", "yeni")]
    assert imported(people).changes == 0
    assert len(rows("select tag from product_tags")) == 2
