"""The measurements of a big shop run at any size, so that nobody finds them broken on the day they are needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import crm, day_import


def test_every_part_of_the_crm_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = {figure.what: figure for figure in crm.measure(300, 1_500, tmp_path)}

    assert figures["entering by schedule"].rows == 300
    assert figures["entering by segment, re-entry"].rows == 300
    assert figures["segment regulars"].rows > 100
    assert capsys.readouterr().out.count("\n") == len(figures) + 1


def test_a_days_files_go_into_a_shop_that_is_there_already(tmp_path: Path) -> None:
    big, empty = day_import.measure(300, 1_500, tmp_path)

    assert big.rows == empty.rows == 9
    assert "(9 told" in big.what
    assert "(12 told" in empty.what
