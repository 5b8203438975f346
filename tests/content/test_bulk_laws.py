"""Random templates for random recipients: in pieces they come out as whole."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from tests.content.bulk_laws import hold
from vefa.content.templates import ABSENT, TemplateBroken, TemplateStore
from vefa.crm.values import MoneyAmount
from vefa.settings import Settings, Shop

NAMES = (
    "customer.first_name",
    "customer.last_name",
    "order.total",
    "order.placed_at",
    "links.unsubscribe",
    "commercial",
)
GROUPS = ("coupon", "recommendations")

_WORDS = st.sampled_from(
    (
        "",
        " ",
        "\n",
        "\n\n",
        " \n ",
        "Merhaba",
        "a b",
        "{",
        "}",
        "x ",
        " y",
        ", ",
        "ç",
        "<p>",
        "</p>\n",
        "\t",
        "\xa0",
        "\r\n",
        "·",
    )
)
_NASTY = (
    *(
        "",
        " ",
        "Ayşe",
        "  Işıl  ",
        "O\"Neil's",
        "<script>x</script>",
        "a\nb",
        "\n",
        "\r\n",
        "{{ 1 }}",
        "{% if %}",
        "{#",
    ),
    *("a\x1fb", "\x00", "\u2028", "\u200f", "a&b", "x  y", "\xa0", "\x85", "%s", "{}", "0", "ş" * 90, "w " * 110),
)
_TYPED = (
    *(True, False, 0, -3, Decimal("0"), Decimal("1234.50"), MoneyAmount(Decimal("9.9"), "TRY")),
    *(date(2026, 3, 3), datetime(2026, 3, 3, 9, 30, tzinfo=ZoneInfo("Europe/Istanbul"))),
)
#: what cannot be printed, or is left to the engine
_ODD = (ABSENT, {}, {"code": "X"}, [], ["a", "<b>"], 2**70, 1.5, 0.0, MoneyAmount(Decimal("1e40"), "TRY"))
_TEXTS = st.sampled_from(_NASTY) | st.text(max_size=6)
_FINE = _TEXTS | _TEXTS | st.none() | st.sampled_from(_TYPED)
_VALUES = st.integers(0, 30).flatmap(lambda chance: st.sampled_from(_ODD) if chance == 17 else _FINE)
_PRODUCTS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(_NASTY), "url": st.sampled_from((None, "https://x.example/?a=1&b"))}
    ),
    max_size=3,
)
_COUPON = st.fixed_dictionaries({"code": st.sampled_from(_NASTY), "percent": st.sampled_from((None, 5))})
_COUPONS = st.integers(0, 12).flatmap(lambda chance: st.sampled_from((ABSENT, None)) if chance == 7 else _COUPON)

_ODD_FILTERS = ("|date", "|money", "|length", "|nofilter")
_PLAIN_FILTERS = ("", "", "", "|default('dost')", "|upper", "|title", "|truncate(3)")
_FILTERS = st.integers(0, 30).flatmap(lambda chance: st.sampled_from(_ODD_FILTERS if chance == 17 else _PLAIN_FILTERS))
_KNOWN = (*NAMES, "customer.first_name", "coupon.code", "coupon.percent", "brand.name", "shop.name", "locale")
_PATHS = st.integers(0, 40).flatmap(
    lambda chance: st.sampled_from(("nope", "customer") if chance == 17 else (*_KNOWN, "made", "other"))
)
_OPEN = st.sampled_from(("{%", "{%-", "{% ", "{%- ", "{%+ "))
_CLOSE = st.sampled_from(("%}", "-%}", " %}", " -%}"))
_CONDITIONS = st.one_of(
    _PATHS,
    st.builds("not {}".format, _PATHS),
    st.builds("{} and {}".format, _PATHS, _PATHS),
    st.builds("{} or not {}".format, _PATHS, _PATHS),
    st.builds("{} and {} or {}".format, _PATHS, _PATHS, _PATHS),
    st.builds("{} == 'Ayşe'".format, _PATHS),
    st.builds("{} is defined".format, _PATHS),
    st.sampled_from(("recommendations", "commercial and recommendations", "true", "locale == 'tr'")),
)


def _printed(opening: str, path: str, filter_: str, closing: str) -> str:
    return f"{opening}{path}{filter_}{closing}"


_OUTPUTS = st.builds(
    _printed, st.sampled_from(("{{ ", "{{- ", "{{")), _PATHS, _FILTERS, st.sampled_from((" }}", " -}}", "}}"))
)
_NEW = st.sampled_from(("made", "other"))
_DEFINITIONS = st.builds("{} set {} = {} {}".format, _OPEN, _NEW, _PATHS, _CLOSE) | st.builds(
    "{{% set {0} = {{'off': {1}, 'b': 1}} %}}{{{{ {0}.off }}}}{{% set {0} = 1 %}}".format, _NEW, _PATHS
)
_COMMENTS = st.sampled_from(("{# note #}", "{#- note -#}", "{#-#}", "{##}"))


def _choice(parts: tuple[str, str, str, str, str], yes: str, no: str, kind: int) -> str:
    first, opening, closing, second, last = parts
    between = ("", f"{opening} else {closing}{no}", f"{opening} elif {second} {closing}{no}")[kind]
    return f"{opening} if {first} {closing}{yes}{between}{opening} endif {last}"


def _loop(opening: str, closing: str, over: str, body: str) -> str:
    last = "{{ product.name }}{% if not loop.last %}, {% endif %}"
    return f"{opening} for product in {over} {closing}{body}{last}{opening} endfor {closing}"


def _grown(smaller: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    rows = st.lists(smaller, max_size=4).map("".join)
    parts = st.tuples(_CONDITIONS, _OPEN, _CLOSE, _CONDITIONS, _CLOSE)
    return st.one_of(
        st.builds(_choice, parts, rows, rows, st.integers(0, 2)),
        st.builds(
            _loop, _OPEN, _CLOSE, st.sampled_from(("recommendations", "recommendations[:1]", "brand.social")), rows
        ),
        st.builds("{{% set made %}}{}{{% endset %}}{{{{ made }}}}".format, rows),
        st.builds("{{% with other = {} %}}{}{{% endwith %}}".format, _PATHS, rows),
    )


_PIECES = st.recursive(st.one_of(_WORDS, _OUTPUTS, _OUTPUTS, _DEFINITIONS, _COMMENTS), _grown, max_leaves=8)
_MADE_FIRST = "{% set made = 'm' %}{% set other = links.unsubscribe %}"
_TEMPLATES = st.lists(_PIECES, max_size=8).map(lambda pieces: "".join([_MADE_FIRST, *pieces]))
_SHORT = st.lists(_PIECES, max_size=2).map(lambda pieces: "".join(["S ", _MADE_FIRST, *pieces]))
_LINES = st.sampled_from(("S", "Sevgili {{ customer.first_name }}", "{% if commercial %} Selam {% endif %} ")) | _SHORT


@st.composite
def _batches(draw: st.DrawFn) -> tuple[dict[str, object], dict[str, list[object]], int]:
    """What is common, and columns; each name is the one or the other, or neither."""
    count = draw(st.integers(1, 5))
    common: dict[str, object] = {"shop": {"name": "Örnek & <b>"}}
    columns: dict[str, list[object]] = {}
    kinds = {**dict.fromkeys(NAMES, _VALUES), "coupon": _COUPONS, "recommendations": _PRODUCTS}
    if draw(st.booleans()):
        common["subject"] = "mine"
    for name, values in kinds.items():
        how = draw(st.sampled_from((*("column",) * 8, *("same",) * 3, *("common",) * 3, "nowhere")))
        if how == "column":
            columns[name] = draw(st.lists(values, min_size=count, max_size=count))
        elif how == "same":
            columns[name] = [draw(values)] * count
        elif how == "common" and (value := draw(values)) is not ABSENT:
            group, _, field = name.rpartition(".")
            home = common.setdefault(group, {}) if group else common
            assert isinstance(home, dict)
            home[field] = value
    if draw(st.integers(0, 9)) == 7:
        columns["coupon.code"] = draw(st.lists(_VALUES, min_size=count, max_size=count))
    return common, columns, count


@pytest.fixture(scope="module")
def shop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shop")
    (root / "journeys" / "templates").mkdir(parents=True)
    (root / "config").mkdir()
    (root / "config" / "brand.yaml").write_text(
        "name: Örnek\nsocial: [{name: A, url: 'https://a.example'}, {name: B, url: 'https://b.example'}]",
        encoding="utf-8",
    )
    return root


def _store(root: Path, files: Mapping[str, str]) -> TemplateStore:
    for name, source in files.items():
        (root / "journeys" / "templates" / name).write_text(source, encoding="utf-8")
    return TemplateStore(root, Settings(root=root, shop=Shop(locales=("tr", "en"))))


@pytest.mark.parametrize("locale", ["tr", "en"])
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(html=_TEMPLATES, text=_TEMPLATES, subject=_LINES, preheader=_LINES, batch=_batches())
def test_a_batch_in_pieces_is_what_each_recipient_gets_whole(
    shop_folder: Path,
    locale: str,
    html: str,
    text: str,
    subject: str,
    preheader: str,
    batch: tuple[dict[str, object], dict[str, list[object]], int],
) -> None:
    store = _store(shop_folder, {f"a.{locale}.html": "<!doctype html>" + html, f"a.{locale}.txt": text})
    common, columns, count = batch

    try:
        email = store.email("a", locale)
    except TemplateBroken:
        reject()
    hold(email, subject, preheader, common, columns, count)
