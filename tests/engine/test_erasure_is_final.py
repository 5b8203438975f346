"""Nothing from before an erasure brings anybody back, by whatever door and in whatever order it comes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, NOON, World
from tests.importers.small_sources import one_table_map, write_csv
from vefa.crm import tables as t
from vefa.crm.arrivals import Arrival, Person, Receipt
from vefa.crm.arriving import take
from vefa.crm.forgotten import forgotten
from vefa.crm.importers.messages import take_rows
from vefa.crm.importers.runs import run_import
from vefa.crm.shops.apply import apply_updates
from vefa.crm.shops.update import ConsentChange, Update
from vefa.database import reading, writing
from vefa.engine.erased_keys import keys_file
from vefa.engine.erasures import forget_again
from vefa.engine.forgetting import forget
from vefa.settings import Settings

ERASED = NOON + DAY
BEFORE, AFTER = "2026-03-01T10:00+00:00", "2026-03-20T10:00+00:00"
CUSTOMERS = one_table_map("customers", {"outside_id": "id", "first_name": "name", "created_at": "since"})
ORDERS = one_table_map(
    "orders",
    {
        "outside_id": "order",
        "customer": "id",
        "total": {"constant": "5"},
        "placed_at": "at",
        "currency": {"constant": "TRY"},
    },
)


@pytest.fixture
def world(engine: sa.Engine, settings: Settings, database_url: str) -> World:
    return World(engine, settings.model_copy(update={"database_url": database_url}))


def person(number: int) -> Person:
    return Person(f"c-{number}", f"c-{number}@ornek.example", f"+90532111{number:04d}")


def event(number: int, type_: str, at: datetime | None, order: str, who: Person | None = None) -> Arrival:
    kind = "order" if type_.startswith("order.") else None
    said = {"total": "5"} if type_ == "order.placed" else {}
    return Arrival(f"{type_}{order}{at}", type_, who or person(number), at, said, kind, order if kind else None)


def told(world: World, *arrivals: Arrival, now: datetime = ERASED + DAY) -> list[str]:
    with writing(world.database) as connection:
        done = take(connection, arrivals, Receipt("shop", now, True, world.settings))
    return [each.state for each in done]


def names(world: World) -> set[str]:
    return {row.outside_id for row in world.rows(t.customers) if row.forgotten_at is None}


def erase(world: World, *numbers: int) -> None:
    for number in numbers:
        with reading(world.database) as connection:
            c = t.customers.c
            found = connection.scalar(sa.select(c.id).where(c.outside_id == f"c-{number}"))
        assert found is not None
        forget(world.database, world.settings, found, ERASED)


def test_events_of_before_stay_out_and_only_a_later_order_brings_somebody_new(world: World) -> None:
    told(world, event(1, "customer.created", NOON, "-"), event(1, "order.placed", NOON, "o1"), now=NOON)
    erase(world, 1)
    late = ERASED + timedelta(hours=1)

    by_mail, by_phone = Person(None, "C-1@ornek.example"), Person(None, None, person(1).sms)
    other_number = Person("x-9", person(1).email)
    for who in (None, by_mail, by_phone, other_number):
        assert told(world, event(1, "order.placed", NOON, "o2", who)) == ["refused"]
    assert told(world, event(1, "order.delivered", late, "o1")) == ["refused"]
    assert told(world, event(1, "ticket.opened", late, "t")) == ["refused"]
    assert names(world) == set()
    assert sum(row.left_out for row in world.rows(forgotten)) == 6

    assert told(world, event(1, "order.placed", late, "o3"), event(1, "order.delivered", late, "o3")) == ["new", "new"]
    assert told(world, event(1, "order.placed", NOON, "o2")) == ["refused"]
    assert names(world) == {"c-1"}
    assert world.rows(t.consents) == []
    assert {row.reason for row in world.rows(t.suppressions)} == {"forgotten"}


def test_a_phone_number_that_others_share_bars_nobody_else(world: World) -> None:
    told(world, event(1, "customer.created", NOON, "-"), now=NOON)
    erase(world, 1)
    sister = Person("c-2", "c-2@ornek.example", person(1).sms)

    assert told(world, event(2, "customer.created", NOON, "-", sister)) == ["new"]
    assert names(world) == {"c-2"}


def test_webhooks_bring_nobody_back_and_old_consents_are_not_taken(world: World) -> None:
    told(world, event(1, "customer.created", NOON, "-"), event(1, "order.placed", NOON, "o1"), now=NOON)
    erase(world, 1)
    late = ERASED + timedelta(hours=1)
    yes = tuple(ConsentChange("email", True, "form", at) for at in (NOON, late))

    def hook(at: datetime, **more: Any) -> Update:
        snapshot = event(1, "customer.created", at, "-")
        return Update("customer", "c-1", late, snapshot, consents=yes, **more)

    old_order = Update("order", "o1", late, event(1, "order.placed", NOON, "o1"))
    parcel = Update("delivery", "p1", late, None, order="o1")
    with writing(world.database) as connection:
        receipt = Receipt("shop", late, True, world.settings)
        assert apply_updates(connection, [hook(NOON), old_order, parcel], receipt) == []
    assert (names(world), world.rows(t.told_last)) == (set(), [])

    with writing(world.database) as connection:
        apply_updates(connection, [hook(late)], Receipt("shop", late, True, world.settings))
    assert names(world) == {"c-1"}
    assert [row.occurred_at for row in world.rows(t.consents)] == [late]


def test_rows_as_messages_bring_nobody_back(world: World) -> None:
    told(world, event(1, "customer.created", NOON, "-"), now=NOON)
    erase(world, 1)
    rows = [{"id": "c-1", "name": "Ayşe", "since": since} for since in (BEFORE, "")]
    with writing(world.database) as connection:
        for row in rows:
            take_rows(connection, CUSTOMERS, {"rows": [row]}, ERASED + DAY, world.settings)
    assert names(world) == set()
    assert [(row.reason, row.detail) for row in world.rows(t.rejects)] == [("forgotten", None)] * 2

    with writing(world.database) as connection:
        row = {"id": "c-1", "name": "Ayşe", "since": AFTER}
        take_rows(connection, CUSTOMERS, {"rows": [row]}, ERASED + 30 * DAY, world.settings)
    assert names(world) == {"c-1"}


@pytest.mark.parametrize("seed", range(3))
def test_who_is_erased_while_an_import_runs_is_not_there_afterwards(world: World, seed: int) -> None:
    """At any moment of an import in small batches, and with other doors open at the same time."""
    chance, people = Random(seed), range(1, 13)
    folder = world.settings.root / "export"
    write_csv(folder / "rows.csv", "id,name,since", *(f"c-{each},Name{each},{BEFORE}" for each in people))
    run_import(world.database, CUSTOMERS, str(folder), NOON, False, world.settings)
    write_csv(
        folder / "rows.csv",
        "id,name,since,order,at",
        *(f"c-{each},New{each},{BEFORE},o-{each},{BEFORE}" for each in people),
    )
    gone: list[int] = []

    def meanwhile(*_: object) -> None:
        left = [each for each in people if each not in gone]
        if left and chance.random() < 0.6:
            gone.append(chance.choice(left))
            erase(world, gone[-1])
        if gone:
            told(world, event(gone[0], "order.placed", NOON, f"w-{gone[0]}"))

    importing: Callable[..., Any] = run_import
    for given in (CUSTOMERS, ORDERS):
        importing(world.database, given, str(folder), NOON, False, world.settings, meanwhile, batch_keys=2)

    assert gone
    assert names(world) == {f"c-{each}" for each in people if each not in gone}
    there = {row.customer_id for row in world.rows(t.orders)} - {None}
    assert there <= {row.id for row in world.rows(t.customers) if row.forgotten_at is None}
    found = str(world.rows(t.customers)) + str(world.rows(t.rejects)) + str(world.rows(t.events))
    assert not any(f"New{each}'" in found or f"'c-{each}'" in found for each in gone)


def test_after_a_restore_they_are_forgotten_once_more(world: World) -> None:
    told(world, event(1, "customer.created", NOON, "-"), event(2, "customer.created", NOON, "-"), now=NOON)
    erase(world, 1)
    with writing(world.database) as connection:  # the backup is older: it knows nothing of the erasure
        connection.execute(sa.delete(forgotten))
        connection.execute(sa.delete(t.suppressions))
    told(world, event(1, "customer.created", NOON, "-"), now=NOON)
    assert names(world) == {"c-1", "c-2"}

    assert forget_again(world.database, world.settings) == 1
    assert names(world) == {"c-2"}
    assert forget_again(world.database, world.settings) == 0
    assert "c-1" not in keys_file(world.settings).read_text()
