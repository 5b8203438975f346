"""Journeys with tests on their messages, and what customers make of these."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any

from tests.engine.worlds import MINUTE, NOON, World, email, make_plan, wait
from vefa.database import writing
from vefa.engine.trial_tables import test_decisions
from vefa.language.conditions import Duration
from vefa.ledger.reactions import Reaction, react
from vefa.plan.plans import Plan
from vefa.plan.steps import Trial, Variant
from vefa.plan.ways_in import EveryTrigger

#: Every day at noon by the clock of Istanbul.
DAILY = EveryTrigger("0 12 * * *", None)


def trial(**more: Any) -> Trial:
    """Two subjects on half of them; four hours later the one that was clicked more."""
    variants = (Variant("a", {"tr": "Bir"}), Variant("b", {"tr": "İki"}))
    return replace(Trial(variants, 5_000, Duration(seconds=4 * 3600), "clicked"), **more)


def broadcast(test: Trial | None = None, **more: Any) -> Plan:
    """A letter to everybody each day."""
    keys = {name: more.pop(name) for name in ("not_after", "medium", "subject") if name in more}
    return make_plan(email(test=test or trial(), **keys), trigger=DAILY, **more)


def ordering(test: Trial | None = None) -> Plan:
    """A letter to whoever orders; they stay inside after it."""
    return make_plan(email(test=test or trial(), next="later"), wait("later", None, days=30))


def people(world: World, count: int) -> list[int]:
    """So many customers."""
    return [world.customer(f"c{number}") for number in range(count)]


def live(world: World, plan: Plan, at: datetime = NOON - MINUTE) -> None:
    """Deployed, and looked at once."""
    world.deploy(plan, at)
    world.tick(at)


def subjects(world: World) -> Counter[str]:
    """How many letters went with which subject."""
    return Counter(message.subject for message in world.email.got)


def click(world: World, send: Any, at: datetime, *, scanner: str = "") -> None:
    """Whoever got it follows its link; or a program of theirs does."""
    with writing(world.database) as connection:
        react(connection, Reaction(f"{send.id}.{send.attempt}", "clicked", at, "https://ornek.example/a", scanner))


def tried(world: World, variant: str) -> list[Any]:
    """The messages of the tested part with that variant."""
    return [row for row in world.sends() if row.variant == variant and row.trial is not None]


def trials(world: World) -> list[int]:
    """Every test that anybody was part of."""
    return sorted({row.trial for row in world.sends() if row.trial is not None})


def decision(world: World) -> Any:
    """The only one that was made."""
    (row,) = world.rows(test_decisions)
    return row
