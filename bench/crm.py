"""A big shop's customers: segments, scores, roll-ups, ticks with nothing due, and everybody's way in.

    python -m bench.crm --customers 1000000 --orders 5000000 --folder var/bench

Each figure stands beside a named peer of the same run: the statement that one would write by hand over the roll-up, or
pandas over the same rows. The shop is made once and kept in the folder; whatever a run changes is a copy's.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bench.big_shop import NOW, Size, open_big_shop
from vefa.clock import stopped_at
from vefa.crm import facts
from vefa.crm.fields import FIELDS
from vefa.crm.scope import World
from vefa.crm.segments import everybody, members
from vefa.crm.tables import customers, stale_facts
from vefa.database import open_database, reading, writing
from vefa.engine.plans import store_plan
from vefa.engine.scopes import whole_world
from vefa.engine.shop import Shop, open_shop
from vefa.engine.tables import enrolments, segment_members
from vefa.engine.tick import Tick
from vefa.engine.walks import run_tick
from vefa.language.conditions import Compare, Duration
from vefa.plan.plans import Plan
from vefa.plan.project import Project, load_project
from vefa.plan.steps import WaitFor
from vefa.plan.ways_in import EveryTrigger, Reentry, SegmentTrigger
from vefa.settings import Settings, load_settings

ROOT = Path(__file__).parent.parent
#: Two days later, 14:30 in Istanbul: nothing has come in since, and no journey's time of day is near in any zone.
QUIET = NOW + timedelta(days=2, hours=2, minutes=30)
LATER = timedelta(minutes=15)
SCORES = ("rfm.recency", "rfm.frequency", "rfm.monetary")

#: What one would write over the roll-up: `:now` and `:day` in microseconds, `:border` the third fifth of spending.
BY_HAND = {
    "regulars": "SELECT count(*) FROM facts WHERE orders_count >= 2",
    "first-time-buyers": "SELECT count(*) FROM facts WHERE orders_count = 1",
    "lapsed-by-days": "SELECT count(*) FROM facts WHERE orders_count >= 2 AND orders_last_at < :now - 90 * :day",
    "lapsed-by-rhythm": "SELECT count(*) FROM facts WHERE orders_count >= 3 AND orders_last_at > orders_first_at AND "
    "orders_last_at < :now - 14 * :day AND "
    "(:now - orders_last_at) * (orders_count - 1) >= 3 * (orders_last_at - orders_first_at)",
    "lapsed": "SELECT count(*) FROM facts WHERE (orders_count >= 2 AND orders_last_at < :now - 90 * :day "
    "OR orders_count >= 3 AND orders_last_at > orders_first_at AND orders_last_at < :now - 14 * :day AND "
    "(:now - orders_last_at) * (orders_count - 1) >= 3 * (orders_last_at - orders_first_at)) AND NOT "
    "(orders_count >= 3 AND orders_last_at > orders_first_at AND "
    "2 * (:now - orders_last_at) * (orders_count - 1) < 3 * (orders_last_at - orders_first_at))",
    "big-spenders": "SELECT count(*) FROM facts WHERE orders_count > 0 AND orders_revenue >= :border",
    "open-complaint": "SELECT count(DISTINCT customer_id) FROM tickets WHERE resolved_known_at IS NULL",
}


@dataclass(frozen=True)
class Figure:
    """One piece of work beside its peer; seconds of the wall clock, and of this process's processor."""

    what: str
    rows: int
    wall: float
    cpu: float
    peer: str = ""
    peer_wall: float | None = None

    def row(self) -> str:
        """One line of the table."""
        each = f"{self.cpu / self.rows * 1e6:9.2f}" if self.rows > 1 else " " * 9
        beside = "" if self.peer_wall is None else f"  {self.peer}: {self.peer_wall:.3f} s"
        return f"{self.what:<60}{self.rows:>11,}{self.wall:>10.3f}{self.cpu:>10.3f}{each}{beside}"


def print_head(about: str) -> None:
    """The first line of the table."""
    print(f"{about:<60}{'rows':>11}{'wall s':>10}{'CPU s':>10}{'µs each':>9}")


def measure(customers: int, orders: int, folder: Path, database: str | None = None) -> list[Figure]:
    """Measure all of it, printing as it goes."""
    print_head(f"{customers:,} customers, {orders:,} orders")
    kept = open_big_shop(Size(customers, orders), folder, database)
    found: list[Figure] = []
    with working_copy(kept, folder) as engine:
        settings = load_settings(ROOT).model_copy(update={"root": folder, "database_url": str(engine.url)})
        project = load_project(ROOT, settings)
        for part in (_roll_ups, _segments, _scores, _quiet_ticks, _entries):
            for figure in part(engine, settings, project):
                print(figure.row(), flush=True)
                found.append(figure)
    return found


