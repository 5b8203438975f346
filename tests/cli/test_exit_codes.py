"""0 right, 1 the user's mistake in a sentence, 2 ours with the details in a log and nothing private on screen."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.cli.conftest import Vefa
from vefa.logs import masked


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("explain", "delivery-thank-yuo"), 'Did you mean "delivery-thank-you"?'),
        (("run", "nope"), 'There is no journey "nope"'),
        (("run", "--now", "yesterday"), '--now "yesterday" is no moment'),
        (("run", "--now", "2026-03-02", "--until", "2026-03-01"), "--until lies before --now"),
        (("run", "--until", "2036-03-01", "--every", "0h"), '--every "0h" is no length of time'),
        (("why", "Z-9"), "There is no customer with that number or address."),
        (("why", "A-1", "delivery"), 'No journey "delivery" has ever run.'),
        (("import", "nothing", "x.csv"), "mporter"),
        (("outbox", "--last", "none"), "--last"),
        (("statsu",), "status"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_1(
    little_shop: Path, vefa: Vefa, arguments: tuple[str, ...], sentence: str
) -> None:
    result = vefa(little_shop, *arguments)

    assert result.exit_code == 1
    assert sentence in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert not (little_shop / "var" / "log").exists()


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path: Path, vefa: Vefa) -> None:
    result = vefa(tmp_path / "nowhere", "check")

    assert result.exit_code == 1
    assert "there is no such folder" in " ".join(result.stderr.split())


def test_check_fails_on_an_error_and_shows_where(little_root: Path, vefa: Vefa) -> None:
    file = little_root / "journeys" / "delivery-thank-you.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("subject:", "subjct:"), encoding="utf-8")

    result = vefa(little_root, "check")

    assert result.exit_code == 1
    assert "journeys/delivery-thank-you.yaml:" in result.stdout
    assert 'Did you mean "subject"?' in result.stdout
    assert "^^^^^^" in result.stdout


def test_check_passes_a_shop_without_mistakes(little_root: Path, vefa: Vefa) -> None:
    result = vefa(little_root, "check")

    assert result.exit_code == 0
    assert "1 journey checked: nothing to mend." in result.stdout


def test_a_broken_journey_stops_no_other_and_is_told(little_shop: Path, vefa: Vefa) -> None:
    (little_shop / "journeys" / "broken.yaml").write_text("name: Broken\nsteps: [{emial: x}]\n", encoding="utf-8")

    result = vefa(little_shop, "run", "--now", "2026-03-04T12:00")

    assert result.exit_code == 0
    assert "broken has mistakes" in result.stderr


def test_a_fault_of_ours_is_one_line_here_and_the_rest_in_a_log(little_shop: Path, vefa: Vefa) -> None:
    engine = sa.create_engine(f"sqlite:///{little_shop / 'var' / 'vefa.db'}")
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE considered"))
    engine.dispose()
    vefa(little_shop, "run", "--now", "2026-03-01T12:00")

    result = vefa(little_shop, "why", "ayse@ornek.example")

    assert result.exit_code == 2
    assert "ayse" not in result.output
    assert "Traceback" not in result.output
    log = (little_shop / "var" / "log" / "vefa-error.log").read_text(encoding="utf-8")
    assert "Traceback" in log
    assert "ayse@ornek.example" not in log


def test_the_log_holds_no_address_number_or_password() -> None:
    told = masked("to ayse@ornek.example or +905321234567 by postgresql://vefa:secret@db/x with SG.abcdefghijkl.mnop")

    assert told == "to <e-mail> or <number> by postgresql://vefa:<password>@db/x with <key>"


def test_stopping_by_hand_says_how_to_go_on(little_shop: Path, vefa: Vefa, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vefa.store.open_store", stop)

    result = vefa(little_shop, "status")

    assert result.exit_code == 130
    assert "the same command goes on from there" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_without_arguments_the_help_is_shown(vefa: Vefa, arguments: tuple[str, ...]) -> None:
    result = vefa(None, *arguments)

    assert result.exit_code == 0
    assert "Post-purchase journeys as code" in result.output


def test_the_real_command_starts_fast_without_heavy_libraries() -> None:
    """One real process: its version, its time, and what it has not loaded."""
    heavy = "{'pandas', 'sendgrid', 'twilio', 'prefect', 'sqlalchemy', 'pydantic'}"
    code = (
        "import sys; from vefa.cli.app import app\n"
        "try: app(['--help'])\n"
        f"finally: print(sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    )
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    seconds = time.monotonic() - begin

    assert "explain" in done.stdout
    assert done.stderr.strip() == "[]"
    assert seconds < 10  # about 0.3 s on a machine with nothing else to do


def test_the_installed_command_says_its_version() -> None:
    command = Path(sys.executable).with_name("vefa")
    done = subprocess.run([str(command), "--version"], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.startswith("vefa ")
