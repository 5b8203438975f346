"""What is removed at night, and what never is; on both databases."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from tests.engine.worlds import DAY, HOUR, MINUTE, NOON, World, email, make_plan
from vefa.channels.base import Busy
from vefa.crm.tables import consents, imports, rejects, suppressions
from vefa.database import metadata, open_database, reading, writing
from vefa.engine import housekeeping
from vefa.engine.housekeeping import Tidied, keep_house
from vefa.engine.tables import considered, enrolments
from vefa.ledger.claims import LEASE, Place, reserve
from vefa.ledger.tables import batches, send_history, sends
from vefa.settings import Settings

LATER = NOON + 500 * DAY


def keep(world: World, at: Any = LATER, **more: Any) -> Tidied:
    return keep_house(world.database, world.settings, at, at, **more)


def size(world: World, table: sa.Table) -> int:
    with reading(world.database) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def walked(world: World) -> None:
    """A customer who got a message at the second try, another who did not enter."""
    world.deploy(make_plan(email()))
    world.order(world.customer(), NOON + MINUTE)
    world.order(world.customer("Bora"), NOON - DAY)  # from before the journey was live
    world.email.script.append(Busy("429"))
    world.tick(NOON + HOUR)
    world.tick(NOON + 2 * HOUR)


def test_notes_are_removed_when_they_are_old_and_not_before(world: World) -> None:
    walked(world)
    world.tick(LATER - 2 * DAY)
    before = {table.name: size(world, table) for table in (considered, send_history, batches)}

    young = keep(world, NOON + 7 * DAY)
    old = keep(world)

    assert sum(young.removed.values()) == 0
    assert before["considered"] == old.removed["considered"] == 1
    assert before["send_history"] == old.removed["send_history"] == 1
    assert (before["batches"], old.removed["batches"]) == (2, 1)  # the newest number stays


def test_what_the_promises_need_is_never_removed(world: World) -> None:
    walked(world)
    world.suppress(world.customer("Cem"), NOON)
    world.tick(LATER - 2 * DAY)
    kept = {table: size(world, table) for table in (sends, enrolments, consents, suppressions)}

    keep(world)

    assert {table: size(world, table) for table in kept} == kept


def test_who_was_considered_is_not_considered_again_after_it_is_forgotten(world: World) -> None:
    walked(world)
    world.tick(LATER - 2 * DAY)
    keep(world)

    report = world.tick(LATER)

    assert (report.entered, report.refused) == (0, {})


def test_a_journey_that_stood_still_forgets_nothing_that_it_will_look_at_again(world: World) -> None:
    walked(world)

    assert keep(world).removed.get("considered", 0) == 0


def test_a_dry_run_counts_and_removes_nothing(world: World) -> None:
    walked(world)
    world.tick(LATER - 2 * DAY)

    would = keep(world, dry_run=True)

    assert would.removed == keep(world).removed


def test_doing_it_again_changes_nothing(world: World) -> None:
    walked(world)
    world.tick(LATER - 2 * DAY)
    keep(world)

    assert sum(keep(world).removed.values()) == 0


def test_many_rows_go_in_short_transactions(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(housekeeping, "PART", 10)
    rows = [{"name": "shop", "path": "x", "started_at": NOON, "finished_at": NOON} for _ in range(3)]
    with writing(world.database) as connection:
        connection.execute(sa.insert(imports), rows)
        bad = [{"import_id": 1, "file": "x", "line": n, "reason": "no e-mail"} for n in range(35)]
        connection.execute(sa.insert(rejects), bad)
    told: list[int] = []

    done = keep(world, told=lambda what, count: told.append(count) if what == "rejects" else None)

    assert (done.removed["rejects"], told) == (35, [10, 20, 30, 35])
    assert done.removed["imports"] == 2


def test_stopped_half_way_the_next_one_goes_on(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(housekeeping, "PART", 10)
    with writing(world.database) as connection:
        connection.execute(sa.insert(imports), [{"name": "shop", "path": "x", "started_at": NOON}] * 2)
        bad = [{"import_id": 1, "file": "x", "line": n, "reason": "no e-mail"} for n in range(25)]
        connection.execute(sa.insert(rejects), bad)

    def stop(_what: str, count: int) -> None:
        if count == 10:
            raise KeyboardInterrupt

    try:
        keep(world, told=stop)
    except KeyboardInterrupt:
        assert size(world, rejects) == 15
    assert keep(world).removed["rejects"] == 15


def test_what_a_dead_worker_held_goes_back(world: World) -> None:
    world.deploy(make_plan(email()))
    world.order(world.customer(), NOON)
    tick = world.begin(NOON + HOUR)
    tick.enter()
    world.email.script.append(Busy("429"))
    for step in tick.steps():
        tick.advance(step)
    at = NOON + 2 * HOUR
    row = world.rows(batches)[-1]
    place = Place(row.journey_id, row.plan_id, row.step)
    assert reserve(world.database, sends.c.state == "queued", place, "dead", at, at, 10)

    done = keep(world, at + LEASE + MINUTE)

    assert done.returned == 1
    assert world.send().state == "queued"


def test_old_files_go_and_new_ones_stay(world: World) -> None:
    folders = [world.settings.var / "outbox" / "email" / "000000", world.settings.var / "log"]
    for folder in folders:
        folder.mkdir(parents=True)
        for name, at in (("old.log", NOON), ("new.log", LATER)):
            (folder / name).write_text("x", encoding="utf-8")
            os.utime(folder / name, (at.timestamp(), at.timestamp()))

    done = keep(world)

    assert (done.removed["outbox files"], done.removed["log files"]) == (1, 1)
    assert all([each.name for each in folder.iterdir()] == ["new.log"] for folder in folders)


def test_an_sqlite_file_that_is_mostly_idle_is_shrunk(settings: Settings) -> None:
    engine = open_database(settings.database)
    metadata.create_all(engine)
    with writing(engine) as connection:
        connection.execute(sa.insert(imports).values(name="shop", path="x", started_at=NOON))
        bad = [{"import_id": 1, "file": "x" * 200, "line": n, "reason": "no e-mail"} for n in range(5000)]
        connection.execute(sa.insert(rejects), bad)
    before = _bytes(settings)

    done = keep_house(engine, settings, NOON + timedelta(days=100), NOON + timedelta(days=100))
    engine.dispose()

    assert done.database[0].endswith("given back")
    assert _bytes(settings) < before / 2


def _bytes(settings: Settings) -> int:
    file = settings.var / "vefa.db"
    return sum(path.stat().st_size for path in (file, file.with_name("vefa.db-wal")) if path.exists())


def test_on_postgresql_what_was_emptied_is_vacuumed(world: World) -> None:
    done = keep(world)

    if world.database.dialect.name == "postgresql":
        assert done.database[0].startswith("vacuumed and analysed")
