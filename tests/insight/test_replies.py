"""How soon tickets are answered, beside what customers expect."""

from __future__ import annotations

import pytest

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World
from vefa.crm.tables import tickets
from vefa.database import reading
from vefa.insight.proportions import Share
from vefa.insight.replies import EXPECTED, Replies, replies


def found(world: World, by: str | None = None) -> tuple[Replies, ...]:
    with reading(world.database) as connection:
        return replies(connection, NOON - 30 * DAY, NOON, by)


def test_the_expectations_are_of_everybody() -> None:
    assert sum(share for _, _, share in EXPECTED) == 100


def test_each_bound_counts_those_that_can_be_judged_by_it(world: World) -> None:
    who = world.customer()
    opened = NOON - 2 * DAY
    for minutes in (1, 4, 20, 50, 600):
        answered = opened + minutes * MINUTE
        world.fact(tickets, "ticket", customer_id=who, opened_at=opened, answered_at=answered)
    world.fact(tickets, "ticket", customer_id=who, opened_at=NOON - 10 * MINUTE)
    world.fact(tickets, "ticket", customer_id=who, opened_at=NOON - 31 * DAY)

    (one,) = found(world)

    assert (one.tickets, one.answered, one.waiting) == (6, 5, 1)
    assert [bound.answered for bound in one.bounds] == [
        Share(1, 6),
        Share(2, 6),
        Share(3, 5),
        Share(4, 5),
        Share(5, 5),
        Share(5, 5),
        Share(5, 6),
    ]
    assert one.content == pytest.approx(
        (31 * 1 / 6 + 40 * 2 / 6 + 11 * 3 / 5 + 5 * 4 / 5 + 10 * 1 + 1 * 1 + 2 * 5 / 6) / 100
    )


def test_an_answer_that_is_not_known_yet_does_not_count(world: World) -> None:
    late = {"answered_at": NOON - HOUR, "answered_known_at": NOON + HOUR}
    world.fact(tickets, "ticket", customer_id=world.customer(), opened_at=NOON - 2 * HOUR, **late)

    (one,) = found(world)

    assert (one.answered, one.waiting) == (0, 1)


def test_by_agent(world: World) -> None:
    who = world.customer()
    for agent in ("Elif", "Elif", None):
        world.fact(tickets, "ticket", customer_id=who, opened_at=NOON - HOUR, agent=agent)

    assert [(each.of, each.tickets) for each in found(world, "agent")] == [("Elif", 2), ("·", 1)]
