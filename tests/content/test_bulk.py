"""An e-mail to many in pieces: what is shared, what is a piece, and whom it cannot be written to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.content.bulk_laws import hold, in_pieces, rendered_whole
from vefa.content.columns import nested
from vefa.content.templates import ABSENT, RenderedBulk, TemplateStore
from vefa.crm.values import MoneyAmount
from vefa.settings import Settings
from vefa.skeletons import fill

MakeStore = Callable[..., TemplateStore]

PROJECT = Path(__file__).parents[2]
ISTANBUL = ZoneInfo("Europe/Istanbul")
LINKS = {"links": {"unsubscribe": "https://ornek.example/u/T"}}
NAMES = ["Ayşe", None, "", '<b>"O\'Neil"</b> & Söhne', " a\n\n\nb ", "{{ 1 }}", "\u2028", "ğ" * 300]


def _said(number: int) -> dict[str, object]:
    moment = datetime(2026, 8, 5, 9, number, tzinfo=ISTANBUL)
    return {"author": ("customer", "agent")[number % 2], "who": "Elif", "when": moment, "text": f"Söz {number} <&>"}


def _product(number: int) -> dict[str, object]:
    price = MoneyAmount(Decimal("899.90") * number, "TRY")
    picture = f"https://ornek.example/{number}.jpg" if number % 2 else None
    return {
        "name": f"Keten gömlek & <{number}>" * number,
        "price": price,
        "quantity": number,
        "gift_card": False,
        "url": f"https://ornek.example/p?a={number}&b" if number % 3 else None,
        "image_url": picture,
        "category": "Gömlek",
    }


PEOPLE = len(NAMES)
COMMON: Mapping[str, object] = {"purpose": "commercial", "shop": {"name": "Örnek"}, "trigger": {"at": None}}
COLUMNS: Mapping[str, list[object]] = {
    "customer.first_name": list(NAMES),
    "order.number": [f"TR-{n}" for n in range(PEOPLE)],
    "order.total": [MoneyAmount(Decimal(n) / 3, "TRY") for n in range(PEOPLE)],
    "order.placed_at": [datetime(2026, 8, 3 + n, 9, 30, tzinfo=ISTANBUL) for n in range(PEOPLE)],
    "order.delivered_at": [datetime(2026, 8, 5, 9, 30, tzinfo=ISTANBUL)] * PEOPLE,
    "order.is_first": [n % 2 == 0 for n in range(PEOPLE)],
    "order.lines": [[_product(number) for number in range(1, n + 1)] for n in range(PEOPLE)],
    "order.points": [n * 400 for n in range(PEOPLE)],
    "loyalty.points": [n * 1000 for n in range(PEOPLE)],
    "loyalty.worth": [MoneyAmount(Decimal(n * 100), "TRY") if n else None for n in range(PEOPLE)],
    "loyalty.tier_name": ["Gümüş" if n else None for n in range(PEOPLE)],
    "loyalty.next_tier_name": ["Altın" if n % 2 else None for n in range(PEOPLE)],
    "loyalty.to_next_tier": [n * 10 if n % 2 else None for n in range(PEOPLE)],
    "loyalty.expiring": [n * 30 for n in range(PEOPLE)],
    "loyalty.expires_at": [datetime(2026, 9, 30, 23, 59, tzinfo=ISTANBUL)] * PEOPLE,
    "return.amount": [MoneyAmount(Decimal(n * 10), "TRY") if n else None for n in range(PEOPLE)],
    "return.reason": ["Küçük geldi" if n else None for n in range(PEOPLE)],
    "return.state": ["received"] * PEOPLE,
    "ticket.subject": ["Kargo gecikti" if n else None for n in range(PEOPLE)],
    "ticket.agent": ["Elif" if n % 2 else None for n in range(PEOPLE)],
    "ticket.state": ["answered" if n % 2 else "resolved" for n in range(PEOPLE)],
    "ticket.opened_at": [datetime(2026, 8, 5, 9, 30, tzinfo=ISTANBUL)] * PEOPLE,
    "ticket.messages": [[_said(number) for number in range(n)] for n in range(PEOPLE)],
    "ticket.left_out": [n % 3 for n in range(PEOPLE)],
    "customer.agent": ["Elif" if n % 2 else None for n in range(PEOPLE)],
    "coupon.code": [ABSENT if n == 5 else f"VEFA-{n}" for n in range(PEOPLE)],
    "coupon.percent": [ABSENT if n == 5 else Decimal(15) if n % 2 else None for n in range(PEOPLE)],
    "coupon.amount": [ABSENT if n == 5 else MoneyAmount(Decimal(50), "TRY") if n == 2 else None for n in range(PEOPLE)],
    "coupon.free_shipping": [ABSENT if n == 5 else n == 4 for n in range(PEOPLE)],
    "coupon.minimum": [ABSENT if n == 5 else MoneyAmount(Decimal(n), "TRY") if n else None for n in range(PEOPLE)],
    "coupon.valid_until": [ABSENT if n == 5 else date(2026, 8, 30) if n else None for n in range(PEOPLE)],
    "trigger.date": [date(2026, 8, 1 + n) for n in range(PEOPLE)],
    "trigger.years": [1 + n % 3 for n in range(PEOPLE)],
    "links.unsubscribe": [f"https://ornek.example/u/{n}?a=1&b" for n in range(PEOPLE)],
    "links.preferences": [f"https://ornek.example/p/{n}" for n in range(PEOPLE)],
    "survey.page": [f"https://ornek.example/s/{n}" for n in range(PEOPLE)],
    **{f"survey.link_{score}": [f"https://ornek.example/s/{n}-{score}" for n in range(PEOPLE)] for score in range(11)},
    "recommendations": [[_product(number) for number in range(1, n)] for n in range(PEOPLE)],
    "guides": [[_product(number) for number in range(1, n % 4)] for n in range(PEOPLE)],
    "commercial": [n != 3 for n in range(PEOPLE)],
}
GREETING = "Merhaba{% if customer.first_name %}, {{ customer.first_name }}{% endif %}! %{}"


@pytest.fixture(scope="module")
def words() -> TemplateStore:
    return TemplateStore(PROJECT, Settings(root=PROJECT))


@pytest.mark.parametrize("locale", ["tr", "en"])
def test_every_shipped_template_comes_out_in_pieces_as_it_does_whole(words: TemplateStore, locale: str) -> None:
    options = {f"option_{place}": f"Cevap {place}" if place < 4 else None for place in range(1, 11)}
    for name in sorted(words.names("email")):
        for purpose, kind in (("commercial", "choice"), ("transactional", "nps"), ("commercial", "csat")):
            email = words.email(name, locale)
            survey = {"kind": kind, "question": "Nasıl?", "low": "az", "high": "çok", **options}
            common = {**COMMON, "purpose": purpose, "survey": survey}
            bulk = hold(email, GREETING, "{{ shop.name }}", common, COLUMNS, PEOPLE)

            assert set(bulk.faults) <= {5}, name


@pytest.mark.parametrize("columns", [COLUMNS, {}], ids=["personal", "nothing personal"])
def test_a_batch_of_one_is_a_batch_too(words: TemplateStore, columns: Mapping[str, list[object]]) -> None:
    values = {name: column[:1] for name, column in COLUMNS.items()}
    common = nested(COMMON, [(name, column[0]) for name, column in values.items() if name not in columns])

    bulk = hold(words.email("order-thank-you", "tr"), GREETING, "x", common, {n: values[n] for n in columns}, 1)

    assert bulk.skeleton.slots == 0


def _bulk(
    store: TemplateStore, subject: str = "Konu", common: Mapping[str, object] = LINKS, **columns: list[object]
) -> RenderedBulk:
    count = len(next(iter(columns.values())))
    return hold(store.email("a", "tr"), subject, "", common, columns, count)


def test_what_is_the_same_for_everybody_stands_in_the_skeleton_once(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": "{{ city }} {{ name }} {{ name|upper }} {{ number }}"})

    bulk = _bulk(store, city=["Bursa"] * 3, name=["ada", "can", "ece"], number=[Decimal("1.0"), 1, Decimal(1)])

    assert bulk.pieces == (["ada", "can", "ece"], ["ADA", "CAN", "ECE"])


def test_equal_pieces_share_a_slot_over_all_parts(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": '<a href="{{ url }}">{{ name }}</a> {{ name }}'})

    bulk = _bulk(store, "{{ name }}", name=["Ada", "Can"], url=["https://x.example/1", "https://x.example/2"])

    assert bulk.skeleton.slots == len(bulk.pieces) == 2


def test_who_cannot_be_written_to_is_told_and_keeps_nobody_else_back(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": "Merhaba {{ name }}"})

    bulk = _bulk(store, name=["Ada", ABSENT, {"first": "x"}, "Can"])

    assert {row: str(error) for row, error in bulk.faults.items()} == {
        1: "a.tr (html): `name` is undefined",
        2: "a.tr (html): a group of fields (first) was to be printed; name one field",
    }
    assert bulk.pieces == (["Ada", "", "", "Can"],)


@pytest.mark.parametrize("subject", ["{{ nope }}", "{{ 1 +", "", " \n", "{{ 1 / 0 }}"])
def test_a_mistake_for_all_is_everybodys_fault(make_store: MakeStore, subject: str) -> None:
    bulk = _bulk(make_store({"a.tr.mjml": "{{ name }}"}), subject, name=["Ada", "Can"])

    assert set(bulk.faults) == {0, 1}


def test_subjects_that_are_empty_or_too_long_are_so_for_their_recipients_only(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": "{{ subject }}|{{ preheader }}"})

    bulk = _bulk(store, " {{ name }} {{ other }}", name=["Ada", "", "w " * 150, "x\n\ny"], other=["", "", "", " z"])

    assert set(bulk.faults) == {1}


TEXTS = [
    "Merhaba {{ name }}!\n\n\n{{ name }}\n\nson",
    "{{ name }}\n{{ other }}\n\n",
    "\n {{ name }} {{ other }}\n x",
    "x{{ name }}{{ other }} y\n\n\n\n",
    "x {{ name }}y",
    "x{{ name }} \n \n {{ other }}",
    "{{ name }}",
    " \n",
    "x\n{% if name %}\n{{ name }}\n\n{% endif %}\ny {%- for i in other %} {{ i }}{% endfor %}",
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_plain_part_is_as_tidy_as_whole_whatever_the_pieces_are(make_store: MakeStore, text: str) -> None:
    store = make_store({"a.tr.mjml": "x", "a.tr.txt": text})
    names = ["Ada", "", " ", "a\n\n\n\nb", "\r\n", "x ", " x", "\x85", "\t", "\x1c", "·", "\u2007"]

    for others in (names[::-1], ["z"] * len(names), ["z", *["y"] * (len(names) - 1)]):
        _bulk(store, "{{ other }}{{ name }}.", name=list(names), other=others)


@pytest.mark.parametrize(
    "words",
    [
        "{% macro hi(x) %}<{{ x }}>{% endmacro %}{{ hi(name) }}",
        "{% raw %}{{ x }}{% endraw %}{{ name }}",
        "{% set ns = namespace(x=1) %}{% for i in [1, 2] %}{% set ns.x = name %}{% endfor %}{{ ns.x }}",
        "{% set a = name %}{% if a %}{% set b %}<{{ a }}>{% endset %}{% else %}{% set b = 1 %}{% endif %}{{ b }}",
        "{% for i in range(3) %}{% if name %}{{ name }}{{ i }}{% endif %}{% endfor %}",
        "{% with x = name %}{{ x }}{% endwith %}{% filter upper %}{{ name }}{% endfilter %}",
        "{{ {'a': {'b': name}}['a']['b'] }}",
        "a {#- note #}{ {# #}{{ name -}} b",
        "{% if missing is defined and missing %}{{ missing }}{% elif name == 'Ada' %}!{% else %}?{% endif %}",
    ],
)
def test_whatever_a_template_does_comes_out_in_pieces_as_it_does_whole(make_store: MakeStore, words: str) -> None:
    _bulk(make_store({"a.tr.mjml": f"<p>{words}</p> son"}), name=["Ada", "", "Can", None])


def test_an_endless_template_is_stopped_for_whom_it_is_endless(make_store: MakeStore) -> None:
    loops = "{% for a in range(n) %}{% for b in range(n) %}{{ b }}{% endfor %}{% endfor %}"

    bulk = _bulk(make_store({"a.tr.mjml": loops + loops}), n=[1, 1000, 90])

    assert set(bulk.faults) == {1}


def test_no_value_passes_for_a_place_of_the_skeleton(make_store: MakeStore) -> None:
    store = make_store({"a.tr.mjml": "{{ shop.name }} {{ name }} {{ name|upper }}"})
    marks = ["\x1f0\x1f", "\x1f\x1f", "\x1fa:0\x1f"]

    _bulk(store, common={**LINKS, "shop": {"name": marks[0]}}, name=marks)


def test_an_empty_batch_is_empty(make_store: MakeStore) -> None:
    bulk = make_store({"a.tr.mjml": "{{ name }}"}).email("a", "tr").render_bulk("x", "", LINKS, {"name": []}, 0)

    assert (bulk.skeleton.slots, bulk.pieces, bulk.faults) == (0, (), {})


def test_many_threads_may_render_batches_of_one_template(words: TemplateStore) -> None:
    email = words.email("win-back-offer", "tr")
    contexts = [nested(COMMON, [(name, column[n]) for name, column in COLUMNS.items()]) for n in range(PEOPLE)]
    expected = [rendered_whole(email, GREETING, "x", context) for context in contexts]
    wrong: list[int] = []

    def work(turn: int) -> None:
        columns = {name: column for name, column in COLUMNS.items() if turn % 2 or name != "recommendations"}
        common = {**COMMON} if turn % 2 else {**COMMON, "recommendations": []}
        for _ in range(5):
            bulk = email.render_bulk(GREETING, "x", common, columns, PEOPLE)
            found = [in_pieces(bulk, n) for n in range(PEOPLE)]
            right = [str(a) == str(b) for a, b in zip(expected, found, strict=True)]
            wrong.extend([] if all(right[:2]) and (all(right) or not turn % 2) else [turn])

    threads = [threading.Thread(target=work, args=(turn,)) for turn in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_pieces_are_all_that_a_recipient_brings(words: TemplateStore) -> None:
    """A letter of twenty kilobytes to many is twenty kilobytes and a few words for each."""
    names = {"customer.first_name", "links.unsubscribe", "links.preferences"}
    rest = nested(COMMON, [(name, column[1]) for name, column in COLUMNS.items() if name not in names])
    columns = {name: [f"{name}-{n}" for n in range(100)] for name in names}

    bulk = words.email("win-back-offer", "tr").render_bulk(GREETING, "x", rest, columns, 100)

    brought = sum(len(column[7]) for column in bulk.pieces)
    assert (bulk.faults, brought < 500) == ({}, True)
    assert len(fill(bulk.skeleton.html, [column[7] for column in bulk.pieces])) > 15_000
