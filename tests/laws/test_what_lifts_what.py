"""What lifts what: the table, its only writers, and a plain model that reads the same messages."""

from __future__ import annotations

import ast
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, NOON, World
from vefa.crm.identity import address_key
from vefa.crm.lifting import LIFTS, REASONS, SIGNALS, Signal, lifts
from vefa.crm.lifting import __file__ as _lifting
from vefa.crm.permissions import Said, Word, put_consents, record
from vefa.crm.suppressing import Stop, lift, stands, suppress, unsubscribed_at
from vefa.crm.suppression_history import suppression_history
from vefa.crm.tables import consents, contacts, customers, suppressions
from vefa.database import reading, writing
from vefa.settings import Settings

CODE = Path(_lifting).parents[1]
DOCS = CODE.parent / "docs" / "consent.md"
#: The modules that may write each table, beside those that fill or empty whole databases.
WRITERS = {
    "suppressions": {"crm/suppressing.py"},
    "suppression_history": {"crm/suppressing.py"},
    "consents": {"crm/permissions.py"},
}


@pytest.fixture
def world(engine: sa.Engine, settings: Settings) -> World:
    return World(engine, settings)


def test_a_stop_goes_by_what_its_row_of_the_table_says_and_by_nothing_else(world: World) -> None:
    key = address_key("ada@ornek.example")
    for reason in REASONS:
        for signal in SIGNALS:
            with writing(world.database) as connection:
                connection.execute(sa.delete(suppressions))
                connection.execute(sa.delete(suppression_history))
                suppress(connection, [Stop("email", key, reason, "e", NOON, NOON)])
                lift(connection, signal, {("email", key): NOON})
                assert connection.scalar(sa.select(sa.func.count(suppressions.c.id))) == 1, "only what was before"
                gone = lift(connection, signal, {("email", key): NOON + HOUR})

            assert gone == int(lifts(signal, reason)) == int(signal in LIFTS[reason]), (reason, signal)


