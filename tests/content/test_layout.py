"""The layout, parts and brand that the project ships."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from pathlib import Path

import pytest

from vefa.content.templates import RenderedEmail, TemplateStore
from vefa.settings import Settings

BODY = """<mj-section><mj-column><mj-text mj-class="title">{{ customer.first_name }}</mj-text></mj-column></mj-section>
<!-- vefa:include order_lines -->
<!-- vefa:include coupon -->
<!-- vefa:include products -->"""


@pytest.fixture
def store(shipped: Path) -> TemplateStore:
    for locale in ("tr", "en"):
        (shipped / "journeys" / "templates" / f"a.{locale}.mjml").write_text(BODY, encoding="utf-8")
    return TemplateStore(shipped, Settings(root=shipped))


def rendered(
    store: TemplateStore, context: Mapping[str, object], locale: str = "tr", **changes: object
) -> RenderedEmail:
    return store.email("a", locale).render("Konu", "Gizli önsöz", {**context, **changes})


def test_the_shipped_layout_and_parts_have_no_problems(store: TemplateStore) -> None:
    known = frozenset({"customer.first_name", "order.total", "coupon.code", "coupon.valid_until"})
    known |= {f"loyalty.{field}" for field in ("points", "worth", "to_next_tier")}

    assert [str(problem) for problem in store.problems(known=known)] == []


@pytest.mark.parametrize("locale", ["tr", "en"])
def test_the_document_names_its_language(store: TemplateStore, context: Mapping[str, object], locale: str) -> None:
    assert f'<html lang="{locale}"' in rendered(store, context, locale).html


def test_the_mail_knows_light_and_dark(store: TemplateStore, context: Mapping[str, object]) -> None:
    html = rendered(store, context).html

    assert '<meta name="color-scheme" content="light dark">' in html
    assert "@media (prefers-color-scheme: dark)" in html
    assert store.brand.dark.card in html
    assert store.brand.colors.accent in html


def test_the_preheader_is_hidden_and_not_in_the_plain_part(store: TemplateStore, context: Mapping[str, object]) -> None:
    email = rendered(store, context)

    assert re.search(r"display:none[^>]*>Gizli önsöz", unescape(email.html))
    assert "Gizli" not in email.text


@pytest.mark.parametrize("part", ["html", "text"])
def test_the_sender_is_named_in_full(store: TemplateStore, context: Mapping[str, object], part: str) -> None:
    words = unescape(getattr(rendered(store, context), part))

    for identity in (
        store.brand.trade_name,
        store.brand.mersis,
        store.brand.address,
        store.brand.email,
        store.brand.phone,
    ):
        assert identity
        assert identity in words


@pytest.mark.parametrize("part", ["html", "text"])
def test_commercial_mail_can_be_left_and_says_why_it_came(
    store: TemplateStore, context: Mapping[str, object], part: str
) -> None:
    words = unescape(getattr(rendered(store, context), part))

    assert "https://ornek.example/u/T" in words
    assert "https://ornek.example/p/T" in words
    assert "izin verdiğiniz için" in words


def test_transactional_mail_has_no_unsubscribe_line(store: TemplateStore, context: Mapping[str, object]) -> None:
    email = rendered(store, context, purpose="transactional")

    assert "https://ornek.example/u/T" not in email.html + email.text
    assert "alışverişinizle ilgili" in email.text


def test_words_of_the_layout_follow_the_language(store: TemplateStore, context: Mapping[str, object]) -> None:
    assert "Abonelikten ayrıl (" in rendered(store, context).text
    assert "Unsubscribe (" in rendered(store, context, "en").text


def test_order_lines_show_pieces_prices_and_total(store: TemplateStore, context: Mapping[str, object]) -> None:
    assert (
        "Keten gömlek (https://ornek.example/p/1?a=1&b=2) × 2 899,00 ₺\nToplam 1.234,50 ₺"
        in rendered(store, context).text
    )


@pytest.mark.parametrize(
    ("worth", "turkish", "english"),
    [
        ({"percent": 15}, "%15 indirim", "15% off"),
        ({"percent": None, "amount": 100}, "100 indirim", "100 off"),
        ({"percent": None, "free_shipping": True}, "Kargo bedava", "Free shipping"),
    ],
)
def test_a_coupon_tells_its_worth_code_and_last_day(
    store: TemplateStore, context: Mapping[str, object], worth: dict[str, object], turkish: str, english: str
) -> None:
    coupon = {**context["coupon"], **worth}

    assert (
        f"{turkish}\nİndirim kodunuz\nVEFA-7K2M9\nSon gün: 17 Mart 2026" in rendered(store, context, coupon=coupon).text
    )
    assert (
        f"{english}\nYour code\nVEFA-7K2M9\nValid until: 17 March 2026"
        in rendered(store, context, "en", coupon=coupon).text
    )


def test_suggestions_show_picture_name_and_price(store: TemplateStore, context: Mapping[str, object]) -> None:
    email = rendered(store, context)

    assert "https://ornek.example/p/2.jpg" in email.html
    assert "Bakır cezve (https://ornek.example/p/2)\n615,00 ₺" in email.text


@pytest.mark.parametrize("changes", [{"recommendations": []}, {"recommendations": None}, {"commercial": False}])
def test_without_suggestions_or_leave_to_make_them_nothing_stands_there(
    store: TemplateStore, context: Mapping[str, object], changes: dict[str, object]
) -> None:
    email = rendered(store, context, **changes)

    assert 'class="v-product' not in email.html.replace("mj-outlook-group-fix ", "")
    assert "cezve" not in email.text


def test_a_product_without_a_picture_shows_its_letter(store: TemplateStore, context: Mapping[str, object]) -> None:
    products = [{"name": "Şal", "price": None, "url": None, "image_url": None, "category": ""}]
    email = rendered(store, context, recommendations=products)

    assert ">Ş</td>" in unescape(email.html)
    assert "Şal (https://ornek.example)" in email.text


def test_a_hosted_logo_takes_the_place_of_the_name(shipped: Path, context: Mapping[str, object]) -> None:
    brand = shipped / "config" / "brand.yaml"
    brand.write_text(
        brand.read_text("utf-8").replace('logo_url: ""', "logo_url: https://ornek.example/logo.png"), "utf-8"
    )
    (shipped / "journeys" / "templates" / "a.tr.mjml").write_text(BODY, encoding="utf-8")

    html = rendered(TemplateStore(shipped, Settings(root=shipped)), context).html

    assert re.search(r'<img[^>]*src="https://ornek.example/logo.png"', html)


def test_a_whole_mail_is_far_from_where_gmail_cuts(store: TemplateStore, context: Mapping[str, object]) -> None:
    assert len(rendered(store, context).html) < 40_000
