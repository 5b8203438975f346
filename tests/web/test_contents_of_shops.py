"""What orders of shop systems hold: codes, fractions, variants, gift cards, two currencies, unreadable lines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from vefa.crm.shops import shopify, woocommerce

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def of_shopify(**given: Any) -> dict[str, Any]:
    body = {
        "id": 71,
        "email": "ayse@ornek.example",
        "total_price": "300.00",
        "currency": "TRY",
        "created_at": "2026-11-20T12:00:00Z",
        "financial_status": "paid",
        **given,
    }
    (order, *_) = shopify.tell("orders/create", body, NOON)
    assert order.snapshot is not None
    return dict(order.snapshot.data)


def of_woocommerce(**given: Any) -> dict[str, Any]:
    body = {
        "id": 72,
        "status": "processing",
        "billing": {"email": "ayse@ornek.example"},
        "total": "300.00",
        "currency": "TRY",
        "date_created_gmt": "2026-11-20T12:00:00",
        "date_paid_gmt": "2026-11-20T12:00:00",
        **given,
    }
    (order, *_) = woocommerce.tell("order.created", body, {}, NOON)
    assert order.snapshot is not None
    return dict(order.snapshot.data)


def shopify_line(**given: Any) -> dict[str, Any]:
    return {"id": 1, "product_id": 9, "title": "Fincan", "quantity": 1, "price": "100.00", **given}


def woo_line(**given: Any) -> dict[str, Any]:
    return {"id": 1, "product_id": 9, "name": "Fincan", "quantity": 1, "total": "100.00", "variation_id": 0, **given}


def the_line(data: dict[str, Any]) -> dict[str, Any]:
    (line,) = data["lines"]
    return dict(line)


def test_every_code_of_the_basket_is_read_once_in_its_order() -> None:
    codes = [{"code": "KARGO"}, {"code": "TESEKKUR-A1"}, {"code": ""}, {"code": "KARGO"}]
    applied = [{"type": "discount_code", "code": "UCUNCU"}, {"type": "automatic", "title": "Bahar"}]

    assert of_shopify(discount_codes=codes, discount_applications=applied)["coupon_codes"] == [
        "KARGO",
        "TESEKKUR-A1",
        "UCUNCU",
    ]
    assert of_woocommerce(coupon_lines=codes)["coupon_codes"] == ["KARGO", "TESEKKUR-A1"]
    assert of_woocommerce()["coupon_codes"] == []


@pytest.mark.parametrize(("given", "kept"), [(0.5, "0.5000"), ("2.25", "2.2500"), (3, "3.0000"), ("0.33333", "0.3333")])
def test_fractions_are_kept(given: Any, kept: str) -> None:
    line = the_line(of_woocommerce(line_items=[woo_line(quantity=given)]))

    assert line["quantity"] == kept
    assert the_line(of_shopify(line_items=[shopify_line(quantity=given)]))["quantity"] == kept


def test_a_line_that_cannot_be_read_marks_the_order_and_one_that_is_gone_does_not() -> None:
    good, gone = shopify_line(), shopify_line(id=2, quantity=2, current_quantity=0)
    for lame in (shopify_line(quantity="two"), shopify_line(price=None), shopify_line(product_id=None, title="")):
        data = of_shopify(line_items=[good, lame])
        assert (len(data["lines"]), data["lines_incomplete"]) == (1, True)

    data = of_shopify(line_items=[{**good, "current_quantity": 1}, gone])
    assert (len(data["lines"]), data["lines_incomplete"]) == (1, False)
    assert of_woocommerce(line_items=[woo_line(total="much")])["lines_incomplete"]


VARIANTS = [
    ({"name": "Tişört - L", "parent_name": "Tişört", "variation_id": 5}, ("Tişört", "L")),
    ({"name": "Tişört", "parent_name": "Tişört", "variation_id": 5}, ("Tişört", None)),
    (
        {"name": "Tişört - L, Mavi", "variation_id": 5, "meta_data": [{"display_value": "L"}, {"value": "Mavi"}]},
        ("Tişört", "L, Mavi"),
    ),
    (
        {
            "name": "Tişört",
            "variation_id": 5,
            "meta_data": [{"key": "pa_beden", "value": "L"}, {"key": "_x", "value": 1}],
        },
        ("Tişört", "L"),
    ),
    ({"name": "Bardak - 6'lı", "variation_id": 0, "parent_name": None}, ("Bardak - 6'lı", None)),
]


@pytest.mark.parametrize(("given", "expected"), VARIANTS)
def test_a_product_bears_its_own_name_and_the_line_its_variant(given: dict[str, Any], expected: Any) -> None:
    line = the_line(of_woocommerce(line_items=[woo_line(**given)]))

    assert (line["name"], line["variant"]) == expected


def test_shopifys_title_is_the_product_and_its_default_variant_is_none() -> None:
    small = shopify_line(title="Tişört", name="Tişört - S", variant_title="S")

    line = the_line(of_shopify(line_items=[small]))
    assert (line["name"], line["variant"]) == ("Tişört", "S")
    assert the_line(of_shopify(line_items=[shopify_line(variant_title="Default Title")]))["variant"] is None
    by_hand = shopify_line(product_id=None, sku=None, title="Montaj")
    assert the_line(of_shopify(line_items=[by_hand]))["product"] == "Montaj"


def test_gift_cards_are_marked() -> None:
    assert the_line(of_shopify(line_items=[shopify_line(gift_card=True)]))["gift_card"] is True


def test_the_customer_sees_one_currency_and_the_shop_adds_up_another() -> None:
    both = {
        "shop_money": {"amount": "300.00", "currency_code": "TRY"},
        "presentment_money": {"amount": "8.50", "currency_code": "EUR"},
    }
    price = {"presentment_money": {"amount": "4.25", "currency_code": "EUR"}}

    data = of_shopify(total_price_set=both, line_items=[shopify_line(price_set=price)])

    assert (data["total"], data["currency"]) == ("8.50", "EUR")
    assert (data["shop_total"], data["shop_currency"]) == ("300.00", "TRY")
    assert the_line(data)["unit_price"] == "4.2500"
    same = {**both, "presentment_money": both["shop_money"]}
    assert "shop_total" not in of_shopify(total_price_set=same)
