"""While a complaint or question of theirs is open, nobody gets offers (policy `open_ticket`)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, email, make_plan
from vefa.crm.tables import tickets
from vefa.language.conditions import Duration
from vefa.plan.policy import Policy, Withhold


def begin(world: World, *, policy: Policy | None = None, purpose: str = "commercial") -> tuple[int, int]:
    """A customer with an open ticket for whom a message is due; both numbers."""
    world.under(policy or Policy())
    world.deploy(make_plan(email(purpose=purpose)))
    who = world.customer()
    ticket = world.fact(tickets, "ticket", customer_id=who, opened_at=NOON - HOUR)
    world.order(who, NOON + MINUTE)
    world.tick(NOON + 2 * MINUTE)
    return who, ticket


@pytest.mark.rule(15)
def test_an_offer_waits_until_the_ticket_is_resolved(world: World) -> None:
    _, ticket = begin(world)
    assert (world.send().state, world.send().reason) == ("queued", "open ticket")

    world.change(tickets, "ticket", ticket, resolved_at=NOON + DAY)
    world.tick(NOON + DAY + HOUR)

    assert world.send().state == "sent"


@pytest.mark.rule(15)
def test_an_offer_that_has_waited_too_long_is_dropped(world: World) -> None:
    begin(world)
    for hours in range(1, 3 * 24 + 2):
        world.tick(NOON + 2 * MINUTE + hours * HOUR)

    assert (world.send().state, world.send().reason) == ("skipped", "expired (open ticket)")
    assert world.email.got == []


@pytest.mark.parametrize(
    ("policy", "state"),
    [
        (Policy(open_ticket=None), "sent"),
        (Policy(open_ticket=Withhold("skip")), "skipped"),
        (Policy(open_ticket=Withhold("drop_after", Duration(1))), "queued"),
    ],
)
def test_what_the_policy_says(world: World, policy: Policy, state: str) -> None:
    begin(world, policy=policy)

    assert world.send().state == state


def test_what_they_must_know_comes_all_the_same(world: World) -> None:
    begin(world, purpose="transactional")

    assert world.send().state == "sent"


def test_another_one_s_ticket_and_one_that_is_resolved_hold_nothing(world: World) -> None:
    world.deploy(make_plan(email()))
    ada, grace = world.customer(), world.customer()
    world.fact(tickets, "ticket", customer_id=grace, opened_at=NOON - HOUR)
    resolved = NOON - timedelta(minutes=5)
    world.fact(tickets, "ticket", customer_id=ada, opened_at=NOON - HOUR, resolved_at=resolved)
    world.order(ada, NOON + MINUTE)
    world.tick(NOON + 2 * MINUTE)

    assert world.send().state == "sent"
