from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vefa.content.brand_file import load_brand
from vefa.content.problems import BrandError, TemplateBroken
from vefa.content.templates import TemplateStore

MakeStore = Callable[..., TemplateStore]

IDENTITY = 'name: Örnek\ntrade_name: Örnek A.Ş.\nmersis: "0123456789000015"\naddress: Kadıköy'
KNOWN = frozenset({"customer.first_name", "order.total", "order.number"})


def problems(store: TemplateStore, **given: frozenset[str]) -> list[str]:
    return [f"{problem.file.name}:{problem.line} {problem.message}" for problem in store.problems(**given)]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"a.tr.mjml": "x\n{{ customer.first_name"}, "a.tr.mjml:2 unexpected"),
        ({"a.tr.mjml": "x\n{% if a %}\n"}, "a.tr.mjml:"),
        ({"a.tr.mjml": "x\n\n{{ customer.first_name|uper }}"}, 'a.tr.mjml:3 there is no filter "uper"'),
        ({"a.tr.mjml": "{{ customer.first_name|safe }}"}, 'a.tr.mjml:1 there is no filter "safe"'),
        ({"a.tr.mjml": "\n{% include 'x' %}"}, "a.tr.mjml:2 {% include %} is not available"),
        (
            {"a.tr.mjml": "\n{{ customer.frist_name }}"},
            "a.tr.mjml:2 there is no customer.frist_name; did you mean customer.first_name?",
        ),
        (
            {"a.tr.mjml": "{% for line in order.lines %}\n{{ line.nmae }}{% endfor %}"},
            'a.tr.mjml:2 order.lines has no "nmae"; it has gift_card, guide_url, image_url, name, price, product, '
            "quantity, url, variant",
        ),
        ({"a.tr.mjml": "\n{{ brand.nmae }}"}, "a.tr.mjml:2 config/brand.yaml has no nmae"),
        ({"a.tr.mjml": "<!-- vefa:include nope -->"}, "a.tr.mjml:1 includes nope, but there is no _nope.tr.mjml"),
        (
            {"a.tr.mjml": "<mj-section>\n<mj-txt>x</mj-txt></mj-section>"},
            "a.tr.mjml:2 <mj-txt> is no MJML tag; did you mean <mj-text>?",
        ),
        ({"_layout.mjml": "<mjml><mj-body></mj-body></mjml>"}, "_layout.mjml:0 has no <!-- vefa:content -->"),
        ({"a.mjml": "x"}, "a.mjml:0 names no language"),
        ({"A note.docx": "x"}, "A note.docx:0 is no template's name"),
        ({"a.tr.sms.txt": "{{ order.totl }}"}, "a.tr.sms.txt:1 there is no order.totl; did you mean order.total?"),
        ({"a.tr.mjml": "{{ nope }}"}, "a.tr.mjml:1 there is no nope"),
    ],
)
def test_a_mistake_is_told_with_its_file_and_line(make_store: MakeStore, files: dict[str, str], told: str) -> None:
    found = problems(make_store(files, brand=IDENTITY), known=KNOWN)

    assert any(problem.startswith(told) for problem in found), found


def test_all_mistakes_are_told_at_once(make_store: MakeStore) -> None:
    store = make_store(
        {"a.tr.mjml": "{{ nope }}\n{{ customer.first_name|uper }}", "b.tr.mjml": "{% if %}"}, brand=IDENTITY
    )

    assert len(problems(store, known=KNOWN)) >= 3


def test_a_broken_file_is_told_once(make_store: MakeStore) -> None:
    assert len(make_store({"a.tr.mjml": "{% if x %}"}, brand=IDENTITY).problems()) == 1


def test_good_templates_have_no_problems(make_store: MakeStore) -> None:
    files = {
        "_part.mjml": "{% set words = {'hi': 'Merhaba'} %}",
        "a.tr.mjml": "<!-- vefa:include part -->\n<mj-section><mj-column><mj-text>{{ words.hi }}"
        " {{ customer.first_name|default('x')|title }}{% if order %}{{ order.total }}{% endif %}"
        "{% for line in order.lines %}{{ line.name }}{{ loop.index }}{% endfor %}"
        "{{ links.preferences }}{{ purpose }}</mj-text></mj-column></mj-section>",
        "a.tr.sms.txt": "{{ order.number }} {{ brand.name }}",
    }

    assert problems(make_store(files, brand=IDENTITY), known=KNOWN) == []