def test_the_docs_show_the_table_as_the_code_has_it() -> None:
    rows = {
        cells[0].strip(" `"): {each.strip(" `") for each in cells[1].split(",")}
        for line in DOCS.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `") and len(cells := line.strip().strip("|").split("|")) == 3
    }

    assert {reason: rows.get(reason) for reason in REASONS} == {reason: set(those) for reason, those in LIFTS.items()}


def test_one_module_writes_suppressions_and_one_writes_consents() -> None:
    found: dict[str, set[str]] = {name: set() for name in WRITERS}
    for path in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _called(node.func) in ("insert", "update", "delete", "inserting"):
                for name in {_called(each) for each in (*node.args, getattr(node.func, "value", None)) if each}:
                    if name in found:
                        found[name].add(str(path.relative_to(CODE)))

    assert found == WRITERS


def _called(node: Any) -> str:
    return getattr(node, "attr", "") or getattr(node, "id", "")


#: A message: when (minutes), who, what. Two customers read one mailbox, a third reads their own.
Message = tuple[int, int, str]
_YES: dict[str, Signal] = {
    "yes at the shop": "shop",
    "yes on the page": "page",
    "yes by reply": "reply",
    "yes by file": "import",
    "yes by file without a date": "undated import",
}
_NO: dict[str, Signal] = {"no at the shop": "shop", "no on the page": "page", "no by reply": "reply"}
_LASTING = {"complaint": "complained", "bounce": "bounced"}


def model(messages: list[Message]) -> dict[int, tuple[bool, frozenset[str]]]:
    """By mailbox (1: two customers', 2: one's): whether it is unsubscribed, and what else stops it."""
    found = {}
    for box in (1, 2):
        mine = [(at, what) for at, who, what in messages if (2 if who == 2 else 1) == box]
        noes = [at for at, what in mine if what in _NO]
        yeses = [at for at, what in mine if what in _YES and what != "yes by file without a date"]
        stopped = bool(noes) and max(noes) >= max(yeses, default=-1)
        found[box] = stopped, frozenset(_LASTING[what] for _, what in mine if what in _LASTING)
    return found


def apply(world: World, people: list[int], keys: list[str], message: Message) -> None:
    minutes, who, what = message
    at = NOON + timedelta(minutes=minutes)
    with writing(world.database) as connection:
        if what in _LASTING:
            suppress(connection, [Stop("email", keys[who], _LASTING[what], f"{who}/{minutes}", at, at)])
            return
        signal = (_YES | _NO)[what]
        if signal == "shop":
            put_consents(connection, [Said(people[who], "email", what in _YES, "box", at)], "shopify", NOON + DAY)
            return
        word = Word(what in _YES, "email", signal, "somewhere", at, at, (people[who],), evidence=f"{who}/{minutes}")
        record(connection, [word])


def stand(world: World, people: list[int], keys: list[str]) -> dict[int, tuple[bool, frozenset[str]]]:
    now = NOON + 2 * DAY
    sa.select(unsubscribed_at(customers.c.id, "email", now))
    with reading(world.database) as connection:
        rows = connection.execute(sa.select(suppressions).where(stands(suppressions, now))).all()
        audience = {
            who: connection.scalar(
                sa.select(unsubscribed_at(customers.c.id, "email", now)).where(customers.c.id == who)
            )
            for who in people
        }
    found = {}
    for box, who in ((1, 0), (2, 2)):
        reasons = {row.reason for row in rows if row.address_key == keys[who]}
        assert bool(audience[people[who]]) == ("unsubscribed" in reasons)
        found[box] = "unsubscribed" in reasons, frozenset(reasons - {"unsubscribed"})
    return found


def test_the_end_is_the_models_whatever_the_order_and_however_often(world: World) -> None:
    people = [world.customer(outside_id=name, consent=False) for name in ("ada", "ada-again", "can")]
    shared, own = address_key("ev@ornek.example"), address_key("can@ornek.example")
    keys = [shared, shared, own]
    with writing(world.database) as connection:
        for who, key in zip(people, keys, strict=True):
            connection.execute(sa.update(contacts).where(contacts.c.customer_id == who).values(address_key=key))
    kinds = [*_YES, *_NO, *_LASTING]
    for seed in range(40):
        chance = random.Random(seed)
        messages = [
            (chance.randrange(6), chance.randrange(3), chance.choices(kinds, [3] * 8 + [1] * 2)[0])
            for _ in range(chance.randrange(1, 9))
        ]
        expected = model(messages)
        for _ in range(2):
            with writing(world.database) as connection:
                for table in (suppressions, suppression_history, consents):
                    connection.execute(sa.delete(table))
            again = [*messages, *chance.sample(messages, len(messages) // 2)]
            chance.shuffle(again)
            for message in again:
                apply(world, people, keys, message)

            assert stand(world, people, keys) == expected, (seed, again)


def test_a_rest_after_soft_bounces_grows_and_ends_with_time_a_delivery_or_an_order(world: World) -> None:
    ada = world.customer(outside_id="ada")
    place = ("email", address_key("ada@ornek.example"))

    def bounce(day: int) -> None:
        at = NOON + day * DAY
        with writing(world.database) as connection:
            suppress(connection, [Stop(*place, "soft bounce", f"message {day}.1", at, at)])

    def rests(at: datetime) -> bool:
        with reading(world.database) as connection:
            return bool(connection.execute(sa.select(suppressions.c.id).where(stands(suppressions, at))).all())

    for day in (10, 0, 3, 3):  # in no order, one twice
        bounce(day)

    lengths = [row.until - row.occurred_at for row in sorted(world.rows(suppressions), key=lambda row: row.occurred_at)]
    assert lengths == [DAY, 3 * DAY, 7 * DAY]
    assert [rests(NOON + n * DAY) for n in (9, 10, 16, 17)] == [False, True, True, False]
    world.order(ada, NOON + 12 * DAY)
    assert [rests(NOON + n * DAY) for n in (11, 13)] == [True, False]
    with writing(world.database) as connection:
        lift(connection, "delivered", {place: NOON + 20 * DAY})
    bounce(30)
    assert [row.until for row in world.rows(suppressions)] == [NOON + 31 * DAY], "counted from the beginning"


def test_what_a_person_took_away_does_not_come_back_with_an_old_report(world: World) -> None:
    place = ("email", address_key("ada@ornek.example"))
    old = Stop(*place, "bounced", "message 1.1", NOON, NOON)
    with writing(world.database) as connection:
        suppress(connection, [old])
        lift(connection, "hand", {place: NOON + DAY})
        assert suppress(connection, [old]) == 0
        assert suppress(connection, [Stop(*place, "bounced", "message 2.1", NOON + 2 * DAY, NOON)]) == 1
