"""Tests on messages when something comes between: a crash, other words, another worker, one request for many."""

from __future__ import annotations

from datetime import time

import pytest

from tests.engine.trying import (
    broadcast,
    click,
    decision,
    live,
    people,
    subjects,
    trial,
    tried,
)
from tests.engine.worlds import HOUR, NOON, Mailbox, World
from vefa.channels.base import Accepted, BulkEmail
from vefa.database import writing
from vefa.engine.shop import open_shop
from vefa.engine.trial_tables import test_decisions
from vefa.engine.trials import Run
from vefa.plan.policy import Policy, QuietHours, Rule
from vefa.plan.steps import Variant


def test_a_worker_that_dies_leaves_a_test_that_goes_on(world: World) -> None:
    people(world, 30)
    live(world, broadcast())
    world.email.script.append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        world.tick(NOON)

    world.tick(NOON + HOUR, wall=NOON + HOUR)
    world.tick(NOON + 5 * HOUR, wall=NOON + 5 * HOUR)

    assert len(world.rows(test_decisions)) == 1
    assert len(world.sends()) == 30
    assert len({message.to for message in world.email.got}) == len(world.email.got)


def test_words_are_live_and_the_variants_of_those_inside_are_pinned(world: World) -> None:
    """A slip in a subject can be mended while a wave waits (rule 20)."""
    people(world, 20)
    live(world, broadcast())
    world.tick(NOON)
    mended = trial(variants=(Variant("a", {"tr": "Biir"}), Variant("b", {"tr": "İkii"})))
    world.deploy(broadcast(mended), NOON + HOUR, "finish_old")

    world.tick(NOON + 4 * HOUR)

    assert set(subjects(world)) == {"Bir", "İki", "Biir"}


class Bulk(Mailbox):
    """A letter box that takes many letters in one request, as a provider's does."""

    def deliver_bulk(self, bulk: BulkEmail) -> list[Accepted]:
        self.got.append([bulk.email(n) for n in range(len(bulk))])
        return [Accepted(f"p-{ref}") for ref in bulk.refs]


def test_one_request_holds_letters_of_one_variant(world: World) -> None:
    """Also where letters were put off and are gathered again without regard to their variants."""
    box = Bulk("email", "post", 1_000)
    hours = Policy(rules=(Rule("commercial", "email", consent=True, quiet=QuietHours(time(11), time(13))),))
    channels = {"email": box, "sms": world.sms}
    world.shop = open_shop(world.settings, database=world.database, channels=channels, policy=hours)
    people(world, 30)
    live(world, broadcast(trial(share=10_000)))
    world.tick(NOON)
    assert box.got == []

    world.tick(NOON + HOUR)

    assert [len({letter.subject for letter in letters}) for letters in box.got] == [1, 1]
    assert sum(map(len, box.got)) == 30


def test_of_two_who_decide_at_once_the_first_has_the_last_word(world: World) -> None:
    people(world, 30)
    live(world, broadcast())
    world.tick(NOON)
    first, second = (tried(world, name)[0] for name in ("a", "b"))
    run = Run(first.journey_id, first.step, first.trial, trial(), is_wave=True)
    click(world, first, NOON + HOUR)
    with writing(world.database) as connection:
        one = run.decision(connection, first.plan_id, NOON + 4 * HOUR)
    for send in tried(world, "b"):
        click(world, send, NOON + 3 * HOUR)
    with writing(world.database) as connection:
        other = run.decision(connection, first.plan_id, NOON + 4 * HOUR)

    assert (one, other, second.variant) == ("a", "a", "b")
    assert decision(world).counts["b"][1] == 0
