from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from html import unescape
from pathlib import Path

import pytest

from vefa.content.problems import RenderError, TemplateBroken, TemplateMissing
from vefa.content.templates import RenderedEmail, TemplateStore

MakeStore = Callable[..., TemplateStore]

LINKS = {"links": {"unsubscribe": "https://ornek.example/u/T"}}


def render(store: TemplateStore, subject: str = "Konu", **context: object) -> RenderedEmail:
    return store.email("a", "tr").render(subject, "", {**LINKS, **context})


def test_words_are_filled_in_all_three_parts(make_store: MakeStore, context: Mapping[str, object]) -> None:
    store = make_store({"a.tr.mjml": "Merhaba {{ customer.first_name }}, {{ order.total }}"})

    email = store.email("a", "tr").render("Sevgili {{ customer.first_name }}", "", context)

    assert email.subject == "Sevgili Ayşe"
    assert "Merhaba Ayşe, 1.234,50 ₺" in unescape(email.html)
    assert "Merhaba Ayşe, 1.234,50 ₺" in email.text


def test_html_goes_out_as_ascii(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": "Çok şık {{ name }} {{ 'ğ' }}"})

    html = render(store, name="Iğdır").html

    assert html.isascii()
    assert "Çok şık Iğdır ğ" in unescape(html)


@pytest.mark.parametrize(
    "words",
    [
        "{{ nope }}",
        "{{ customer.nope }}",
        "{{ nope.deeper }}",
        "{{ customer.nope|upper }}",
        "{{ customer.nope|money }}",
        "{{ customer.nope|upper|lower }}",
        "{% if customer.nope %}x{% endif %}",
        "{% for x in customer.nope|list %}x{% endfor %}",
        "{{ customer.first_name.upper() }}",
        "{{ customer }}",
        "{{ 1 / 0 }}",
        "{{ customer.first_name|date }}",
        "{{ customer.first_name|money }}",
        "{{ customer.first_name|number }}",
        "{{ customer.first_name|time }}",
        "{{ customer.first_name|datetime }}",
        "{{ customer.first_name|nofilter }}",
    ],
)
def test_what_cannot_be_written_is_an_error_with_a_sentence(make_store: MakeStore, words: str) -> None:
    store = make_store({"a.tr.mjml": words})

    with pytest.raises(RenderError, match=r"^a\.tr \(html\): \S+"):
        render(store, customer={"first_name": "Ayşe"})


def test_an_error_does_not_tell_the_customers_data(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": "{{ customer.nope }}"})

    with pytest.raises(RenderError) as caught:
        render(store, customer={"first_name": "Ayşe"})

    assert "Ayşe" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_value_may_have_a_default(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": "Sevgili {{ customer.first_name|default('dost')|upper }}"})

    assert "Sevgili DOST" in render(store, customer={"first_name": None}).text


def test_an_endless_template_is_stopped(make_store: MakeStore) -> None:
    loops = "{% for a in range(1000) %}{% for b in range(1000) %}{{ b }}{% endfor %}{% endfor %}"
    store = make_store({"a.tr.mjml": loops})

    with pytest.raises(RenderError, match="too many steps"):
        render(store)


HOSTILE = "{{ 7*7 }}{% raw %}<script>x</script>&amp;\r\nBcc: a@b.example\u2028\x00"


def test_a_customers_words_never_become_code_or_markup(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": 'Merhaba {{ name }} <a href="https://x.example/?q={{ name }}">git</a>'})

    email = render(store, "Sevgili {{ name }}", name=HOSTILE)

    assert "49" not in email.subject + email.html + email.text
    assert "<script" not in email.html
    assert "{{ 7*7 }}" in unescape(email.html)
    assert "{{ 7*7 }}" in email.text


def test_a_subject_is_one_line_whatever_a_name_holds(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": "x"})

    subject = render(store, "Sevgili {{ name }}", name="Ayşe\r\nBcc: all@b.example\x00\u2028\u202eson").subject

    assert subject == "Sevgili Ayşe Bcc: all@b.example son"


def test_a_quote_in_a_value_cannot_leave_its_attribute(make_store: MakeStore) -> None:
    store = make_store(
        {"a.tr.mjml": '<mj-section><mj-column><mj-image src="{{ u }}" alt="{{ u }}" /></mj-column></mj-section>'}
    )

    html = render(store, u='" onerror="x').html

    assert 'onerror="x' not in html


def test_a_subject_filled_in_is_not_filled_in_again(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": "{{ subject }} / {{ preheader }}"})

    email = store.email("a", "tr").render("{{ name }}", "{{ name }}", {**LINKS, "name": "{{ 1+1 }}"})

    assert email.text.startswith("{{ 1+1 }} / {{ 1+1 }}")


def test_an_empty_subject_is_an_error(make_store: MakeStore) -> None:
    with pytest.raises(RenderError, match="subject comes out empty"):
        render(make_store({"a.tr.mjml": "x"}), "{{ name }}", name=" \n")


def test_an_overlong_subject_is_cut(make_store: MakeStore) -> None:
    subject = render(make_store({"a.tr.mjml": "x"}), "{{ name }}", name="a" * 500).subject

    assert (len(subject), subject[-1]) == (200, "…")


def test_html_that_gmail_would_cut_is_warned_of(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": "{% for i in range(n) %}<p>0123456789</p>{% endfor %}"})

    assert render(store, n=10).warnings == ()
    assert "Gmail" in render(store, n=9000).warnings[0]


def test_a_customer_of_another_language_gets_the_shops_first(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": "Merhaba", "a.en.mjml": "Hello"}, locales=("tr", "en"))

    assert [store.email("a", locale).locale for locale in ("tr", "en", "en-GB", "fr")] == ["tr", "en", "en", "tr"]


def test_a_missing_template_tells_the_file_to_write(make_store: MakeStore) -> None:
    store = make_store({})

    with pytest.raises(TemplateMissing, match=r"no template \"thanks\"; write .*thanks\.tr\.mjml"):
        store.email("thanks", "tr")
    with pytest.raises(TemplateMissing, match=r"thanks\.tr\.sms\.txt"):
        store.sms("thanks", "tr")
    with pytest.raises(TemplateMissing):
        store.variables("thanks", "email")


def test_variables_are_those_of_all_languages_and_the_layout(make_store: MakeStore) -> None:
    store = make_store(
        {
            "a.tr.mjml": "{% for line in order.lines %}{{ line.name }}{{ loop.index }}{% endfor %}{{ brand.name }}",
            "a.en.mjml": "{% set x = order.total %}{{ x }} {{ customer.first_name|default('') }} {{ subject }}",
        },
        locales=("tr", "en"),
    )

    expected = {"order.lines", "order.total", "customer.first_name", "links.unsubscribe"}
    assert store.variables("a", "email") == expected


def test_variables_of_a_subject_are_told_and_a_broken_one_is_refused(make_store: MakeStore) -> None:
    store = make_store({})

    assert store.variables_in("Sevgili {{ customer.first_name|title }} {{ brand.name }}") == {"customer.first_name"}
    with pytest.raises(TemplateBroken, match="Sevgili"):
        store.variables_in("Sevgili {{ customer.first_name")


def test_the_hash_follows_the_words_the_layout_and_the_brand(make_store: MakeStore) -> None:
    files = {"a.tr.mjml": "Merhaba {{ brand.name }}"}
    first = make_store(files).email("a", "tr").hash

    assert make_store(files).email("a", "tr").hash == first
    assert make_store(files, brand="name: Other").email("a", "tr").hash != first
    assert make_store({"a.tr.mjml": "Selam"}).email("a", "tr").hash != first


def test_a_changed_file_is_read_after_a_refresh(make_store: MakeStore, root: Path) -> None:
    store = make_store({"a.tr.mjml": "eski"})
    assert not store.refresh()

    make_store({"a.tr.mjml": "yepyeni"})

    assert "eski" in render(store).text
    assert store.refresh()
    assert "yepyeni" in render(store).text


def test_many_threads_may_render_at_once(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": "Merhaba {{ name }}", "b.tr.mjml": "Selam {{ name }}"})
    wrong: list[str] = []

    def work(number: int) -> None:
        for turn in range(50):
            name = f"{number}-{turn}"
            for template in ("a", "b"):
                text = store.email(template, "tr").render("{{ name }}", "", {**LINKS, "name": name})
                wrong.extend([] if name in text.text and text.subject == name else [name])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_an_sms_is_filled_in_and_counted(make_store: MakeStore) -> None:
    store = make_store({"a.tr.sms.txt": "Merhaba {{ name }},\n{% if late %}\ngecikti\n{% endif %}\nyolda.\n\n"})

    sms = store.sms("a", "tr").render({"name": "Ayşe", "late": False})

    assert (sms.text, sms.encoding, sms.segments) == ("Merhaba Ayşe,\nyolda.", "UCS-2", 1)


def test_an_sms_without_turkish_marks_if_the_brand_says_so(make_store: MakeStore) -> None:
    brand = "name: Örnek\nsms: {label: TANITIM, transliterate: true}"
    store = make_store({"a.tr.sms.txt": "{{ brand.sms.label }}: Sayın {{ name }}"}, brand=brand)

    sms = store.sms("a", "tr").render({"name": "Işıl Ğ"})

    assert (sms.text, sms.encoding) == ("TANITIM: Sayin Isil G", "GSM-7")


@pytest.mark.parametrize(
    ("source", "sentence"), [(" {{ name }} ", "comes out empty"), ("{{ name }}" * 2000 + "x" * 1601, "1600 can go")]
)
def test_an_sms_that_cannot_go_is_an_error(make_store: MakeStore, source: str, sentence: str) -> None:
    store = make_store({"a.tr.sms.txt": source})

    with pytest.raises(RenderError, match=sentence):
        store.sms("a", "tr").render({"name": ""})


def test_the_brand_can_be_asked_for_and_its_words_are_escaped(make_store: MakeStore) -> None:
    store = make_store(
        {"a.tr.mjml": "{{ brand.name }} {% if brand.mersis %}x{% else %}-{% endif %}"},
        brand='name: "A & <B> {{ 1+1 }}"',
    )

    email = render(store)

    assert "A &amp; &lt;B&gt;" in email.html
    assert email.text.startswith("A & <B> {{ 1+1 }} -")
