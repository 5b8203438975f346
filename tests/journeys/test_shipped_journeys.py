"""The journeys that come with the project: they load, and their words are fit to be sent to anybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from vefa.content.sms import has_url, transliterate
from vefa.content.templates import RenderedEmail, RenderedSms, TemplateStore
from vefa.crm.values import MoneyAmount
from vefa.plan.plans import Plan
from vefa.plan.project import Project, load_project
from vefa.plan.steps import FieldMoment, Medium, Message, SameDay, WaitUntilTime
from vefa.settings import Settings

REPOSITORY = Path(__file__).parents[2]
SHIPPED = (
    "anniversary-first-order",
    "anniversary-sign-up",
    "birthday",
    "brand-day",
    "complaint-care",
    "complaint-watch",
    "delivery-thank-you",
    "loyalty-statement",
    "newsletter",
    "onboarding",
    "order-thank-you",
    "points-expiring",
    "return-care",
    "return-reminder",
    "review-request",
    "surprise-gift",
    "win-back",
)
LOCALES = ("tr", "en")
ISTANBUL = ZoneInfo("Europe/Istanbul")


@pytest.fixture(scope="module")
def shop() -> Settings:
    return Settings(root=REPOSITORY, secret_key=SecretStr("a secret of tests only, long enough to sign with"))


@pytest.fixture(scope="module")
def project(shop: Settings) -> Project:
    return load_project(REPOSITORY, shop)


@pytest.fixture(scope="module")
def words(shop: Settings) -> TemplateStore:
    return TemplateStore(REPOSITORY, shop)


def _context(locale: str, **changes: Any) -> dict[str, Any]:
    """All that a message may speak of, with Turkish letters, long names and large sums."""
    lines = [
        {
            "name": f"Şile bezi, el dokuması, çift kişilik yatak örtüsü takımı {number}. boy (ağır kumaş)",
            "quantity": number,
            "price": MoneyAmount(Decimal("1234.50"), "TRY"),
            "image_url": f"https://ornek.example/gorsel/{number}.jpg",
            "url": f"https://ornek.example/urun/{number}",
            "guide_url": f"https://ornek.example/rehber/{number}",
            "gift_card": False,
        }
        for number in range(1, 7)
    ]
    product = {
        "name": "Göğüs cepli keten gömlek",
        "price": MoneyAmount(Decimal("899.90"), "TRY"),
        "image_url": "https://ornek.example/gorsel/9.jpg",
        "url": "https://ornek.example/urun/9",
        "category": "Gömlek",
    }
    context: dict[str, Any] = {
        "customer": {"agent": "Elif", "first_name": "Çağrı Işık", "last_name": "Gümüşoğlu", "language": locale},
        "order": {
            "number": "TR-2026-0012345",
            "total": MoneyAmount(Decimal("25924.50"), "TRY"),
            "placed_at": datetime(2026, 8, 3, 9, 30, tzinfo=ISTANBUL),
            "delivered_at": datetime(2026, 8, 5, 15, 0, tzinfo=ISTANBUL),
            "is_first": True,
            "items": 21,
            "points": 2592,
            "lines": lines,
        },
        "return": {"state": "received", "amount": MoneyAmount(Decimal("1234.50"), "TRY"), "reason": "Küçük geldi"},
        "ticket": {
            "subject": "Şikâyetim var: güneşliğin bağcığı çözük geldi, üstelik ışığı geçiriyor",
            "agent": "Işıl Gümüşçü",
            "state": "answered",
            "messages": [
                {
                    "author": "customer",
                    "who": "Çağrı Işık",
                    "when": datetime(2026, 8, 6, 9, 0, tzinfo=ISTANBUL),
                    "text": "Çözük.",
                },
                {
                    "author": "agent",
                    "who": None,
                    "when": datetime(2026, 8, 6, 9, 3, tzinfo=ISTANBUL),
                    "text": "Özür dileriz.",
                },
            ],
            "left_out": 3,
        },
        "coupon": {
            "code": "MERHABA-7KQ4XW",
            "valid_until": datetime(2026, 8, 31, 23, 59, tzinfo=ISTANBUL),
            "percent": Decimal("15"),
            "amount": None,
            "free_shipping": False,
            "minimum": MoneyAmount(Decimal("500"), "TRY"),
        },
        "trigger": {"date": date(2026, 8, 30), "years": 11, "at": datetime(2026, 8, 30, 9, 30, tzinfo=ISTANBUL)},
        "loyalty": {
            "points": 12_592,
            "worth": MoneyAmount(Decimal("1259.20"), "TRY"),
            "tier": "silver",
            "tier_name": "Gümüş",
            "next_tier": "gold",
            "next_tier_name": "Altın",
            "to_next_tier": 1408,
            "expiring": 2592,
            "expires_at": datetime(2026, 9, 30, 23, 59, tzinfo=ISTANBUL),
        },
        "shop": {"name": "Örnek Mağaza"},
        "links": {
            "unsubscribe": "https://ornek.example/ayril/abc",
            "preferences": "https://ornek.example/tercih/abc",
        },
        "survey": _survey(locale),
        "recommendations": [product, product, product],
        "guides": [{"name": line["name"], "url": "https://ornek.example/rehber"} for line in lines],
        "commercial": True,
        "purpose": "commercial",
    }
    return context | changes


def _survey(locale: str) -> dict[str, Any]:
    """As a choice of two options, so that every part of the words is there."""
    links = {f"link_{score}": f"https://ornek.example/s/{score}" for score in range(11)}
    options = {f"option_{place}": None for place in range(3, 11)} | {"option_1": "Evet", "option_2": "Hayır"}
    words = {"kind": "choice", "question": "Beğendiniz mi?" if locale == "tr" else "Do you like it?"}
    return {**words, "low": "", "high": "", "page": "https://ornek.example/s/p", **links, **options}


def _bare(locale: str) -> dict[str, Any]:
    """The least that is known: nobody's name, nothing to recommend, one line without picture or page, no minimum."""
    full = _context(locale)
    line = {"name": "Kupa", "quantity": 1, "price": None, "image_url": None, "url": None, "gift_card": False}
    return full | {
        "customer": {"agent": None, "first_name": None, "last_name": None, "language": None},
        "order": full["order"] | {"is_first": False, "lines": [line]},
        "return": full["return"] | {"amount": None, "reason": None},
        "ticket": full["ticket"] | {"subject": None, "agent": None, "state": "opened", "messages": [], "left_out": 0},
        "coupon": full["coupon"] | {"percent": None, "free_shipping": True, "minimum": None, "valid_until": None},
        "loyalty": full["loyalty"] | dict.fromkeys(("worth", "tier_name", "next_tier_name", "to_next_tier")),
        "recommendations": [],
        "guides": [],
        "commercial": False,
    }


