"""`whenever` when something comes between: a crash, a deploy, a restore (rule 25)."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.cares import OPENED, answer, awake, care, complain, happened, notes, tell
from tests.engine.worlds import HOUR, MINUTE, NOON, World, email, make_plan, wait
from vefa.clock import stopped_at
from vefa.crm.tables import tags
from vefa.engine import asides
from vefa.engine.plans import PlanRefused
from vefa.engine.restoring import close_gap
from vefa.plan.steps import Tag


class CutOff(Exception):
    """The process ends here."""


@pytest.mark.rule(25)
def test_a_walk_that_is_cut_off_loses_and_doubles_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends after each of its transactions in turn; the next walk makes it good."""
    chain = (
        Tag("whenever/tag-a", "tag-a", "whenever/tell", "a"),
        tell(next="whenever/tag-b"),
        Tag("whenever/tag-b", "tag-b", None, "b"),
    )
    world.deploy(care(*chain))
    ada = world.customer()
    ticket = complain(world, ada)
    world.tick(NOON)
    for hours in (1, 2):
        happened(world, ada, ticket, NOON + hours * HOUR)

    original = asides.writing
    for allowed in range(30):
        left = count(allowed, -1)

        def writing(engine: sa.Engine, left: Any = left) -> Any:
            if next(left) <= 0:
                raise CutOff
            return original(engine)

        with monkeypatch.context() as patch, suppress(CutOff):
            for module in ("asides", "stands", "messages", "doubts", "steps", "delivery", "claiming", "settling"):
                patch.setattr(f"vefa.engine.{module}.writing", writing)
            world.tick(NOON + 3 * HOUR + allowed * timedelta(minutes=11))
            break

    assert [row.state for row in world.sends()] == ["sent", "sent"]
    assert sorted(row.tag for row in world.rows(tags)) == ["a", "b"]
    assert (notes(world), len(world.email.got)) == (["done", "done"], 2)


@pytest.mark.rule(25)
@pytest.mark.rule(21)
def test_after_a_deploy_events_go_on_and_the_same_template_goes_for_each(world: World) -> None:
    world.deploy(care())
    ada = world.customer()
    ticket = complain(world, ada)
    world.tick(NOON)
    happened(world, ada, ticket, NOON + HOUR)
    world.tick(NOON + HOUR)
    world.deploy(care(tell(subject={"tr": "Yeni"}), own=(wait("rest", "bye", days=30), email("bye"))), NOON + HOUR)
    happened(world, ada, ticket, NOON + 2 * HOUR)

    world.tick(NOON + 2 * HOUR)

    assert [row.state for row in world.sends()] == ["sent", "sent"]
    assert [message.subject for message in world.email.got] == ["Merhaba", "Yeni"]


@pytest.mark.rule(25)
@pytest.mark.rule(21)
def test_a_deploy_that_takes_a_step_away_under_a_waiting_message_must_say_what_becomes_of_it(world: World) -> None:
    world.under(awake(18))
    world.deploy(care())
    ticket = complain(world, world.customer())
    world.tick(NOON)
    answer(world, ticket, NOON + HOUR)
    world.tick(NOON + HOUR)
    without = make_plan(wait("rest", None, days=30), trigger=OPENED)

    with pytest.raises(PlanRefused, match='"tell" \\(1\\)'):
        world.deploy(without, NOON + 2 * HOUR)
    world.deploy(without, NOON + 2 * HOUR, "migrate")
    world.tick(NOON + 6 * HOUR)

    assert (world.send().state, world.send().reason) == ("skipped", "left: their step was removed")
    assert world.enrolment().state == "active"


@pytest.mark.rule(25)
@pytest.mark.rule(21)
def test_finish_old_keeps_the_old_steps(world: World) -> None:
    world.deploy(care())
    ticket = complain(world, world.customer())
    world.tick(NOON)
    world.deploy(make_plan(wait("rest", None, days=30), trigger=OPENED), NOON + MINUTE, "finish_old")
    answer(world, ticket, NOON + HOUR)

    world.tick(NOON + HOUR)

    assert world.send().state == "sent"


@pytest.mark.rule(25)
def test_after_a_restore_what_may_have_been_told_is_not_told_again(world: World) -> None:
    """A commercial message of the gap is written off, a transactional one of the last day goes (rule 14)."""
    world.deploy(care(tell("news", "whenever/tell", purpose="commercial"), tell()))
    ticket = complain(world, world.customer())
    world.tick(NOON)
    answer(world, ticket, NOON + HOUR)

    close_gap(world.shop, NOON, now=NOON + 2 * HOUR, owner="test", wall=stopped_at(NOON + 2 * HOUR))
    world.tick(NOON + 2 * HOUR)

    assert [(row.purpose, row.state) for row in world.sends()] == [("commercial", "skipped"), ("transactional", "sent")]
    assert world.enrolment().state == "active"