def test_a_language_that_is_missing_is_told(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": "x", "b.en.sms.txt": "x"}, locales=("tr", "en"), brand=IDENTITY)

    assert problems(store) == [
        'a.en.mjml:0 is missing: "a" is written in tr only',
        'b.tr.sms.txt:0 is missing: "b" is written in en only',
    ]


def test_commercial_mail_without_a_way_out_is_told(make_store: MakeStore) -> None:
    layout = "<mjml><mj-body><!-- vefa:content --></mj-body></mjml>"
    store = make_store({"_layout.mjml": layout, "a.tr.mjml": "x", "b.tr.mjml": "x"}, brand=IDENTITY)

    told = "a.tr.mjml:0 is commercial, but neither it nor its layout has {{ links.unsubscribe }}"
    assert problems(store, commercial=frozenset({("email", "a"), ("sms", "b")})) == [told]


def test_commercial_sms_without_a_way_to_refuse_is_told(make_store: MakeStore) -> None:
    store = make_store({"a.tr.sms.txt": "x", "b.tr.sms.txt": "x {{ brand.sms.stop }}"}, brand=IDENTITY)

    assert problems(store, commercial=frozenset({("sms", "a"), ("sms", "b")})) == [
        "a.tr.sms.txt:0 is commercial, but does not say how to refuse: {{ brand.sms.stop }}"
    ]


def test_a_turkish_sender_without_identity_is_warned(make_store: MakeStore) -> None:
    found = make_store({}).problems()

    assert [problem.severity for problem in found] == ["warning"] * 3
    assert "has no mersis" in " ".join(problem.message for problem in found)


def test_a_heavy_template_is_warned_of(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": "0123456789" * 9000}, brand=IDENTITY)

    assert [(p.severity, "Gmail" in p.message) for p in store.problems()] == [("warning", True)]


def test_a_part_of_a_language_goes_before_the_common_one(make_store: MakeStore) -> None:
    files = {
        "_hi.mjml": "Hi",
        "_hi.tr.mjml": "Merhaba",
        "a.tr.mjml": "<!-- vefa:include hi -->",
        "a.en.mjml": "<!-- vefa:include hi -->",
    }
    store = make_store(files, locales=("tr", "en"), brand=IDENTITY)

    assert "Merhaba" in store.email("a", "tr").html_source
    assert "Hi" in store.email("a", "en").html_source


def test_a_part_that_includes_itself_is_refused(make_store: MakeStore) -> None:
    store = make_store({"_x.mjml": "<!-- vefa:include x -->", "a.tr.mjml": "<!-- vefa:include x -->"})

    with pytest.raises(TemplateBroken, match="included in itself"):
        store.email("a", "tr")


def test_a_whole_document_takes_no_layout(make_store: MakeStore) -> None:
    words = "<mj-section><mj-column><mj-text>alone</mj-text></mj-column></mj-section>"
    store = make_store({"a.tr.mjml": f"<mjml><mj-body>{words}</mj-body></mjml>"}, brand=IDENTITY)

    assert "leave" not in store.email("a", "tr").html_source
    assert any("links.unsubscribe" in problem for problem in problems(store))


def test_plain_html_is_put_into_the_layout_or_taken_whole(make_store: MakeStore) -> None:
    store = make_store(
        {"a.tr.html": "<p>Şu {{ name }}</p>", "b.tr.html": "<!doctype html><html><body>Şu {{ name }}</body></html>"}
    )
    context = {"name": "<i>", "links": {"unsubscribe": "https://x.example"}}
    a, b = (store.email(name, "tr").render("x", "", context) for name in ("a", "b"))

    assert "<p>&#350;u &lt;i&gt;</p>" in a.html
    assert "leave" in a.html
    assert b.html == "<!doctype html><html><body>&#350;u &lt;i&gt;</body></html>"
    assert b.text == "Şu <i>\n"


@pytest.mark.parametrize(
    ("brand", "told"),
    [
        ("mersis: 0123456789000015", "Put it in quotes"),
        ('mersis: "123"', '"123" is no MERSİS number'),
        ("colors: {accent: red}", '"red" is no colour'),
        ("colors:\n  accent: #b4472e", "begins a remark"),
        ("logo_url: ftp://x", "must begin with https://"),
        ("nmae: x", 'unknown key "nmae". Did you mean "name"\\?'),
        ('dark: {accnt: "#000000"}', 'Did you mean "accent"\\?'),
        ("social: [{name: X}]", '"url" is missing'),
        ("social: [{name: X, link: y}]", 'unknown key "link"'),
        ("email: destek", "is no e-mail address"),
        ('fonts: {body: "x; color: red"}', "is no list of fonts"),
        ("logo_url: https://", "must begin with https://"),
        ("- a", "must hold `key: value` lines"),
        ("a: [", "brand.yaml:1"),
        ("sms: {code: X1}", "is no operator.s code"),
    ],
)
def test_a_brand_that_cannot_be_used_says_where(tmp_path: Path, brand: str, told: str) -> None:
    path = tmp_path / "brand.yaml"
    path.write_text(brand, encoding="utf-8")

    with pytest.raises(BrandError, match=told):
        load_brand(path, "Örnek")


def test_without_a_brand_file_the_shops_name_is_the_brand(tmp_path: Path) -> None:
    assert load_brand(tmp_path / "none.yaml", "Örnek").name == "Örnek"
