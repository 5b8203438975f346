"""`python -m tests.chaos`: the long form, and its figures as a table for docs/reliability.md."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from random import Random

from tests.chaos.databases import Either, Postgresql, Sqlite
from tests.chaos.driver import shop_in_chaos
from tests.chaos.judge import Figures
from tests.chaos.plan import draw
from tests.chaos.postgres import Server, running_server
from vefa.database import metadata, open_database
from vefa.store import versions

PEOPLE, BUYERS = 300, 30


@contextmanager
def new_database(kind: str, root: Path, server: Server | None) -> Iterator[Either]:
    """An empty one of that kind with all tables."""
    if kind == "sqlite":
        database: Either = Sqlite(root / "var")
    else:
        assert server is not None
        database = Postgresql(server, server.new_database())
    engine = open_database(database.url)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{versions()[-1]}')")
    engine.dispose()
    yield database


def main() -> None:
    """Everything that was asked for, one shop after the other."""
    for name in [name for name in os.environ if name.startswith("VEFA_")]:
        del os.environ[name]
    # The stand-in says of every request that was cut that it was cut.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="on each database with each number of workers")
    parser.add_argument("--faults", type=int, default=5, help="how often each other fault falls")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--workers", type=int, choices=[1, 2], action="append", help="1 and 2 unless said")
    given = parser.parse_args()
    kinds = ["sqlite", "postgresql"] if given.database == "both" else [given.database]
    figures: dict[str, Figures] = {}
    try:
        with _server_for(kinds) as server:
            for kind, workers in product(kinds, given.workers or [1, 2]):
                figures[f"{kind}, {workers}"] = _one(kind, workers, server, given)
    finally:
        show(figures)


@contextmanager
def _server_for(kinds: list[str]) -> Iterator[Server | None]:
    if "postgresql" not in kinds:
        yield None
        return
    with running_server() as server:
        yield server


def _one(kind: str, workers: int, server: Server | None, given: argparse.Namespace) -> Figures:
    begun, chance = time.monotonic(), Random(given.seed)
    with tempfile.TemporaryDirectory(prefix="vefa-chaos-") as folder:
        root = Path(folder)
        with (
            new_database(kind, root, server) as database,
            shop_in_chaos(root, database, workers, chance, PEOPLE, BUYERS) as chaos,
        ):
            plan = draw(chance, kind, workers, given.kills, given.faults)
            for number, (name, blow) in enumerate(plan, 1):
                said = f"{kind}, {workers} workers: {number} of {len(plan)}, {name}"
                print(f"{said:<79}", end="\r" if sys.stdout.isatty() else "\n", flush=True)
                try:
                    chaos.suffer(name, blow)
                except AssertionError:
                    print(f"\n{blow}\n{chaos.log()}")
                    raise
            figures = chaos.finish()
    print(f"{kind}, {workers} workers: all is well after {(time.monotonic() - begun) / 60:.0f} minutes{'':<40}")
    return figures


def show(figures: Mapping[str, Figures]) -> None:
    """All shops side by side, as in docs/reliability.md."""
    states = sorted({state for one in figures.values() for state in one.states})
    lines: dict[str, Callable[[Figures], int]] = {
        "processes killed": lambda one: one.rounds["processes killed"],
        "processes that ended with an error": lambda one: one.rounds["processes ended by an error"],
        "requests with a fault": lambda one: one.rounds["requests with a fault"],
        "orders": lambda one: one.orders,
        **{f"messages {state}": partial(_in_state, state) for state in states},
        "messages that the providers took": lambda one: one.taken,
        "attempts that were ever in doubt": lambda one: one.doubts,
        "second attempts": lambda one: one.second_attempts,
        "transactional messages taken twice": lambda one: one.twice,
    }
    _table("what", figures, {what: [f"{of(one):,}" for one in figures.values()] for what, of in lines.items()})
    blows = sorted({blow for one in figures.values() for blow in one.doubts_by_blow})
    _table(
        "rounds, and most in doubt after one", figures, {b: [_fell(one, b) for one in figures.values()] for b in blows}
    )


def _in_state(state: str, one: Figures) -> int:
    return one.states.get(state, 0)


def _fell(one: Figures, blow: str) -> str:
    return f"{one.rounds[blow]}, {one.doubts_by_blow[blow]}" if blow in one.doubts_by_blow else ""


def _table(title: str, columns: Iterable[str], rows: Mapping[str, Sequence[str]]) -> None:
    print("\n| " + " | ".join([title, *columns]) + " |\n|---" + "|--:" * len([*columns]) + "|")
    for name, cells in rows.items():
        print("| " + " | ".join([name, *cells]) + " |")


if __name__ == "__main__":
    main()
