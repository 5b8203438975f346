"""Links of letters, changed for all at once: read whole, they are what changing each letter whole would give."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.content.conftest import PROJECT, MakeStore
from vefa.content.links import LinkSigner, TokenRefused
from vefa.content.templates import TemplateStore
from vefa.content.tracked_links import TrackedLinks
from vefa.content.tracking import Campaign, Tracker
from vefa.settings import load_settings
from vefa.skeletons import Skeleton, fill

LINKS = TrackedLinks(b"a secret of tests only, long enough", "https://vefa.ornek.example/")
CAMPAIGN = Campaign(frozenset({"ornek.example"}), "thank-you", "thanks")
UTM = "utm_source=vefa&utm_medium=email&utm_campaign=thank-you&utm_content=thanks"


def everything() -> Tracker:
    return Tracker(LINKS, clicks=True, opens=True, campaign=CAMPAIGN)


def changed(html: str, tracker: Tracker | None = None) -> str:
    """A letter that says the same to everybody, as recipient 12.1 gets it."""
    tracker = tracker or everything()
    skeleton, pieces = tracker.track(Skeleton((), (html,), (), 0), (), ["12.1"])
    return fill(skeleton.html, [column[0] for column in pieces])


def target_of(html: str) -> str:
    """Where the only tracked link leads."""
    token = html.partition("/c/")[2].partition('"')[0]
    letter, _, target = token.partition("/")
    assert LINKS.read_letter(letter) == "12.1"
    return LINKS.read_target(target)


# --- what is changed, and what is not


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://elsewhere.example/a", "https://elsewhere.example/a"),
        ("https://ornek.example", f"https://ornek.example?{UTM}"),
        ("https://ornek.example/iade#top", f"https://ornek.example/iade?{UTM}#top"),
        ("https://www.ornek.example/?a=1&amp;b=2", f"https://www.ornek.example/?a=1&b=2&{UTM}"),
        ("https://ornek.example/?a=1&copy=2", f"https://ornek.example/?a=1&copy=2&{UTM}"),
        ("https://ornek.example/?utm_source=x", "https://ornek.example/?utm_source=x"),
        ("https://notornek.example/", "https://notornek.example/"),
        ("https://elsewhere.example/&#351;eker&#x20AC;", "https://elsewhere.example/%C5%9Feker%E2%82%AC"),
        ("https://ELSEWHERE.example/", "https://ELSEWHERE.example/"),
    ],
)
def test_a_link_leads_over_us_to_where_it_led(url: str, target: str) -> None:
    assert target_of(changed(f'<p><a class="x" href="{url}">go</a></p>')) == target


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://vefa.ornek.example/u/token">leave</a>',
        '<a href="https://vefa.ornek.example">us</a>',
        '<a href="mailto:a@ornek.example">write</a>',
        '<a href="tel:+902161112233">call</a>',
        '<a href="#top">up</a>',
        '<a href="">nowhere</a>',
        '<a href="https://">nowhere</a>',
        '<a href="https://[bad/">nowhere</a>',
        '<a href="javascript:alert(1)">no</a>',
        '<a name="https://ornek.example">anchor</a>',
        '<abbr href="https://ornek.example">no link</abbr>',
        '<link href="https://ornek.example/style.css">',
        '<img src="https://ornek.example/a.png">',
        "https://ornek.example in words",
    ],
)
def test_what_is_no_link_to_somewhere_else_stays(html: str) -> None:
    assert changed(html, Tracker(LINKS, clicks=True, campaign=CAMPAIGN)) == html


def test_without_clicks_own_links_only_get_the_campaigns_names() -> None:
    tracker = Tracker(LINKS, campaign=CAMPAIGN)
    html = "<a href='https://ornek.example/?a=1'>a</a><a href=\"https://elsewhere.example/?a=1&b=2\">b</a>"

    after = changed(html, tracker)

    assert unescape(after) == html.replace("?a=1'", f"?a=1&{UTM}'")
    assert "/c/" not in after


def test_the_picture_stands_at_the_end_of_the_body_and_once() -> None:
    after = changed("<body><p>a</p></body></html>", Tracker(LINKS, opens=True))

    assert after.startswith("<body><p>a</p><img src=")
    assert after.endswith("></body></html>")
    letter = after.split("/o/")[1].split(".gif")[0]
    assert LINKS.read_letter(letter) == "12.1"


def test_a_recipient_brings_one_short_piece_for_all_links() -> None:
    html = "".join(f'<a href="https://ornek.example/{n}">{n}</a>' for n in range(20))

    skeleton, pieces = everything().track(Skeleton((), (html,), (), 0), (), ["1.1", "2.1"])

    assert [len(column) for column in pieces] == [2]
    assert all(len(piece) < 40 for piece in pieces[0])
    assert skeleton.html.count(0) == 21


# --- the law


FRAGMENTS = [
    *(
        "<a ",
        '<a href="https://ornek.example/',
        '<a href="https://ornek.example">',
        "<a",
        " href='https://x.example/a'",
    ),
    *('"', "'", ">", "<", "</a>", "<b>", "</b>", "a", " ", "href=", '="https://y.example/', "data-href=", "&amp;"),
    *(
        "<td style='",
        "<!-- ",
        " -->",
        "</body>",
        "<img src='",
        "12",
        '<a class="k" href="https://z.example/?a=1">z</a>',
    ),
]
WORDS = st.lists(st.sampled_from(FRAGMENTS), max_size=5).map("".join)


@st.composite
def letters(draw: st.DrawFn) -> tuple[Skeleton, tuple[Sequence[str], ...], int]:
    count = draw(st.integers(1, 3))
    pieces = draw(st.lists(st.lists(WORDS, min_size=count, max_size=count), max_size=3))
    slots = st.integers(0, len(pieces) - 1) if pieces else st.nothing()
    html = draw(st.lists(st.one_of(WORDS, slots), max_size=8))
    merged: list[str | int] = []
    for part in html:
        if isinstance(part, str) and merged and isinstance(last := merged[-1], str):
            merged[-1] = last + part
        elif part != "":
            merged.append(part)
    return Skeleton((), tuple(merged), tuple(range(len(pieces))), len(pieces)), tuple(pieces), count


@pytest.mark.parametrize(
    "switches",
    [{"clicks": True, "opens": True, "campaign": CAMPAIGN}, {"clicks": True}, {"opens": True}, {"campaign": CAMPAIGN}],
    ids="+".join,
)
@given(letter=letters())
def test_many_letters_at_once_are_each_letter_whole(
    switches: Mapping[str, Any], letter: tuple[Skeleton, tuple[Sequence[str], ...], int]
) -> None:
    skeleton, pieces, count = letter
    tracker = Tracker(LINKS, **switches)
    refs = [f"{n + 1}.1" for n in range(count)]

    after, columns = tracker.track(skeleton, pieces, refs)

    assert after.slots == len(columns) == len({part for part in (*after.html, *after.text) if isinstance(part, int)})
    assert [columns[slot] for slot in after.text] == list(pieces)
    for n, ref in enumerate(refs):
        before = fill(skeleton.html, [column[n] for column in pieces])
        assert fill(after.html, [column[n] for column in columns]) == tracker.whole(before, ref)


# --- whole templates


def store_of_the_project() -> TemplateStore:
    return TemplateStore(PROJECT, load_settings(PROJECT))


ORDER_LINES = [
    {
        "name": f"Kahve {n}",
        "url": f"https://ornek.example/k/{n}",
        "quantity": n,
        "price": 10,
        "image_url": "",
        "gift_card": False,
    }
    for n in range(1, 4)
]


@pytest.mark.parametrize("name", sorted(store_of_the_project().names("email")))
def test_the_projects_own_letters_keep_the_law_and_few_words_become_personal(name: str) -> None:
    store = store_of_the_project()
    email, signer = store.email(name, "tr"), LinkSigner(b"a secret of tests only, long enough", LINKS.public_url)
    people = range(1, 6)
    columns = _columns(store.variables(name, "email"), people, signer)
    bulk = email.render_bulk("Merhaba", "", {"purpose": "commercial", "commercial": True}, columns, len(people))
    assert not bulk.faults
    refs = [f"{n}.1" for n in people]

    tracker = everything()

    after, pieces = tracker.track(bulk.skeleton, bulk.pieces, refs)

    for n, ref in enumerate(refs):
        before = fill(bulk.skeleton.html, [column[n] for column in bulk.pieces])
        html = fill(after.html, [column[n] for column in pieces])
        assert html == tracker.whole(before, ref)
        assert f"{LINKS.public_url}/u/" in html
        assert 'href="https://ornek.example' not in html


def _columns(names: frozenset[str], people: Sequence[int], signer: LinkSigner) -> dict[str, list[object]]:
    given = {
        "links.unsubscribe": lambda n: signer.unsubscribe_url(n, "commercial"),
        "links.preferences": signer.preferences_url,
        "order.lines": lambda n: ORDER_LINES[: n % 3 + 1],
        "ticket.messages": lambda n: [
            {"author": "customer", "who": "Ada", "when": datetime(2026, 3, n, tzinfo=UTC), "text": f"Söz {n}"}
        ],
        "ticket.left_out": lambda n: n % 2,
        "guides": lambda n: [{"name": f"Kahve {n}", "url": f"https://ornek.example/g/{n}"}][: n % 2],
        "recommendations": lambda n: [
            {"name": f"Çay {n}", "url": f"https://ornek.example/c/{n}", "price": 10, "image_url": "https://i.example/a"}
        ],
    }
    made = ("purpose", "commercial", "shop.name")

    def value(name: str, n: int) -> object:
        if name in given:
            return given[name](n)
        if name.endswith(("_at", "_on", "date", "until")):
            return datetime(2026, 3, n, tzinfo=UTC)
        return (
            n
            if name.endswith(("count", "percent", "number", "amount", "minimum", "age", "points", "tier", "expiring"))
            else f"Ad{n}"
        )

    return {name: [value(name, n) for n in people] for name in names if name not in made}


# --- the words of a link


def test_a_letters_word_and_a_targets_word_are_read_back() -> None:
    refs = ["1.1", "255.2", f"{2**62}.32767"]

    assert [LINKS.read_letter(token) for token in LINKS.letters(refs)] == refs
    assert LINKS.read_target(LINKS.target("https://x.example/ş?a=1")) == "https://x.example/ş?a=1"


def test_no_changed_letter_passes() -> None:
    (letter,), target = LINKS.letters(["42.1"]), LINKS.target("https://ornek.example/")
    for token, read in ((letter, LINKS.read_letter), (target, LINKS.read_target)):
        for place in range(len(token)):
            for other in ("A", "B", "=", "", "é", " "):
                wrong = token[:place] + other + token[place + 1 :]
                if wrong != token:
                    with pytest.raises(TokenRefused):
                        read(wrong)


def test_words_of_another_shop_kind_or_version_are_refused() -> None:
    elsewhere = TrackedLinks(b"another secret of tests, long enough", "https://x.example")
    (letter,), target = LINKS.letters(["42.1"]), LINKS.target("https://ornek.example/")
    raw = urlsafe_b64decode(letter + "=" * (-len(letter) % 4))
    for wrong in ("", "A", "AAAA", urlsafe_b64encode(raw[:16]).rstrip(b"=").decode(), target):
        with pytest.raises(TokenRefused):
            LINKS.read_letter(wrong)
    for wrong in (letter, elsewhere.target("https://ornek.example/"), elsewhere.letters(["42.1"])[0]):
        with pytest.raises(TokenRefused):
            LINKS.read_target(wrong)


def test_templates_and_previews_know_nothing_of_it(make_store: MakeStore) -> None:
    store = make_store({"note.tr.mjml": "<mj-text><a href='https://ornek.example/'>x</a></mj-text>"})

    assert "/c/" not in store.email("note", "tr").html_source