def _messages(plan: Plan) -> tuple[Message, ...]:
    return tuple(step for step in plan.steps if isinstance(step, Message))


def _email(words: TemplateStore, message: Message, locale: str, context: dict[str, Any]) -> RenderedEmail:
    template = words.email(message.template, locale)
    values = context | {"purpose": message.purpose}
    return template.render(message.subject[locale], message.preheader[locale], values)


def _sms(
    project: Project, words: TemplateStore, locale: str, context: dict[str, Any]
) -> Iterator[tuple[Message, RenderedSms]]:
    appended = words.brand.sms.suffix_chars.get("TR", 0)
    for journey in SHIPPED:
        for message in _messages(project.plans[journey]):
            if message.medium != "email":
                # Operators drop links to Turkish numbers; the engine leaves a survey's out of those.
                survey = context["survey"] | {"page": ""}
                yield message, words.sms(message.template, locale).render(context | {"survey": survey}, appended)


def test_every_shipped_journey_loads_without_a_problem(project: Project) -> None:
    assert [str(problem) for problem in project.problems] == []
    assert not project.broken
    assert set(SHIPPED) <= set(project.plans)


@pytest.mark.parametrize("journey", SHIPPED)
def test_a_colleague_is_told_what_a_journey_is_for_and_whose_it_is(project: Project, journey: str) -> None:
    plan = project.plans[journey]

    assert len(plan.description) > 80
    assert plan.owner and "@" in plan.owner


def test_no_template_file_has_a_problem(project: Project, words: TemplateStore) -> None:
    commercial = frozenset(
        message.template
        for plan in project.plans.values()
        for message in _messages(plan)
        if message.purpose == "commercial" and message.medium != "sms"
    )

    assert [str(problem) for problem in words.problems(commercial)] == []


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("journey", SHIPPED)
def test_every_message_has_words_in_every_language_for_each_of_its_media(
    project: Project, words: TemplateStore, journey: str, locale: str
) -> None:
    for message in _messages(project.plans[journey]):
        media: tuple[Medium, ...] = (message.medium,) if message.medium else ("email", "sms")
        for medium in media:
            found = words.email(message.template, locale) if medium == "email" else words.sms(message.template, locale)

            assert found.locale == locale, message.template
            if medium == "email":
                assert message.subject[locale] and message.preheader[locale]


