"""Points that a shop tells of as spent, by `/v1/events`."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tests.acceptance.small_shop import HOUR, NOON
from tests.rewards.programmes import PROGRAMME
from tests.web.asking import Asked
from tests.web.test_events_in import PLACED, states
from vefa.crm.points import point_moves
from vefa.rewards.points import settle_points

SPENT: dict[str, Any] = {
    "id": "s1",
    "type": "loyalty.redeemed",
    "customer": {"id": "c1"},
    "data": {"points": 20, "order": "1001"},
}


def test_spent_points_are_taken_once_however_often_they_are_told(asked: Asked) -> None:
    told = asked.send(PLACED, SPENT) + asked.send(SPENT)
    settle_points(asked.engine, PROGRAMME, asked.settings.shop, NOON + HOUR)

    moves = asked.rows(sa.select(point_moves.c.kind, point_moves.c.points).order_by(point_moves.c.id))
    assert states(told) == ["new", "new", "known"]
    assert [tuple(row) for row in moves] == [("earn", 25), ("redeem", 20)]


def test_points_that_are_none_and_events_of_our_own_are_refused(asked: Asked) -> None:
    asked.send(PLACED)

    told = asked.send(
        {**SPENT, "data": {"points": "many"}},
        {**SPENT, "data": {}},
        {"id": "x", "type": "loyalty.tier_raised", "customer": {"id": "c1"}},
    )

    assert [each["problem"] for each in told] == [
        "data: points: wrong number",
        "this redemption is not known yet from source shop, and to begin with it needs points",
        "type: loyalty.tier_raised is told by vefa itself and cannot be sent",
    ]
