"""Two customers become one: nothing is lost, nothing is given twice, and the gone id stays good."""

from __future__ import annotations

from datetime import date, time
from random import Random
from typing import Any

import pytest

from tests.engine.worlds import DAY, HOUR, NOON, World, email, make_plan, wait
from vefa.crm import tables as crm
from vefa.crm.identifiers import customer_aliases, identity_changes
from vefa.crm.points import point_moves
from vefa.database import writing
from vefa.engine.merging import RULES, merge_customers
from vefa.engine.tables import enrolments, journeys, reentry_slots
from vefa.ledger.tables import sends
from vefa.migrations.tables import metadata
from vefa.plan.ways_in import DateTrigger, Reentry

BIRTHDAY = DateTrigger("customer.birth_date", 0, time(12, 5))


def merge(world: World, kept: int, gone: int, at: Any = NOON) -> None:
    with writing(world.database) as connection:
        merge_customers(connection, kept, gone, at)


def test_every_table_with_customers_in_it_has_a_rule_for_a_merge() -> None:
    """Whoever adds a table says what becomes of its rows when two customers become one."""
    with_customers = {
        name
        for name, table in metadata.tables.items()
        if "customer_id" in table.c or any(key.column.table.name == "customers" for key in table.foreign_keys)
    }

    assert with_customers == set(RULES)


@pytest.mark.rule(26)
def test_who_is_twice_in_a_journey_goes_on_once_and_what_was_used_stays_used(world: World) -> None:
    born = date(1990, 3, 10)
    ada = world.customer("Ada", outside_id="1", birth_date=born, sms=False)
    twin = world.customer("Ada", outside_id="2", birth_date=born, city="Bursa", known_at=NOON - 500 * DAY)
    world.deploy(
        make_plan(email("hello", "pause"), wait("pause", "more", days=1), email("more"), trigger=BIRTHDAY), NOON - DAY
    )
    world.tick(NOON + HOUR)
    assert len(world.email.got) == 2

    merge(world, ada, twin, NOON + HOUR)
    world.tick(NOON + 26 * HOUR)
    world.tick(NOON + 27 * HOUR)

    assert len(world.email.got) == 3
    assert [(row.customer_id, row.state, row.reason) for row in world.enrolments()] == [
        (ada, "finished", None),
        (ada, "left", "merged"),
    ]
    assert {row.customer_id for row in world.sends()} == {ada}  # caps count what both got
    (row,) = world.rows(crm.customers)
    assert (row.outside_id, row.city, row.known_at) == ("1", "Bursa", NOON - 500 * DAY)
    assert [(one.outside_id, one.kept) for one in world.rows(customer_aliases)] == [("2", "1")]


def test_re_entry_and_refusals_of_both_hold_for_the_one(world: World) -> None:
    ada, twin = world.customer("Ada"), world.customer("Bea")
    world.deploy(make_plan(email(), reentry=Reentry(once=True)), NOON - DAY)
    world.order(twin, NOON)
    world.tick(NOON)
    world.consent(twin, granted=False, at=NOON - DAY)
    world.consent(ada, granted=True, at=NOON - 2 * DAY)
    same = NOON - 300 * DAY  # both said yes in the same moment
    assert len(world.rows(crm.consents, crm.consents.c.occurred_at == same)) == 2

    merge(world, ada, twin)
    world.order(ada, NOON + HOUR)
    world.tick(NOON + HOUR)

    assert len(world.enrolments()) == 1
    said = world.rows(crm.consents, crm.consents.c.customer_id == ada)
    assert sorted(row.granted for row in said) == [False, True, True]
    assert [row.customer_id for row in world.rows(reentry_slots)] == [ada]
    assert len(world.rows(crm.consents, crm.consents.c.occurred_at == same)) == 1


def test_who_is_erased_is_merged_with_nobody(world: World) -> None:
    ada, gone = world.customer("Ada"), world.customer("Bea", forgotten_at=NOON)

    merge(world, ada, gone)
    merge(world, gone, ada)

    assert len(world.rows(crm.customers)) == 2


