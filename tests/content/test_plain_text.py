from __future__ import annotations

from collections.abc import Callable

import pytest

from vefa.content.plain_text import derive_text, tidy, without_tag_lines
from vefa.content.templates import TemplateStore

MakeStore = Callable[..., TemplateStore]

LINKS = {"links": {"unsubscribe": "https://ornek.example/u/T"}}


def derived(body: str) -> str:
    return derive_text(f"<html><body>{body}</body></html>").strip()


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<a href="https://x.example/a?b=1&amp;c=2">Git</a>', "Git (https://x.example/a?b=1&c=2)"),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example"),
        ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example"),
        ('<a href="tel:+90">+90</a>', "+90"),
        ('<a href="{{ links.x }}"><b>Çok</b> güzel</a>', "Çok güzel ({{ links.x }})"),
        ('<a href="https://x.example"><img src="y" alt="Bardak"></a>', "Bardak (https://x.example)"),
        ('<a href="https://x.example"><img src="y"></a>', "https://x.example"),
        ('<a href="#top">Yukarı</a>', "Yukarı"),
        ("<a>Boş</a>", "Boş"),
    ],
)
def test_a_link_keeps_its_target(html: str, text: str) -> None:
    assert derived(html) == text


def test_a_picture_that_links_where_words_do_is_not_said_twice() -> None:
    html = '<a href="https://x.example"><img src="y" alt="Bardak"></a> <a href="https://x.example">Bardak, mavi</a>'

    assert derived(html) == "Bardak, mavi (https://x.example)"


def test_what_a_reader_does_not_see_is_left_out() -> None:
    html = (
        '<style>.a{}</style><div style="display:none">preheader</div><span data-text="none">K</span>'
        "<!-- note --><!--[if mso]>outlook<![endif]--><!--[if !mso]><!-->rest<!--<![endif]-->"
    )

    assert derived(html) == "rest"


def test_rows_are_lines_and_cells_stand_beside_each_other() -> None:
    html = "<table><tr><td>Toplam</td><td>{{ order.total }}</td></tr><tr><td>a</td><td>b</td></tr></table>"

    assert derived(html) == "Toplam {{ order.total }}\na b"


def test_a_loop_over_rows_leaves_no_empty_lines(make_store: MakeStore) -> None:
    table = "<mj-table>{% for x in xs %}\n<tr>\n<td>{{ x }}</td>\n<td>1</td>\n</tr>\n{% endfor %}</mj-table>"
    store = make_store({"a.tr.mjml": f"<mj-section><mj-column>{table}</mj-column></mj-section>"})

    text = store.email("a", "tr").render("x", "", {**LINKS, "xs": ["a", "b", "c"]}).text

    assert text.startswith("a 1\nb 1\nc 1\n\nleave (https://ornek.example/u/T)")


def test_entities_are_letters_and_nothing_is_escaped(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": "A &amp; B &lt;c&gt; &ccedil; {{ name }}"})

    assert (
        store.email("a", "tr")
        .render("x", "", {**LINKS, "name": "<O'Neil & Co>"})
        .text.startswith("A & B <c> ç <O'Neil & Co>")
    )


def test_braces_in_the_words_do_not_become_template_code(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": "Yazın: &#123;&#123; 1 + 1 }} ve &#123;% if %}"})

    assert store.email("a", "tr").render("x", "", LINKS).text.startswith("Yazın: {{ 1 + 1 }} ve {% if %}")


def test_words_of_ones_own_go_before_derived_ones(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": "uzun", "a.tr.txt": "Kısa {{ name }} {{ links.unsubscribe }}"})

    assert (
        store.email("a", "tr").render("x", "", {**LINKS, "name": "<b>"}).text == "Kısa <b> https://ornek.example/u/T\n"
    )


def test_there_is_never_more_than_one_empty_line() -> None:
    assert tidy("\n\n a \n \n\t\n\nb  \n\n") == "a\n\nb\n"


def test_a_line_of_tags_alone_joins_the_next() -> None:
    assert (
        without_tag_lines("a\n{% if x %}\nb\n{% endif %}\nc {% if y %}\nd")
        == "a\n{% if x %}b\n{% endif %}c {% if y %}\nd"
    )
