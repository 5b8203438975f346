"""Pools, exports and the report of coupons on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Vefa

POOLS = "pools:\n  spring: {percent: 10, valid: 14 days}\n  summer: {free_shipping: yes, valid_until: 2026-09-30}\n"


@pytest.fixture
def shop(little_root: Path) -> Path:
    (little_root / "config" / "coupons.yaml").write_text(POOLS, encoding="utf-8")
    return little_root


def test_codes_are_brought_in_once_and_what_does_not_fit_is_told_with_its_line(shop: Path, vefa: Vefa) -> None:
    file = shop / "codes.csv"
    file.write_text("no;code\n1;AB-1\n2;AB-2\n3;ab-1\n4;ab 9\n5;\n\n7;AB-7\n", encoding="utf-8")
    first = vefa(shop, "coupons", "import", "spring", str(file))
    again = json.loads(vefa(shop, "coupons", "import", "spring", str(file), "--json").stdout)
    other = json.loads(vefa(shop, "coupons", "import", "summer", str(file), "--json").stdout)
    (stock,) = json.loads(vefa(shop, "coupons", "pools", "--json").stdout)

    assert first.stdout.splitlines() == [
        "spring: 3 new codes, 0 known already; 3 are free now.",
        "codes.csv:4: stands on line 2 already",
        "codes.csv:5: no code that can be typed: 3 to 64 letters A-Z, digits and . _ + # -, without spaces",
        "codes.csv:6: no code",
    ]
    assert (again["new"], again["known"], again["free"]) == (0, 3, 3)
    assert other["new"] == 0 and {"line": 8, "why": 'is in the pool "spring"'} in other["misfits"]
    assert (stock["pool"], stock["codes"], stock["free"], stock["given"]) == ("spring", 3, 3, 0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("import", "sprng", "x.csv"), 'There is no pool "sprng" in config/coupons.yaml. Did you mean "spring"?'),
        (("import", "spring", "no-such.csv"), "cannot be read"),
        (("export", "x.csv", "--new", "--since", "2026-01-01"), "Say either --new or --since."),
        (("export", "nowhere/x.csv"), "there is no folder nowhere"),
        (("push",), "names no url of the checkout"),
    ],
)
def test_a_slip_is_told_in_a_sentence(shop: Path, vefa: Vefa, words: tuple[str, ...], said: str) -> None:
    result = vefa(shop, "coupons", *words)

    assert result.exit_code == 1
    assert said in " ".join(result.output.split())


def test_a_file_of_several_columns_says_which_holds_the_code(shop: Path, vefa: Vefa) -> None:
    (shop / "codes.csv").write_text("1,AB-1\n2,AB-2\n", encoding="utf-8")

    told = vefa(shop, "coupons", "import", "spring", str(shop / "codes.csv")).output

    assert "no column is called code" in " ".join(told.split())


def test_where_nothing_was_given_there_is_nothing_to_tell(shop: Path, vefa: Vefa) -> None:
    target = shop / "new.csv"

    assert vefa(shop, "report", "coupons").stdout.strip() == "No coupon has been given yet."
    assert vefa(shop, "coupons", "export", str(target), "--new").stdout.startswith("There is nothing new")
    assert not target.exists()
    assert json.loads(vefa(shop, "report", "coupons", "--json").stdout)["steps"] == []


def test_a_checkout_with_a_url_and_no_key_is_told_by_check(shop: Path, vefa: Vefa) -> None:
    (shop / "config" / "coupons.yaml").write_text("checkout: {url: https://x.example/codes}\n", encoding="utf-8")

    assert "VEFA_CHECKOUT_SECRET, which signs, is not set" in " ".join(vefa(shop, "check").output.split())
