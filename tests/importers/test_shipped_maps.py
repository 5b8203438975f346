"""The maps for public data, on small files of the same shape; each against a few lines of pandas."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from tests.importers.small_sources import write_csv
from vefa.crm import tables as t

INVOICES = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
COUNTRIES = ("United Kingdom", "EIRE", "Unspecified", "Australia")


@pytest.fixture
def invoices(source: Path) -> pd.DataFrame:
    """Sixty lines: sales, credit notes, stock corrections, postage, a bad debt, buyers without an account."""
    lines = [INVOICES]
    for i in range(52):
        customer = f"{12000 + i % 7}.0" if i % 4 else ""
        lines.append(
            f"{536000 + i % 13},{85000 + i % 9}{'a' if i % 2 else 'A'},GIFT {i % 9},{1 + i % 6}.0,"
            f"2010-12-{1 + i % 13:02d} 08:26:00,{i % 5}.{i % 100:02d},{customer},{COUNTRIES[i % 7 % 4]}"
        )
    lines += [
        "536000,POST,POSTAGE,1.0,2010-12-01 08:26:00,18.0,12000.0,United Kingdom",
        "C536900,85001A,GIFT 1,-2.0,2010-12-20 10:00:00,1.5,12001.0,United Kingdom",
        "C536900,85002A,GIFT 2,-1.0,2010-12-20 10:00:00,2.5,12001.0,United Kingdom",
        "C536901,85001A,GIFT 1,-1.0,2010-12-21 10:00:00,1.5,,United Kingdom",
        "C536902,D,Discount,-1.0,2010-12-21 10:00:00,27.5,12002.0,United Kingdom",
        "536950,85001A,damaged,-30.0,2010-12-22 10:00:00,0.0,,United Kingdom",
        "536951,21134,,1.0,2010-12-22 11:00:00,0.0,,United Kingdom",
        "A536990,B,Adjust bad debt,1.0,2010-12-23 10:00:00,11062.06,,United Kingdom",
    ]
    text = "\n".join(lines) + "\n"
    (source / "online_retail.csv.gz").write_bytes(gzip.compress(text.encode()))
    frame = pd.read_csv(source / "online_retail.csv.gz", dtype=str, keep_default_na=False)
    return frame.assign(quantity=frame.Quantity.astype(float), price=frame.UnitPrice.astype(float))


def test_the_invoices_of_a_gift_shop_are_counted_as_pandas_counts_them(imported, rows, invoices):
    summary = imported("online-retail", history=True, chunk_rows=11)

    number, stock = invoices.InvoiceNo.str[0], invoices.StockCode.str.upper()
    sales = invoices[(number == "5") & (invoices.quantity > 0)]
    articles = sales[stock[sales.index] != "POST"]
    named = set(stock[articles.index][articles.price > 0])
    orphans = articles[~stock[articles.index].isin(named)]
    counts = {name: target.new for name, target in summary.targets.items()}
    assert counts == {
        "customers": invoices[invoices.CustomerID != ""].CustomerID.nunique(),
        "products": len(named),
        "orders": sales.InvoiceNo.nunique(),
        "order_lines": len(articles) - len(orphans),
        "returns": 1,
    }
    assert summary.targets["order_lines"].rejected == {"unknown product": len(orphans)}
    assert summary.targets["returns"].rejected == {"no customer": 1}
    total = rows(sa.select(sa.func.sum(t.orders.c.total)))[0][0]
    assert float(total) == pytest.approx((sales.quantity * sales.price).sum())


def test_a_credit_note_is_a_return_of_its_customer(imported, rows, invoices):
    imported("online-retail", history=True)

    note = rows(sa.select(t.returns))[0]
    moment = datetime(2010, 12, 20, 10, tzinfo=UTC)
    assert (note.outside_id, note.amount, note.order_id) == ("C536900", Decimal("5.5"), None)
    assert note.requested_at == note.requested_known_at == note.refunded_at == moment


def test_the_countries_of_a_gift_shop_become_codes_zones_and_languages(imported, rows, invoices):
    imported("online-retail")

    found = set(rows("select country, zone, language from customers"))
    assert found <= {
        ("GB", "Europe/London", "en"),
        ("IE", "Europe/Dublin", "en"),
        ("AU", "Australia/Sydney", "en"),
        (None, "Europe/Istanbul", None),
    }
    assert len(found) > 2


@pytest.fixture
def contoso(source: Path) -> Path:
    """Two customers, one of them in two stretches; an order over the counter and one that was sent."""
    write_csv(
        source / "customer.csv",
        "customer_key,start_dt,gender,given_name,surname,city,country,birthday",
        "1855811.0,1990-04-30,female,Zoë,O'Brien-Núñez,Murray,US,1992-07-30",
        "1855811.0,2001-01-01,female,Zoë,O'Brien-Núñez,Denver,US,1992-07-30",
        "200.0,2004-05-06,male,Jörg,Maß,Köln,DE,1970-01-02",
    )
    write_csv(
        source / "product.csv",
        "product_key,product_name,brand,category_name,price",
        "1.0,MP3 Player,Contoso,Audio,12.99",
        "2.0,Television,Contoso,TV and Video,499.0",
    )
    write_csv(
        source / "orders.csv",
        "order_key,customer_key,store_key,order_date,delivery_date,currency_code",
        "233000.0,1855811.0,585.0,2021-05-18,2021-05-18,USD",
        "233100.0,200.0,999999.0,2021-05-19,2021-05-24,EUR",
    )
    write_csv(
        source / "orderrows.csv",
        "order_key,line_number,product_key,quantity,net_price",
        "233100.0,0.0,1.0,2.0,12.5",
        "233000.0,0.0,2.0,1.0,376.6",
        "233100.0,1.0,2.0,1.0,400.005",
    )
    return source


def test_contosos_orders_cost_what_their_rows_cost(imported, rows, contoso):
    imported("contoso", history=True)

    found = rows(sa.select(t.orders).order_by(t.orders.c.outside_id))
    assert [(order.number, order.total, order.currency) for order in found] == [
        ("233000", Decimal("376.6"), "USD"),
        ("233100", Decimal("425.005"), "EUR"),
    ]
    assert found[1].delivered_at == found[1].delivered_known_at == datetime(2021, 5, 24, 12, 30, tzinfo=UTC)
    assert found[0].placed_at < found[0].delivered_at


def test_contosos_customers_get_addresses_of_their_own(imported, rows, contoso):
    summary = imported("contoso", history=True)

    assert [row[0] for row in rows("select address from contacts order by address")] == [
        "jorg.mass.200@contoso.example",
        "zoe.obriennunez.1855811@contoso.example",
    ]
    assert rows("select city, zone from customers where outside_id = '1855811'") == [("Denver", "America/New_York")]
    assert (summary.targets["consents"].new, summary.rejected) == (6, 0)
    assert imported("contoso", history=True).changes == 0


def test_a_customer_of_several_stretches_was_there_from_the_first(imported, rows, contoso):
    imported("contoso", history=True, chunk_rows=1)

    customer = rows(sa.select(t.customers).where(t.customers.c.outside_id == "1855811"))[0]
    assert customer.created_at == customer.known_at == datetime(1990, 4, 30, 12, tzinfo=UTC)
