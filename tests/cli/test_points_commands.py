"""`vefa points` and `vefa report loyalty`, as a person calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.cli.conftest import Vefa, agrees
from vefa.crm.points import point_moves, point_uses
from vefa.database import writing
from vefa.settings import load_settings
from vefa.store import open_store

LOYALTY = """\
starts: 2026-01-01
earn: {points: 1, per: 10 TRY, on: delivered}
expire: {after: 1 year, at_end_of: month, tell: 30 days}
worth: 0.10 TRY
tiers:
  levels:
    - {name: bronze, from: 0, words: {en: Bronze}}
    - {name: silver, from: 27, words: {en: Silver}}
"""
WHEN = ("--now", "2026-03-14T12:00")


@pytest.fixture
def shop(little_shop: Path) -> Path:
    """Three customers with an order each, delivered on 2 March, in a shop with a loyalty programme."""
    settings = little_shop / "config" / "settings.yaml"
    settings.write_text(settings.read_text().replace("country: DE", "country: DE, currency: TRY"))
    (little_shop / "config" / "loyalty.yaml").write_text(LOYALTY)
    return little_shop


def test_a_customers_points_are_told_spent_and_corrected(shop: Path, vefa: Vefa) -> None:
    spent = vefa(shop, "points", "redeem", "B-2", "12", "--key", "R-1", "--order", "1002", *WHEN)
    again = vefa(shop, "points", "redeem", "B-2", "12", "--key", "R-1", "--now", "2026-03-15T12:00")
    taken = vefa(shop, "points", "correct", "B-2", "-3", "--reason", "Counted twice", "--now", "2026-03-16T12:00")
    given = vefa(shop, "points", "correct", "B-2", "20", "--reason", "Sorry", "--key", "S", "--now", "2026-03-16T13:00")
    once = vefa(shop, "points", "correct", "B-2", "20", "--reason", "Sorry", "--key", "S", "--now", "2026-03-16T14:00")
    told = vefa(shop, "points", "show", "bob@ornek.example", "--now", "2026-03-17T12:00")

    assert [each.stdout for each in (spent, again, taken, given, once)] == [
        "Spent. 18 points are left.\n",
        "Spent. 18 points are left.\n",
        "Corrected. They have 15 points now.\n",
        "Corrected. They have 35 points now.\n",
        "Corrected. They have 35 points now.\n",
    ]
    assert told.exit_code == 0, told.output
    agrees("points-show.txt", told.stdout)


def test_nobody_spends_more_than_they_have_or_one_key_twice(shop: Path, vefa: Vefa) -> None:
    vefa(shop, "points", "redeem", "A-1", "5", "--key", "R-1", *WHEN)

    wrong = [
        vefa(shop, "points", "redeem", "A-1", "21", "--key", "R-2", *WHEN),
        vefa(shop, "points", "redeem", "A-1", "6", "--key", "R-1", *WHEN),
        vefa(shop, "points", "redeem", "A-1", "6", "--key", "R-3", "--order", "1002", *WHEN),
        vefa(shop, "points", "redeem", "A-1", "1", "--key", "R-4", "--now", "2026-03-01T12:00"),
        vefa(shop, "points", "correct", "A-1", "0", "--reason", "None", *WHEN),
        vefa(shop, "points", "show", "nobody", *WHEN),
    ]

    assert [each.exit_code for each in wrong] == [1] * 6
    assert [each.stderr.strip() for each in wrong] == [
        "They have 20 points, and 21 cannot be spent.",
        'The key "R-1" stands for another spending already. Take another one.',
        'This customer has no order "1002".',
        "Points of a later moment are posted already: nothing can be added before them.",
        "A correction is of at least one point, and has a reason.",
        "There is no customer with that number or address.",
    ]
    assert json.loads(vefa(shop, "points", "show", "A-1", *WHEN, "--json").stdout)["points"] == 20


def test_a_shop_without_a_programme_has_nothing_to_spend(little_shop: Path, vefa: Vefa) -> None:
    result = vefa(little_shop, "points", "redeem", "A-1", "5", "--key", "R-1", *WHEN)

    assert (result.exit_code, "no loyalty programme" in result.stderr) == (1, True)


def test_the_report_tells_what_came_what_went_and_what_is_owed(shop: Path, vefa: Vefa) -> None:
    settled = vefa(shop, "points", "settle", *WHEN)
    vefa(shop, "points", "redeem", "B-2", "12", "--key", "R-1", *WHEN)

    told = vefa(shop, "report", "loyalty", *WHEN)
    facts = json.loads(vefa(shop, "report", "loyalty", *WHEN, "--json").stdout)

    assert settled.stdout == "3 customers looked at, 3 moves posted, 3 changes of tier.\n"
    agrees("report-loyalty.txt", told.stdout)
    assert (facts["issued"], facts["outstanding"], facts["liability"]) == (57, 45, "4.50")
    assert facts["redemption_rate"] == pytest.approx(12 / 57)


def test_the_check_of_the_ledger_finds_what_a_hand_has_spoilt(shop: Path, vefa: Vefa) -> None:
    vefa(shop, "points", "settle", *WHEN)
    vefa(shop, "points", "redeem", "B-2", "12", "--key", "R-1", *WHEN)
    right = vefa(shop, "points", "check")
    engine = open_store(load_settings(shop))
    with writing(engine) as connection:
        connection.execute(sa.update(point_uses).values(points=40))
        connection.execute(sa.update(point_moves).where(point_moves.c.kind == "redeem").values(points=13))
    engine.dispose()

    wrong = vefa(shop, "points", "check")

    assert (right.exit_code, wrong.exit_code) == (0, 1)
    agrees("points-check.txt", right.stdout)
    agrees("points-check-wrong.txt", wrong.stdout)
