"""Rule 17: a mailbox that several records name is written to once for an occurrence, and capped as one."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, time

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, email, make_plan
from vefa.crm.identity import address_key
from vefa.crm.tables import contacts
from vefa.database import writing
from vefa.engine.mailboxes import SAME_MAILBOX
from vefa.language.conditions import Duration
from vefa.plan.policy import Cap, Policy, Withhold
from vefa.plan.ways_in import DateTrigger

WEEKLY = Policy(caps=(Cap("weekly", 2, Duration(days=7), "commercial", withhold=Withhold("skip")),))


def share(world: World, address: str, *people: int) -> None:
    """Give these customers one mailbox, each writing it in a letter case of their own."""
    with writing(world.database) as connection:
        for place, number in enumerate(people):
            written = address.upper() if place % 2 else address
            values = {"address": written, "address_key": address_key(written)}
            connection.execute(sa.update(contacts).where(contacts.c.customer_id == number).values(values))


def outcomes(world: World) -> dict[int, list[tuple[str, str | None]]]:
    found: dict[int, list[tuple[str, str | None]]] = {}
    for row in world.sends():
        found.setdefault(row.customer_id, []).append((row.state, row.reason))
    return found


def birthday(name: str = "thanks"):
    return make_plan(email(), journey=name, trigger=DateTrigger("customer.birth_date", 0, time(9)))


@pytest.mark.rule(17)
def test_a_mailbox_gets_an_occurrence_once_by_the_record_of_the_smallest_number(world: World) -> None:
    day = date(1990, 3, 10)
    first, second, third = (world.customer(birth_date=day) for _ in range(3))
    other = world.customer(birth_date=day)
    share(world, "ayse@ornek.example", first, second, third)
    world.deploy(birthday(), NOON - 2 * DAY)

    world.tick(NOON - DAY)
    world.tick(NOON + HOUR)
    world.tick(NOON + 2 * HOUR)

    held = [("skipped", SAME_MAILBOX)]
    assert outcomes(world) == {first: [("sent", None)], second: held, third: held, other: [("sent", None)]}


@pytest.mark.rule(17)
def test_where_the_first_record_may_not_get_it_the_next_one_does(world: World) -> None:
    day = date(1990, 3, 10)
    silent, willing = world.customer(birth_date=day, consent=False), world.customer(birth_date=day)
    later = world.customer(birth_date=date(1991, 3, 11))
    share(world, "ayse@ornek.example", silent, willing, later)
    world.deploy(birthday(), NOON - 2 * DAY)

    for hours in (-24, 1, 25):
        world.tick(NOON + hours * HOUR)

    states = {number: state for number, [(state, _)] in outcomes(world).items()}
    assert states == {silent: "skipped", willing: "sent", later: "sent"}


@pytest.mark.rule(17)
def test_a_cap_counts_a_mailbox_and_no_orders_mail_is_lost(world: World) -> None:
    world.under(WEEKLY)
    people = [world.customer() for _ in range(3)]
    share(world, "ayse@ornek.example", *people)
    world.deploy(make_plan(email()))
    world.deploy(make_plan(email(purpose="transactional"), journey="order", purpose="transactional"))
    for place, number in enumerate(people):
        world.order(number, NOON + place * MINUTE)

    for name in ("thanks", "order"):
        world.tick(NOON + HOUR, name)

    found = Counter((row.purpose, row.state, row.reason) for row in world.sends())
    assert found == {
        ("commercial", "sent", None): 2,
        ("commercial", "skipped", "cap: weekly"): 1,
        ("transactional", "sent", None): 3,
    }


@pytest.mark.rule(17)
def test_two_workers_at_once_write_to_each_mailbox_within_its_cap(world: World) -> None:
    world.under(Policy(caps=(Cap("one", 1, Duration(days=7), "commercial", withhold=Withhold("skip")),)))
    names = ("thanks", "other")
    for name in names:
        world.deploy(make_plan(email(), journey=name))
    for number in range(8):
        pair = world.customer(), world.customer()
        share(world, f"m{number}@ornek.example", *pair)
        for each in pair:
            world.order(each, NOON)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: world.tick(NOON, name), names))

    sent = Counter(message.to.lower() for message in world.email.got)
    assert len(sent) == 8
    assert set(sent.values()) == {1}
