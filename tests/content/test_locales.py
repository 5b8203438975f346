from datetime import date, datetime, time
from decimal import Decimal

import pytest

from vefa.content.environments import html_environment, text_environment, to_text
from vefa.content.locales import locale_named, turkish_lower, turkish_upper
from vefa.crm.values import MoneyAmount

#: A moment by the customer's own clock.
MORNING = datetime.fromisoformat("2026-08-30T09:05")


def written(value: object, locale: str, expression: str = "v") -> str:
    return text_environment(locale, {}, "TRY").render_str("{{ " + expression + " }}", v=value)


@pytest.mark.parametrize(
    ("amount", "currency", "turkish", "english"),
    [
        ("1234.5", "TRY", "1.234,50 ₺", "₺1,234.50"),
        ("0", "TRY", "0,00 ₺", "₺0.00"),
        ("1234567.895", "EUR", "1.234.567,90 €", "€1,234,567.90"),
        ("-12", "USD", "-12,00 $", "-$12.00"),
        ("999.999", "GBP", "1.000,00 £", "£1,000.00"),
        ("1500", "JPY", "1.500 JPY", "JPY 1,500"),
        ("1.2345", "KWD", "1,235 KWD", "KWD 1.235"),
        ("80", "SEK", "80,00 SEK", "SEK 80.00"),
    ],
)
def test_money_is_written_the_customers_way(amount: str, currency: str, turkish: str, english: str) -> None:
    value = MoneyAmount(Decimal(amount), currency)

    assert (turkish, english) == (written(value, "tr"), written(value, "en"))


@pytest.mark.parametrize(
    ("value", "expression", "turkish", "english"),
    [
        (date(2026, 3, 3), "v", "3 Mart 2026", "3 March 2026"),
        (MORNING, "v", "30 Ağustos 2026", "30 August 2026"),
        (MORNING, "v|time", "09:05", "09:05"),
        (MORNING, "v|datetime", "30 Ağustos 2026 09:05", "30 August 2026, 09:05"),
        (date(2026, 3, 3), "v|date('short')", "03.03.2026", "3 Mar 2026"),
        (date(2026, 3, 3), "v|date('day')", "3 Mart", "3 March"),
        (date(2026, 3, 3), "v|date('weekday')", "3 Mart Salı", "Tuesday, 3 March"),
        (time(9, 30), "v", "09:30", "09:30"),
        (None, "v", "", ""),
        (None, "v|date", "", ""),
        (None, "v|money", "", ""),
        (None, "v|time", "", ""),
        (True, "v", "evet", "yes"),
        (False, "v", "hayır", "no"),
        (2026, "v", "2026", "2026"),
        (12345.5, "v", "12.345,5", "12,345.5"),
        (Decimal("0.10"), "v|number(2)", "0,10", "0.10"),
        (1234567, "v|number", "1.234.567", "1,234,567"),
        (1234.5, "v|money", "1.234,50 ₺", "₺1,234.50"),
        (1234.5, "v|money('EUR')", "1.234,50 €", "€1,234.50"),
        (["a", 1.5, None], "v", "a, 1,5, ", "a, 1.5, "),
        ("", "v|default('dost')", "dost", "dost"),
        (None, "v|default('dost')", "dost", "dost"),
        (0, "v|default('dost')", "0", "0"),
        ("Zeytin ağacı kesme tahtası", "v|truncate(16)", "Zeytin ağacı…", "Zeytin ağacı…"),
        ("kısa", "v|truncate(16)", "kısa", "kısa"),
    ],
)
def test_values_are_written_the_customers_way(value: object, expression: str, turkish: str, english: str) -> None:
    assert (turkish, english) == (written(value, "tr", expression), written(value, "en", expression))


@pytest.mark.parametrize(
    ("word", "upper", "lower", "title"),
    [
        ("istanbul ışığı", "İSTANBUL IŞIĞI", "istanbul ışığı", "İstanbul Işığı"),
        ("IĞDIR İPEK", "IĞDIR İPEK", "ığdır ipek", "Iğdır İpek"),
        ("ayşe-ıtır'ın", "AYŞE-ITIR'IN", "ayşe-ıtır'ın", "Ayşe-Itır'ın"),
        ("İPTAL", "İPTAL", "iptal", "İptal"),
    ],
)
def test_turkish_case_knows_the_dotted_and_the_dotless_i(word: str, upper: str, lower: str, title: str) -> None:
    turkish = [written(word, "tr", f"v|{change}") for change in ("upper", "lower", "title")]

    assert [upper, lower, title] == turkish


def test_english_case_stays_english() -> None:
    assert (written("istanbul", "en", "v|upper"), written("ISTANBUL", "en", "v|lower")) == ("ISTANBUL", "istanbul")


def test_turkish_capitals_can_be_had_in_any_language() -> None:
    assert written("izmir", "en", "v|tr_upper") == "İZMİR"


def test_lowering_a_dotted_capital_gives_one_letter() -> None:
    assert (len("İPTAL"), "iptal") == (len(turkish_lower("İPTAL")), turkish_lower("İPTAL"))
    assert turkish_upper("ılık") == "ILIK"


def test_a_language_with_a_region_is_written_like_the_language() -> None:
    assert locale_named("tr-TR") is locale_named("tr")
    assert locale_named("xx") is locale_named("en")


def test_html_values_are_escaped_and_ascii() -> None:
    environment = html_environment("tr", {}, "TRY")

    assert environment.render_str("{{ v }}", v='<b>Şık & "it\'s"') == "&lt;b&gt;&#350;&#305;k &amp; &#34;it&#39;s&#34;"


def test_what_a_set_block_or_a_macro_made_is_not_escaped_twice() -> None:
    environment = html_environment("tr", {}, "TRY")
    source = "{% macro bold(x) %}<b>{{ x }}</b>{% endmacro %}{% set y %}{{ bold(v) }}{% endset %}{{ y }}"

    assert environment.render_str(source, v="a<b") == "<b>a&lt;b</b>"


def test_parts_of_pieces_are_written_by_the_locale_and_whole_ones_stay_whole() -> None:
    written = {
        name: [to_text(value, locale_named(name)) for value in (Decimal("1.5"), 2, 2.75)] for name in ("tr", "en")
    }

    assert written == {"tr": ["1,5", "2", "2,75"], "en": ["1.5", "2", "2.75"]}
