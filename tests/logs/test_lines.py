"""What a log line may hold, and in which form."""

from __future__ import annotations

import ast
import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vefa.database import open_database
from vefa.errors import UserError
from vefa.logs import about, carried, logging_to, traced, words_of

REPOSITORY = Path(__file__).parents[2]
logger = logging.getLogger("vefa.tests")
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Lines]:
    """All lines of the test so far, as JSON on standard error."""
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    with logging_to("json", tmp_path):
        yield lambda: [json.loads(line) for line in said.getvalue().splitlines()]


def test_a_line_has_time_level_sentence_and_what_surrounds_it(lines: Lines) -> None:
    with about(run="house:12:0123abcd", journey="win-back"), about(step="thanks"):
        logger.info("batch settled", extra={"batch": 7, "sent": 100})

    (line,) = lines()
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "vefa.tests",
        "message": "batch settled",
        "journey": "win-back",
        "step": "thanks",
        "run": "house:12:0123abcd",
        "batch": 7,
        "sent": 100,
    }


def test_a_key_that_is_not_in_the_table_does_not_come_in(lines: Lines) -> None:
    logger.info("sent", extra={"address": "ayse@ornek.example", "subject": "It is yours", "sent": 1})

    assert lines()[0].keys() == {"time", "level", "logger", "message", "sent"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("journey", "ayse@ornek.example"),
        ("step", "+905321234567"),
        ("run", "Ayşe"),
        ("batch", "SG.abcdefghijkl"),
        ("sent", {"to": "ayse@ornek.example"}),
        ("place", "Dear Ayşe"),
    ],
)
def test_a_value_that_is_not_of_its_form_does_not_come_in(lines: Lines, key: str, value: object) -> None:
    logger.info("sent", extra={key: value})

    assert lines()[0][key] == "?"


def test_of_a_sentences_arguments_only_numbers_come_in(lines: Lines) -> None:
    logger.info("%d of %s went", 3, "ayse@ornek.example")
    logger.info("to ayse@ornek.example and +905321234567")

    assert [line["message"] for line in lines()] == ["3 of … went", "to <e-mail> and <number>"]


def test_an_error_is_its_kind_and_a_place_of_ours(lines: Lines) -> None:
    try:
        open_database("no such thing ayse@ornek.example")
    except Exception as error:
        logger.error("something broke", exc_info=error)

    (line,) = lines()
    assert line["error"] == "ArgumentError"
    assert line["place"].startswith("vefa/database.py:")
    assert "ornek" not in json.dumps(line)


def test_another_thread_says_whose_work_it_does(lines: Lines) -> None:
    with about(journey="win-back"):
        work = carried(lambda: logger.info("settled"))
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert lines()[0]["journey"] == "win-back"


def test_a_terminal_gets_lines_for_people(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = io.StringIO()
    monkeypatch.setattr(said, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", said)

    with logging_to("stderr", tmp_path), about(run="house:12:0123abcd", journey="win-back"):
        logger.warning("batch settled", extra={"sent": 100})

    assert said.getvalue().partition(" ")[2] == "warning: batch settled  journey=win-back  sent=100\n"


def test_a_file_a_day_takes_the_lines_and_comes_with_the_first(tmp_path: Path) -> None:
    with logging_to("file", tmp_path / "log"):
        assert not (tmp_path / "log").exists()
        logger.info("batch settled")
        logger.info("batch settled")

    (file,) = (tmp_path / "log").iterdir()
    assert file.name.startswith("vefa-20")
    assert len(file.read_text(encoding="utf-8").splitlines()) == 2


def test_inside_another_block_a_line_is_written_once(lines: Lines, tmp_path: Path) -> None:
    with logging_to("json", tmp_path):
        logger.info("batch settled")

    assert len(lines()) == 1


def test_the_words_of_other_libraries_are_left_out_of_a_traceback() -> None:
    def fails() -> None:
        try:
            raise KeyError("Ayşe")
        except KeyError as error:
            raise UserError("There is no journey of that name.") from error

    with pytest.raises(UserError) as caught:
        fails()

    told = traced(caught.value)
    assert "KeyError at test_lines.py:" in told
    assert told.endswith("There is no journey of that name.")
    assert "Ayşe" not in words_of(KeyError("Ayşe"))


def test_every_line_in_the_code_is_a_constant_sentence_with_known_keys() -> None:
    """Nobody can put an address into a sentence that is written down beforehand."""
    from vefa.logs import FIELDS

    wrong = []
    for path in (path for room in ("vefa", "flows", "tasks") for path in (REPOSITORY / room).rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
                continue
            of = call.func.value
            if not (isinstance(of, ast.Name) and of.id == "logger"):
                continue
            keys = {
                key.value
                for word in call.keywords
                if word.arg == "extra"
                for each in ast.walk(word.value)
                if isinstance(each, ast.Dict)
                for key in each.keys
                if isinstance(key, ast.Constant)
            }
            if not isinstance(call.args[0], ast.Constant) or keys - FIELDS.keys():
                wrong.append(f"{path.name}:{call.lineno}")

    assert wrong == []