def test_a_claim_unites_first_who_turned_out_to_be_one(world: World) -> None:
    """An import may find it between two looks; the older customer's address does not get its message any more."""
    ada = world.customer("Ada", birth_date=date(1990, 3, 10))
    twin = world.customer("Bea", birth_date=date(1990, 3, 10))
    world.deploy(make_plan(email(), trigger=BIRTHDAY), NOON - DAY)
    tick = world.begin(NOON + HOUR)
    tick.enter()
    world.insert(identity_changes, kind="merge", kept_id=ada, gone_id=twin, noted_at=NOON)

    for step in tick.steps():
        tick.advance(step)
    tick.finish()

    assert len(world.email.got) == 1


JOURNEYS = ("wishes", "thanks")


def tick_both(world: World, at: Any) -> None:
    for journey in JOURNEYS:
        world.tick(at, journey)


def play(world: World, ids: list[int], acts: list[tuple[int, int, bool]]) -> int:
    """Orders with points, and looks, in the order of time; how many points were given."""
    for who, hours, looks in sorted(acts, key=lambda act: act[1]):
        order = world.order(ids[who], NOON + hours * HOUR)
        move = {"debit": "issued", "credit": "customer", "points": 5, "kind": "grant", "at": NOON}
        world.insert(point_moves, key=f"t{order}", customer_id=ids[who], posted_at=NOON, **move)
        if looks:
            tick_both(world, NOON + hours * HOUR)
    return 5 * len(acts)


@pytest.mark.rule(26)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seed", range(4))
def test_a_merge_gives_nothing_twice_and_loses_nothing(world: World, seed: int) -> None:
    """Birthdays and orders of three customers, looks at random moments, then a merge of two of them."""
    world.deploy(make_plan(email("wish"), journey="wishes", trigger=BIRTHDAY), NOON - DAY)
    world.deploy(make_plan(email("placed", "pause"), wait("pause", "later", hours=1), email("later")), NOON - DAY)

    chance = Random(seed)
    acts = [(chance.randrange(3), chance.randrange(4), chance.random() < 0.5) for _ in range(5)]
    which = chance.sample(range(3), 3)
    ids = [world.customer(f"K{n}", birth_date=date(1990, 3, 10)) for n in range(3)]
    given_points = play(world, ids, acts)
    kept, gone = ids[which[0]], ids[which[1]]
    both = enrolments.c.customer_id.in_((kept, gone))
    used = {(row.journey_id, row.entry_key) for row in world.rows(enrolments, both)}
    ledger = len(world.rows(sends, sends.c.customer_id.in_((kept, gone))))
    seen = len(world.rows(sends, sends.c.customer_id == kept, sends.c.state == "sent"))

    merge(world, kept, gone, NOON + 4 * HOUR)

    mine = world.rows(enrolments, enrolments.c.customer_id == kept)
    assert used <= {(row.journey_id, row.entry_key) for row in mine}
    mail = world.rows(sends, sends.c.customer_id == kept)
    assert len(mail) == ledger
    wished = [row for row in mail if row.state == "sent" and row.journey_id == _journey(world, "wishes")]
    moves = world.rows(point_moves, point_moves.c.customer_id.in_(ids))
    assert sum(row.points for row in moves) == given_points
    for hours in (5, 7):
        tick_both(world, NOON + hours * HOUR)
    gone_out = world.rows(sends, sends.c.customer_id == kept, sends.c.state == "sent")
    wishes = [row for row in gone_out if row.journey_id == _journey(world, "wishes")]
    assert len(wishes) == max(len(wished), 1)
    others = [row for row in gone_out if row not in wishes]
    orders = sum(1 for who, _, _ in acts if ids[who] in (kept, gone))
    assert len(others) == len({(row.enrolment_id, row.step) for row in others}) == 2 * orders
    assert len(gone_out) >= seen


def _journey(world: World, name: str) -> int:
    (row,) = world.rows(journeys, journeys.c.name == name)
    return int(row.id)
