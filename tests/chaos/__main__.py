"""`python -m tests.chaos`: the long form, and its figures as a table for docs/reliability.md."""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from tests.chaos.blows import Blow
from tests.chaos.databases import Either, Postgresql, Sqlite
from tests.chaos.driver import Chaos, shop_in_chaos
from tests.chaos.judge import Figures
from tests.chaos.plan import KILLED, draw, kill_at_a_moment
from tests.chaos.postgres import Server, running_server
from vefa.database import metadata, open_database
from vefa.store import versions

PEOPLE, BUYERS = 300, 40


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
    parser.add_argument("--kills", type=int, default=200, help="of processes, for each database and number of workers")
    parser.add_argument("--faults", type=int, default=5, help="how often each other fault falls")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--workers", type=int, choices=[1, 2], action="append", help="1 and 2 unless said")
    given = parser.parse_args()
    kinds = ["sqlite", "postgresql"] if given.database == "both" else [given.database]
    with _server_for(kinds) as server:
        for kind in kinds:
            for workers in given.workers or [1, 2]:
                _one(kind, workers, server, given)


@contextmanager
def _server_for(kinds: list[str]) -> Iterator[Server | None]:
    if "postgresql" not in kinds:
        yield None
        return
    with running_server() as server:
        yield server


def _one(kind: str, workers: int, server: Server | None, given: argparse.Namespace) -> None:
    begun, chance = time.monotonic(), Random(given.seed)
    with tempfile.TemporaryDirectory(prefix="vefa-chaos-") as folder:
        root = Path(folder)
        with (
            new_database(kind, root, server) as database,
            shop_in_chaos(root, database, workers, chance, PEOPLE, BUYERS) as chaos,
        ):
            plan = draw(chance, kind, workers, given.kills, given.faults)
            for number, (name, blow) in enumerate(plan, 1):
                print(f"\r{kind}, {workers}: {number}/{len(plan)} {name:<40}", end="", flush=True)
                _suffer(chaos, name, blow)
            figures = chaos.finish()
    print(f"\r{'':<70}\r", end="")
    show(kind, workers, figures, time.monotonic() - begun)


def _suffer(chaos: Chaos, name: str, blow: Blow) -> None:
    """A kill that came too late, or at a byte that never came, is made up for by another."""
    try:
        while not chaos.suffer(name, blow) and name in KILLED:
            name, blow = KILLED[0], kill_at_a_moment(chaos.chance, chaos.workers)
    except AssertionError:
        print(f"\n{name}: {blow}\n{chaos.log()}")
        raise


def show(kind: str, workers: int, figures: Figures, seconds: float) -> None:
    """One shop's figures."""
    print(f"\n### {kind}, {workers} worker{'s' * (workers > 1)} ({seconds:.0f} s)\n")
    print("| what | how many |\n|---|---|")
    lines = {
        "orders that entered anybody": figures.orders,
        "orders refused by a journey as too old": figures.refused,
        **{f"messages {state} at the end": n for state, n in sorted(figures.states.items())},
        "messages that the providers took": figures.taken,
        "attempts ever in doubt": figures.doubts,
        "second attempts": figures.second_attempts,
        "messages taken twice (transactional only)": figures.twice,
        **figures.rounds,
    }
    for what, number in lines.items():
        print(f"| {what} | {number:,} |")
    print("\n| blow | most in doubt after one |\n|---|---|")
    for blow, most in sorted(figures.doubts_by_blow.items()):
        print(f"| {blow} | {most} |")


if __name__ == "__main__":
    main()
