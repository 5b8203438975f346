"""The small form: three machines, twelve thousand customers, one machine lost.

`python -m tests.machines` is the long one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.machines.story import Plot, tell_story

pytestmark = [
    pytest.mark.prefect,
    # Prefect's clients leave sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
]
PEOPLE, REQUEST = 12_000, 1_000


@pytest.mark.rule(13)
@pytest.mark.rule(14)
def test_a_machine_that_dies_in_the_middle_of_a_shared_sending_doubles_nobody_and_loses_nobody(
    prefect_server: str, shop_root: Path, new_postgresql: Callable[[str | None], str], _postgresql_template: str
) -> None:
    figures = tell_story(Plot(PEOPLE), shop_root, new_postgresql(_postgresql_template), prefect_server)

    in_doubt = figures.states["unknown"]
    assert figures.taken_twice == 0
    assert figures.states == {"sent": PEOPLE - in_doubt, "unknown": in_doubt}
    assert 0 < in_doubt == figures.claimed_by_the_dead <= REQUEST
    assert figures.enrolments == {"finished": PEOPLE - in_doubt, "active": in_doubt}
    assert {"machine-1", "machine-2", "machine-3"} - {figures.died} <= set(figures.sent_by)
    assert [said.partition(":")[0] for said in figures.said] == ["Completed", "Completed"]