@pytest.mark.parametrize("known", [_context, _bare], ids=["all known", "nothing optional known"])
@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("journey", SHIPPED)
def test_every_email_reads_well_whatever_is_known(
    project: Project, words: TemplateStore, journey: str, locale: str, known: Any
) -> None:
    context = known(locale)

    for message in _messages(project.plans[journey]):
        if message.medium == "sms":
            continue
        email = _email(words, message, locale, context)

        assert not email.warnings
        for text in (email.subject, email.text):
            assert not re.search(r"\bNone\b|\{\{|\{%|undefined|\ufffd", text), text
            assert not re.search(r"\s[,.!?]|,,|\(\)|(?<!\d)%\s|^\W*,", text, re.M), text


@pytest.mark.parametrize("locale", LOCALES)
def test_a_first_name_is_used_in_every_message_that_greets(words: TemplateStore, locale: str) -> None:
    for name in ("welcome", "order-thank-you", "birthday", "win-back-offer", "win-back-question"):
        assert "Çağrı Işık" in words.email(name, locale).render("s", "p", _context(locale)).text


def test_an_order_of_one_line_and_of_six_lists_every_line(words: TemplateStore) -> None:
    six = _context("tr")
    one = six | {"order": six["order"] | {"lines": six["order"]["lines"][:1]}}

    for name in ("order-thank-you", "review-request", "return-reminder"):
        template = words.email(name, "tr")

        assert template.render("s", "p", six).text.count("Şile bezi") == 6
        assert template.render("s", "p", one).text.count("Şile bezi") == 1


@pytest.mark.parametrize("locale", LOCALES)
def test_a_transactional_message_sells_nothing_without_commercial_consent(
    project: Project, words: TemplateStore, locale: str
) -> None:
    """The engine leaves out recommendations for them; the words must do so, too."""
    context = _context(locale, commercial=False)

    for journey in SHIPPED:
        for message in _messages(project.plans[journey]):
            if message.purpose == "transactional" and message.medium != "sms":
                text = _email(words, message, locale, context).text

                assert "Göğüs cepli" not in text, message.template
                assert "MERHABA-7KQ4XW" not in text, message.template


def test_turkish_sms_take_two_segments_at_most_in_plain_letters(project: Project, words: TemplateStore) -> None:
    for context in (_context("tr"), _bare("tr")):
        for message, sms in _sms(project, words, "tr", context):
            assert (sms.encoding, sms.segments <= 2) == ("GSM-7", True), f"{message.template}: {sms.text}"


def test_the_fixed_words_of_turkish_sms_are_plain_even_where_names_are_not_made_so(words: TemplateStore) -> None:
    marks = re.compile(r"[çşğıİŞĞâîû₺’“”…–]")
    for name in words.names("sms"):
        source = re.sub(r"\{#.*?#\}", "", words.sms(name, "tr").source, flags=re.S)

        assert not marks.search(source), name


@pytest.mark.parametrize("locale", LOCALES)
def test_no_sms_has_a_link(project: Project, words: TemplateStore, locale: str) -> None:
    """Turkish operators drop SMS from abroad that hold one."""
    for message, sms in _sms(project, words, locale, _context(locale)):
        assert not has_url(sms.text), message.template
        assert not has_url(words.sms(message.template, locale).source), message.template


@pytest.mark.parametrize("locale", LOCALES)
def test_a_commercial_sms_says_who_writes_and_how_to_refuse(
    project: Project, words: TemplateStore, locale: str
) -> None:
    brand = words.brand
    for message, sms in _sms(project, words, locale, _context(locale)):
        if message.purpose == "commercial":
            assert transliterate(brand.name) in sms.text, message.template
            assert brand.sms.stop and brand.sms.stop in sms.text, message.template
            assert sms.text.startswith(brand.sms.label), message.template


def test_the_return_reminder_comes_while_there_is_time_to_return(project: Project) -> None:
    plan = project.plans["return-reminder"]
    (wait,) = (step for step in plan.steps if isinstance(step, WaitUntilTime))
    (message,) = _messages(plan)

    assert (plan.first, wait.next) == (wait.key, message.key)
    assert wait.until.field == "order.delivered_at"
    assert 7 <= wait.until.offset.days <= 12
    assert isinstance(message.not_after, FieldMoment)
    assert message.not_after.field == "order.delivered_at"
    assert wait.until.offset.days < message.not_after.offset.days < 14


def test_a_birthday_wish_never_comes_a_day_late(project: Project) -> None:
    wishes = next(message for message in _messages(project.plans["birthday"]) if message.id == "wishes")

    assert isinstance(wishes.not_after, SameDay)


def test_win_back_leaves_a_tenth_alone_and_stops_at_an_order(project: Project) -> None:
    plan = project.plans["win-back"]

    assert plan.holdout == 1000
    assert "order.placed" in {scope.event for scope in plan.exits.on}
    assert plan.goal and (plan.goal.scope.event, plan.goal.within.days) == ("order.placed", 30)