@contextmanager
def working_copy(engine: Engine, folder: Path) -> Iterator[Engine]:
    """What a run may change. A PostgreSQL shop is given for that very purpose and is changed itself."""
    if engine.dialect.name != "sqlite":
        yield engine
        return
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    path = folder / "run.db"
    for old in folder.glob("run.db*"):
        old.unlink()
    shutil.copyfile(str(engine.url.database), path)
    copied = open_database(f"sqlite:///{path}")
    try:
        yield copied
    finally:
        copied.dispose()
        for old in folder.glob("run.db*"):
            old.unlink()


def timed(work: Callable[..., Any], *given: Any) -> tuple[Any, float, float]:
    """What the work gives, with the seconds of the wall clock and of this process's processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work(*given)
    return result, time.perf_counter() - wall, time.process_time() - cpu


def _roll_ups(engine: Engine, settings: Settings, _project: Project) -> Iterator[Figure]:
    shop = settings.shop
    with engine.connect() as connection:
        everyone = connection.scalar(sa.select(sa.func.count()).select_from(customers)) or 0
    by_hand = facts.dated(NOW, shop).subquery()
    with reading(engine) as connection:
        _, peer, _ = timed(connection.scalar, sa.select(sa.func.sum(by_hand.c.orders_count)))
    _, wall, cpu = timed(facts.refresh, engine, NOW, shop)
    yield Figure("roll-ups of everybody", everyone, wall, cpu, "GROUP BY over orders, stored nowhere", peer)
    some = sa.select(customers.c.id).where(customers.c.id % 100 == 0)
    with writing(engine) as connection:
        connection.execute(sa.insert(stale_facts).from_select(["customer_id"], some))
        n = connection.scalar(sa.select(sa.func.count()).select_from(stale_facts)) or 0
    _, wall, cpu = timed(facts.refresh, engine, NOW, shop)
    yield Figure("roll-ups of who changed (1 %)", n, wall, cpu)


def _world(engine: Engine, settings: Settings) -> World:
    with reading(engine) as connection:
        return whole_world(connection, NOW, settings.shop, "rolled")


def _segments(engine: Engine, settings: Settings, project: Project) -> Iterator[Figure]:
    world = _world(engine, settings)
    values = {
        "now": int(NOW.timestamp()) * 1_000_000,
        "day": 86_400_000_000,
        "border": (*world.borders.monetary, 0, 0, 0)[2],
    }
    for name, condition in project.segments.items():
        query = sa.select(sa.func.count()).select_from(members(condition, world).subquery())
        with reading(engine) as connection:
            n, wall, cpu = timed(connection.scalar, query)
            peer = None
            if name in BY_HAND:
                by_hand = sa.text(BY_HAND[name])
                given = {key: value for key, value in values.items() if f":{key}" in BY_HAND[name]}
                same, peer, _ = timed(connection.scalar, by_hand, given)
                if same != n:
                    raise AssertionError(f"{name}: {n:,} in the segment, {same:,} by hand")
        yield Figure(f"segment {name}", n or 0, wall, cpu, "by hand", peer)


def _scores(engine: Engine, settings: Settings, _project: Project) -> Iterator[Figure]:
    def ours() -> int:
        world = _world(engine, settings)
        source, scope = everybody(world, SCORES, only_buyers=True)
        scores = sa.select(*(FIELDS[name].sql(scope).label(name[4:]) for name in SCORES)).select_from(source).subquery()
        query = sa.select(scores.c.recency, scores.c.frequency, scores.c.monetary, sa.func.count()).group_by(*scores.c)
        with reading(engine) as connection:
            return sum(row[-1] for row in connection.execute(query) if row[0] is not None)

    n, wall, cpu = timed(ours)
    _, peer, _ = timed(_scores_by_pandas, engine)
    yield Figure("RFM: borders, and scores of all buyers", n, wall, cpu, "pandas: read, rank, count", peer)


def _scores_by_pandas(engine: Engine) -> int:
    import pandas as pd

    query = "SELECT orders_last_at, orders_count, orders_revenue FROM facts WHERE orders_count > 0"
    with engine.connect() as connection:
        frame = pd.read_sql(sa.text(query), connection)
    scores = (frame.rank(method="first") * 5 / (len(frame) + 1)).astype(int) + 1
    return len(scores.value_counts())


def _shop(engine: Engine, settings: Settings, project: Project) -> Shop:
    return open_shop(settings, database=engine, policy=project.policy)


def _tick(shop: Shop, journey: str, now: datetime) -> Any:
    return run_tick(shop, journey, clock=stopped_at(now), owner="bench", wall=stopped_at(now))


def _begin(shop: Shop, journey: str, now: datetime) -> Tick:
    return Tick.begin(shop, journey, clock=stopped_at(now), owner="bench", wall=stopped_at(now))


def _deploy(engine: Engine, plan: Plan, now: datetime) -> None:
    with writing(engine) as connection:
        # Nobody enters for what was before: the folder has no words to write to them with.
        store_plan(connection, replace(plan, status="live", backfill=None), now)


def _quiet_ticks(engine: Engine, settings: Settings, project: Project) -> Iterator[Figure]:
    shop = _shop(engine, settings, project)
    for name, plan in sorted(project.plans.items()):
        _deploy(engine, plan, QUIET)
        _, wall, cpu = timed(_tick, shop, name, QUIET)
        yield Figure(f"first tick of {name}", 0, wall, cpu)
        report, wall, cpu = timed(_tick, shop, name, QUIET + LATER)
        # In a quarter of an hour some customers become lapsed; nobody else has anything due.
        yield Figure(f"tick of {name}, a quarter of an hour later", report.entered, wall, cpu)


def _entries(engine: Engine, settings: Settings, project: Project) -> Iterator[Figure]:
    shop = _shop(engine, settings, project)
    rest = (WaitFor("rest", "rest", None, Duration(30)),)
    inland = Compare("customer.country", "=", "TR")
    plans = {
        "by schedule": Plan("bench-every", "Every", EveryTrigger("35 14 * * *", None), rest),
        "by schedule, with holdout": Plan("bench-held", "Held", EveryTrigger("35 14 * * *", None), rest, holdout=1_000),
        "by segment": Plan("bench-segment", "Segment", SegmentTrigger("inland", inland), rest),
        "by segment, re-entry": Plan(
            "bench-again", "Again", SegmentTrigger("inland", inland), rest, reentry=Reentry(after=Duration(180))
        ),
    }
    peer = None
    for name, plan in plans.items():
        _deploy(engine, plan, QUIET)
        _tick(shop, plan.journey, QUIET)
        with writing(engine) as connection:  # as if all of them came in now
            connection.execute(sa.delete(segment_members))
        tick = _begin(shop, plan.journey, QUIET + LATER)
        entries, wall, cpu = timed(tick.enter)
        tick.finish()
        peer = _entered_by_hand(engine) if peer is None else peer
        n = entries.entered + entries.holdout
        yield Figure(f"entering {name}", n, wall, cpu, "INSERT … SELECT by hand, same table", peer)
        _tick(shop, plan.journey, QUIET + 2 * LATER)
        _, wall, cpu = timed(_tick, shop, plan.journey, QUIET + 3 * LATER)
        yield Figure(f"tick with all of them waiting, {name}", 0, wall, cpu)


def _entered_by_hand(engine: Engine) -> float:
    """Everybody into an empty table like `enrolments`, in one statement; its wall seconds."""
    own = sa.MetaData()
    for table in enrolments.metadata.tables.values():
        table.to_metadata(own)
    like = enrolments.to_metadata(own, name="enrolments_by_hand")
    parts: list[Any] = [*like.indexes, *like.constraints]
    for part in parts:
        part.name = f"hand_{part.name}"
    values = {
        "journey_id": 1, "plan_id": 1, "entry_key": 1, "entered_at": QUIET, "enrolled_at": QUIET, "state": "active",
        "step": 1, "phase": 0, "arrived_at": QUIET, "due_at": QUIET,
    }  # fmt: skip
    columns = [sa.literal(value, like.c[name].type) for name, value in values.items()]
    with writing(engine) as connection:
        like.create(connection)
    with writing(engine) as connection:
        rows = sa.select(customers.c.id, *columns)
        statement = sa.insert(like).from_select(["customer_id", *values], rows)
        _, wall, _ = timed(connection.execute, statement)
    with writing(engine) as connection:
        like.drop(connection)
    return wall


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(prog="python -m bench.crm", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=Path("var/bench"), help="where the shop is kept")
    parser.add_argument("--database", help="URL of an empty PostgreSQL database to use instead of SQLite")
    given = parser.parse_args()
    measure(given.customers, given.orders, given.folder, given.database)


if __name__ == "__main__":
    main()
