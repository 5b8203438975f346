"""What customers answered and wrote, on the terminal and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.cli.conftest import Vefa
from tests.conftest import REPOSITORY
from tests.engine.worlds import DAY, NOON
from vefa.crm.tables import customers, survey_answers
from vefa.database import writing
from vefa.settings import load_settings
from vefa.store import open_store

WHEN = ("--now", "2026-03-10T12:00")


@pytest.fixture
def answered(little_root: Path) -> Path:
    """A shop with two answers that came from outside, and the table of themes that comes with the project."""
    themes = (REPOSITORY / "config" / "themes.yaml").read_text(encoding="utf-8")
    (little_root / "config" / "themes.yaml").write_text(themes, encoding="utf-8")
    engine = open_store(load_settings(little_root))
    with writing(engine) as connection:
        one = {"id": 1, "outside_id": "a", "zone": "Europe/Istanbul", "known_at": NOON - 9 * DAY, "bucket": 1}
        connection.execute(sa.insert(customers).values(one))
        for number, (score, comment) in enumerate(((10, "Kargo çok hızlı geldi"), (2, "kutu ezilmişti")), 1):
            row = {"source": "shop", "outside_id": str(number), "customer_id": 1, "survey": "nps", "score": score}
            row |= {"comment": comment, "answered_at": NOON - DAY, "answered_known_at": NOON - DAY}
            connection.execute(sa.insert(survey_answers).values(row))
    engine.dispose()
    return little_root


def test_feedback_tells_the_score_of_each_survey(answered: Path, vefa: Vefa) -> None:
    shown, told = (vefa(answered, "report", "feedback", *WHEN, *more) for more in ((), ("--json",)))

    assert "NPS +0 (1 promoters, 1 detractors)" in shown.stdout
    (row,) = json.loads(told.stdout)["rows"]
    assert (row["survey"], row["journey"], row["answers"], row["nps"], row["rate"]) == ("nps", None, 2, 0, None)


def test_themes_tells_what_is_spoken_of(answered: Path, vefa: Vefa) -> None:
    shown, told = (vefa(answered, "report", "themes", *WHEN, *more) for more in ((), ("--weeks", "2", "--json")))

    assert "2 texts since 19.01.2026; 0 speak of none of these." in shown.stdout
    found = {row["theme"]: (row["texts"], row["unhappy"], row["weeks"]) for row in json.loads(told.stdout)["themes"]}
    assert found["delivery-time"] == (1, 0, [0, 1])
    assert found["packaging"] == (1, 1, [0, 1])


def test_themes_without_a_table_says_where_it_stands(little_root: Path, vefa: Vefa) -> None:
    result = vefa(little_root, "report", "themes", *WHEN)

    assert result.exit_code == 1
    assert "config/themes.yaml names no themes" in " ".join(result.output.split())


def test_feedback_of_a_shop_that_asked_nothing_says_so(little_root: Path, vefa: Vefa) -> None:
    assert "Nothing was asked, and nothing answered." in vefa(little_root, "report", "feedback", *WHEN).stdout
