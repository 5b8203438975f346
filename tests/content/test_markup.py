from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from vefa.content.markup import MarkupRefused, compile_markup, markup_slips, to_ascii
from vefa.content.templates import TemplateStore

MakeStore = Callable[..., TemplateStore]

LINKS = {"links": {"unsubscribe": "https://ornek.example/u/T"}}


def compiled(body: str) -> str:
    return compile_markup(f"<mjml><mj-body>{body}</mj-body></mjml>", lambda _: None)


def slips(body: str) -> list[str]:
    return [slip.message for slip in markup_slips(body)]


def section(words: str) -> str:
    return f"<mj-section><mj-column><mj-text>{words}</mj-text></mj-column></mj-section>"


class Balance(HTMLParser):
    """Whether every element that opens also closes, in order, with comments opened for Outlook."""

    VOID = frozenset({"meta", "br", "img", "link", "hr", "v:image"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def balanced(html: str, for_outlook: bool) -> None:
    if for_outlook:
        html = re.sub(r"<!--\[if !mso.*?<!\[endif\]-->", "", html, flags=re.S)
        html = re.sub(r"<!--\[if [^\]]*\]>|<!\[endif\]-->", "", html)
    parser = Balance()
    parser.feed(html)
    parser.close()
    assert parser.open == []


LOOP, END = "{% for x in things %}", "{% endfor %}"
COLUMN = "<mj-column width='50%'><mj-text>ONE {{ x }}</mj-text></mj-column>"
HOMES = {
    "body": "{% for x in things %}" + section("ONE {{ x }}") + "{% endfor %}" + section("LAST"),
    "wrapper first": "<mj-wrapper>{% for x in things %}"
    + section("ONE {{ x }}")
    + "{% endfor %}"
    + section("LAST")
    + "</mj-wrapper>",
    "wrapper last": "<mj-wrapper>"
    + section("LAST")
    + "{% for x in things %}"
    + section("ONE {{ x }}")
    + "{% endfor %}</mj-wrapper>",
    "wrapper alone": "<mj-wrapper>{% for x in things %}"
    + section("ONE {{ x }}")
    + "{% endfor %}</mj-wrapper>"
    + section("LAST"),
    "section": f"<mj-section>{LOOP}{COLUMN}{END}</mj-section>" + section("LAST"),
    "group": f"<mj-section><mj-group>{LOOP}{COLUMN}{END}</mj-group></mj-section>" + section("LAST"),
    "column": f"<mj-section><mj-column>{LOOP}<mj-text>ONE {{{{ x }}}}</mj-text>{END}"
    "<mj-text>LAST</mj-text></mj-column></mj-section>",
    "text": section(f"{LOOP}<p>ONE {{{{ x }}}}</p>{END}LAST"),
    "table": f"<mj-section><mj-column><mj-table>{LOOP}<tr><td>ONE {{{{ x }}}}</td></tr>{END}"
    "<tr><td>LAST</td></tr></mj-table></mj-column></mj-section>",
    "raw": "<mj-raw>{% for x in things %}</mj-raw>"
    + section("ONE {{ x }}")
    + "<mj-raw>{% endfor %}</mj-raw>"
    + section("LAST"),
}


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_template_tags_between_parts_do_what_they_say(make_store: MakeStore, home: str, count: int) -> None:
    store = make_store({"a.tr.mjml": HOMES[home]})

    email = store.email("a", "tr").render("Konu", "", {**LINKS, "things": [f"n{i}" for i in range(count)]})

    expected = [f"n{i}" for i in range(count)]
    assert re.findall(r"ONE (n\d)", email.html) == expected
    assert re.findall(r"ONE (n\d)", email.text) == expected
    assert email.html.count("LAST") == email.text.count("LAST") == 1
    balanced(email.html, for_outlook=False)
    balanced(email.html, for_outlook=True)


@pytest.mark.parametrize(
    "words",
    [
        "{% if a < 3 and b > 2 %}x{% endif %}",
        "{{ a|default(\"<b>\") }} {{ b|default('it') }}",
        "one<br>two<br/>three &nbsp; &ouml;",
        '<a href="https://x.example/?a=1&b=2">go</a>',
        '<a href="{{ url }}?q={{ q|default("z") }}">go</a>',
        "<p>not closed",
        "a } b { c",
        "{{ 'a}}b' }}",
        "<!-- a comment -->x",
    ],
)
def test_html_and_tags_inside_a_text_come_through_as_they_are(words: str) -> None:
    assert words.replace("<!-- a comment -->", "") in compiled(section(words))


def test_a_tag_in_an_attribute_comes_through() -> None:
    html = compiled(
        '<mj-section><mj-column><mj-button href="{{ a|default("x") }}">{{ b }}</mj-button></mj-column></mj-section>'
    )

    assert 'href="{{ a|default("x") }}"' in html


def test_template_comments_do_not_go_out() -> None:
    assert "secret" not in compiled("{# secret #}" + section("x {# secret #}") + "<!-- secret -->")


def test_a_tag_that_mjml_leaves_out_is_refused() -> None:
    with pytest.raises(MarkupRefused, match=r"\{\{ w \}\} has no effect"):
        compiled('<mj-section><mj-column><mj-text nonsense="{{ w }}">x</mj-text></mj-column></mj-section>')


def test_letters_beyond_ascii_become_entities_but_not_in_tags_and_styles() -> None:
    assert (
        to_ascii("ş{{ 'ş' }}<style>.x{content:'ş'}</style>₺") == "&#351;{{ 'ş' }}<style>.x{content:'ş'}</style>&#8378;"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<mj-section><mj-colum></mj-colum></mj-section>", "<mj-colum> is no MJML tag; did you mean <mj-column>?"),
        ("<mj-section><mj-column></mj-section>", "</mj-section> closes what is not open here"),
        ("<mj-section>", "<mj-section> is not closed"),
        (
            "<mj-social>{% if x %}<mj-social-element>a</mj-social-element>{% endif %}</mj-social>",
            "<mj-social> cannot hold template tags between its parts; put them around <mj-social>",
        ),
        (
            "<mj-section>words</mj-section>",
            "text stands between the parts of the message; put it into <mj-text>",
        ),
        (
            "<mj-section>{{ words }}</mj-section>",
            "text stands between the parts of the message; put it into <mj-text>",
        ),
    ],
)
def test_mistakes_in_the_markup_are_told(body: str, message: str) -> None:
    assert message in slips(body)


@pytest.mark.parametrize(
    "body", [*HOMES.values(), section("<mj-like> & <b>x</b>"), "<!-- <mj-nope> -->", "{# <mj-nope> #}"]
)
def test_good_markup_has_nothing_to_tell(body: str) -> None:
    assert slips(body) == []


def test_a_slip_knows_its_line() -> None:
    assert [slip.line for slip in markup_slips("<mj-section>\n\n  <mj-colum />\n</mj-section>")] == [3]
