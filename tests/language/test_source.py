"""A file as values, with the place of each."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from vefa.language.problems import Problem, ProblemsError, nearest, render
from vefa.language.source import Span, read_file, read_text

TEXT = """\
name: Thank-you
steps:
  - email: thanks
    subject: {tr: "Merhaba", en: 'Hello'}
  - wait: {for: 1 day, at: 10:30}
"""


def test_every_key_and_value_has_its_place() -> None:
    """Line, column and length, of both."""
    source = read_text(TEXT, "journeys/x.yaml")

    assert source.span(("name",)) == Span(0, 6, 9)
    assert source.span(("name",), "key") == Span(0, 0, 4)
    assert source.span(("steps", 0, "subject", "en")) == Span(3, 33, 7)
    assert source.span(("steps", 0)) == Span(2, 4, 5)
    assert source.span(("steps", 1, "wait", "at"), "key") == Span(4, 23, 2)


def test_what_does_not_stand_has_the_place_of_the_nearest_thing_around_it() -> None:
    """A missing key is told of at its group."""
    assert read_text(TEXT, "x").span(("steps", 1, "wait", "until")) == Span(4, 4, 4)


def test_text_stays_text_unless_it_is_a_number_or_a_truth() -> None:
    """YAML 1.2, and no dates, octals or thousands."""
    text = "a: 10:30\nb: on\nc: no\nd: 012\ne: 2026-01-01\nf: 3.50\ng: true\nh: ~\ni: '5'\nj: 1_000\nk: 0x1f\nl: 1e3\n"

    values = read_text(text, "x").value

    assert list(values.values()) == [
        "10:30",
        "on",
        "no",
        12,
        "2026-01-01",
        Decimal("3.50"),
        True,
        None,
        "5",
        "1_000",
        "0x1f",
        "1e3",
    ]


def test_a_caret_stands_under_the_culprit_also_after_wide_letters() -> None:
    """Columns of the terminal, not letters."""
    source = read_text("a: {ürün: 漢字, b: x}\n", "x.yaml")
    source.report(("a", "b"), "wrong", "Write y.")

    assert render(source.problems).splitlines() == [
        "x.yaml:1:18  a > b",
        "  1 | a: {ürün: 漢字, b: x}",
        "    |                    ^ wrong. Write y.",
    ]


def test_a_file_that_is_no_text_is_told_of_and_not_read(tmp_path: Path) -> None:
    """As is one that cannot be opened."""
    (tmp_path / "latin.yaml").write_bytes("name: Müşteri".encode("iso-8859-9"))
    (tmp_path / "folder.yaml").mkdir()

    latin = read_file(tmp_path / "latin.yaml", tmp_path)
    folder = read_file(tmp_path / "folder.yaml", tmp_path)

    assert [problem.render() for problem in latin.problems] == [
        "latin.yaml\n  the file is not UTF-8 text. Save it as UTF-8."
    ]
    assert folder.problems[0].message.startswith("the file cannot be read")
    assert not latin.usable
    assert not folder.usable


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    """Files come from all kinds of editors."""
    (tmp_path / "x.yaml").write_bytes(b"\xef\xbb\xbfname: x\r\nsteps: []\r\n")

    source = read_file(tmp_path / "x.yaml", tmp_path)

    assert source.value == {"name": "x", "steps": []}
    assert source.span(("steps",), "key") == Span(1, 0, 5)


def test_nothing_that_a_file_holds_can_exhaust_the_reader() -> None:
    """Neither depth nor aliases of aliases."""
    deep = read_text("a: " + "[" * 1000 + "]" * 1000, "x")
    laughs = read_text("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "x")

    assert deep.problems
    assert [problem.line for problem in laughs.problems] == [1, 2]


def test_problems_are_told_together_in_the_order_of_their_places() -> None:
    """Each once."""
    first = Problem("a.yaml", 2, 1, 1, "", "one")
    second = Problem("a.yaml", 10, 1, 1, "", "two")

    error = ProblemsError([second, first, second])

    assert error.problems == (first, second)
    assert str(error) == f"{first.render()}\n\n{second.render()}"


def test_the_nearest_word_is_found_whatever_its_case_and_dashes() -> None:
    """And none where nothing is near."""
    assert nearest("Go-To", ["go_to", "stop"]) == "go_to"
    assert nearest("subjct", ["subject", "id"]) == "subject"
    assert nearest("xyz", ["subject", "id"]) is None
