"""The small form: four kills on each database with one worker and with two, and each fault once (rules 13 to 17).

`make chaos` is the long one; the judge is the same.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.chaos.__main__ import new_database
from tests.chaos.driver import shop_in_chaos
from tests.chaos.plan import KILLED, draw, faults_on

PEOPLE, BUYERS, KILLS = 40, 15, 4
CASES = [("sqlite", 1), ("sqlite", 2), ("postgresql", 1), ("postgresql", 2)]


@pytest.mark.rule(13)
@pytest.mark.rule(14)
@pytest.mark.rule(15)
@pytest.mark.parametrize(("kind", "workers"), CASES)
def test_whatever_befalls_the_sending_processes_nothing_is_doubled_and_nobody_lost(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, workers: int
) -> None:
    chance = Random(20260310)
    server = request.getfixturevalue("server") if kind == "postgresql" else None
    # Each fault once on each database, half of them with one process at work and half with two.
    faults = [name for place, name in enumerate(faults_on(kind, workers)) if place % 2 == workers - 1]
    plan = [blow for blow in draw(chance, kind, workers, KILLS, 1) if blow[0] in KILLED or blow[0] in faults]

    with (
        new_database(kind, tmp_path, server) as database,
        shop_in_chaos(tmp_path, database, workers, chance, PEOPLE, BUYERS) as chaos,
    ):
        for name, blow in plan:
            chaos.suffer(name, blow)
        figures = chaos.finish()

    assert figures.orders > PEOPLE
    assert sum(figures.rounds[name] for name in KILLED) == KILLS
    assert set(faults) <= set(figures.rounds)
