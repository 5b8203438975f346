"""A store with customers in it goes up to the newest form of the tables and back, and nobody is lost or written twice.

These tests name no version but the first: they hold whatever revision is the newest.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from alembic import command

from tests.engine.worlds import World
from tests.store.old_shop import PEOPLE, ROWS, VERSION, Row, address, contents, make_old_shop
from vefa.database import open_database, reading
from vefa.engine.tables import enrolments
from vefa.ledger.tables import sends
from vefa.settings import Settings, Shop
from vefa.store import migrating, migration_config, open_store, version_of, versions

BOTH = pytest.mark.parametrize("empty_database_url", ["sqlite", "postgresql"], indirect=True)
NOON = datetime(2026, 3, 10, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

#: Tables of the first version that a later revision does away with, each with what has become of its rows.
GONE: dict[str, str] = {}
OPENING = (
    "import sys, pathlib, vefa.settings, vefa.store, alembic.command\n"
    "settings = vefa.settings.Settings(root=pathlib.Path(sys.argv[1]), database_url=sys.argv[2])\n"
    "print('ready', flush=True); sys.stdin.readline()\n"
    "vefa.store.open_store(settings).dispose()"
)


@pytest.fixture
def old(settings: Settings, empty_database_url: str) -> Settings:
    """The settings of a shop whose tables are those of the first version, with rows in each."""
    engine = open_database(empty_database_url)
    make_old_shop(engine)
    engine.dispose()
    return settings.model_copy(update={"database_url": empty_database_url, "shop": Shop(locales=("tr",))})


@pytest.fixture
def upgraded(old: Settings) -> Iterator[sa.Engine]:
    """That shop's store, opened by today's code."""
    engine = open_store(old)
    yield engine
    engine.dispose()


def held(engine: sa.Engine, columns: dict[str, list[str]] | None = None) -> dict[str, list[Row]]:
    with reading(engine) as connection:
        return contents(connection, columns)


def first_form(settings: Settings) -> tuple[dict[str, list[str]], dict[str, list[Row]]]:
    """Tables and columns of the old store, and its rows."""
    engine = open_database(settings.database)
    rows = held(engine)
    engine.dispose()
    return {table: list(found[0]) for table, found in rows.items()}, rows


@BOTH
def test_the_old_shop_has_a_row_in_every_table(old: Settings) -> None:
    engine = open_database(old.database)
    with reading(engine) as connection:
        version = version_of(connection)
    rows = held(engine)
    engine.dispose()

    assert version == VERSION == versions()[0]
    assert {table: len(found) for table, found in rows.items()} == {table: len(given) for table, given in ROWS.items()}


@BOTH
def test_an_upgrade_keeps_every_row(old: Settings) -> None:
    columns, before = first_form(old)

    engine = open_store(old)
    after = held(engine, columns)
    engine.dispose()

    assert set(before) - set(after) == set(GONE)
    for table, rows in after.items():
        still = rows[0].keys()
        kept = [dict(_rewritten(table, _moved_on(table, row))) for row in before[table]]
        assert rows == sorted(({name: row[name] for name in still} for row in kept), key=repr), table


def _rewritten(table: str, row: Row) -> Row:
    """What the later form writes otherwise: quantities are ten-thousandths."""
    return {**row, "quantity": row["quantity"] * 10_000} if table == "order_lines" else row


def _moved_on(table: str, row: Row) -> Row:
    """What an upgrade changes on purpose: who was only reserved is queued again, and a batch that holds nothing claimed
    is done."""
    if table == "sends" and row["state"] == "reserved":
        return {**row, "state": "queued", "batch_id": None}
    return row


@BOTH
def test_after_an_upgrade_a_tick_writes_to_whom_it_should_and_to_nobody_twice(
    old: Settings, upgraded: sa.Engine
) -> None:
    world = World(upgraded, old)

    world.tick(NOON + 2 * HOUR)
    world.tick(NOON + 3 * HOUR)

    assert sorted(world.email.addresses) == sorted(map(address, ("waiting", "queued", "reserved")))
    states = {PEOPLE[row.customer_id]: row.state for row in world.rows(sends)}
    assert states == {
        **dict.fromkeys(("waiting", "queued", "sent", "reserved"), "sent"),
        **dict.fromkeys(("unknown", "claimed"), "unknown"),
    }


@BOTH
def test_after_an_upgrade_everybody_comes_to_an_end(old: Settings, upgraded: sa.Engine) -> None:
    world = World(upgraded, old)

    for hours in (2, 26, 27):
        world.tick(NOON + hours * HOUR)

    states = {PEOPLE[row.customer_id]: row.state for row in world.rows(enrolments)}
    assert states == {name: "holdout" if name == "holdout" else "finished" for name in PEOPLE.values()}


@BOTH
def test_a_way_up_and_back_leaves_the_old_shop_as_it_was(old: Settings) -> None:
    _, before = first_form(old)

    engine = open_store(old)
    downgrade(engine)
    after = held(engine)
    engine.dispose()

    for table, rows in before.items():
        changed = [{**_moved_on(table, row), **_NOT_KEPT.get(table, {})} for row in rows]
        found = [{**row, **_NOT_KEPT.get(table, {})} for row in after[table]]
        assert sorted(found, key=repr) == sorted(changed, key=repr), table


#: What the later form has no place for.
_NOT_KEPT: dict[str, dict[str, None]] = {"batches": {"channel": None}, "sends": {"lease_until": None}}


@BOTH
def test_what_was_sent_since_an_upgrade_is_known_after_the_way_back(old: Settings) -> None:
    world = World(engine := open_store(old), old)
    world.tick(NOON + 2 * HOUR)
    sent = {(row.enrolment_id, row.state, row.attempt) for row in world.rows(sends)}

    downgrade(engine)
    with reading(engine) as connection:
        known = connection.execute(sa.text("SELECT enrolment_id, state, attempt FROM sends")).all()
    engine.dispose()

    assert set(map(tuple, known)) == sent


@BOTH
def test_a_shop_that_went_back_can_come_again(old: Settings) -> None:
    engine = open_store(old)
    downgrade(engine)
    engine.dispose()

    world = World(engine := open_store(old), old)
    world.tick(NOON + 2 * HOUR)
    engine.dispose()

    assert len(world.email.got) == 3


def downgrade(engine: sa.Engine) -> None:
    """Back to the first version."""
    with migrating(engine) as connection:
        command.downgrade(migration_config(connection), VERSION)


@BOTH
def test_processes_that_open_an_old_store_at_once_upgrade_it_once(old: Settings) -> None:
    columns, before = first_form(old)
    opens = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", OPENING, str(old.root), old.database],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for each in opens:
        assert each.stdout and each.stdout.readline() == "ready\n"
    for each in opens:
        assert each.stdin
        each.stdin.write("go\n")
        each.stdin.flush()
    told = [each.communicate(timeout=60)[1] for each in opens]

    engine = open_store(old, migrate=False)
    counts = {table: len(rows) for table, rows in held(engine, columns).items()}
    engine.dispose()

    assert told == ["", ""]
    assert counts == {table: len(rows) for table, rows in before.items() if table not in GONE}
