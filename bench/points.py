"""How fast points are posted: the flow's batches beside one customer at a time.

    python -m bench.points [--customers 20000]

A made-up shop with two years of orders, and the example's programme, under which nothing has been posted yet.
`batches` posts everybody in sets, as the flow and `vefa points settle` do. `one by one` posts the same for a part of
them in a transaction each, as somebody would write it first, and as the till does for the one who spends points.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from vefa.crm.demo_shop import make_demo_shop
from vefa.crm.points import points_due
from vefa.database import reading, writing
from vefa.plan.loyalty import Programme
from vefa.plan.project import load_loyalty
from vefa.rewards.points import settle_one, settle_points
from vefa.settings import Settings, load_settings
from vefa.store import open_store

ROOT = Path(__file__).parent.parent
END = datetime(2026, 6, 1, tzinfo=UTC)
MONTHS, SEED = 24, 7
#: posted one by one: so few that it is soon over, so many that the clock tells
ALONE = 1_000


def measure(engine: Engine, settings: Settings, programme: Programme, alone: int) -> str:
    """Both ways over one store, one by one first; a sentence of what came of it."""
    shop = settings.shop
    with reading(engine) as connection:
        some = list(connection.scalars(sa.select(points_due.c.customer_id).order_by(points_due.c.customer_id)))[:alone]
    begun = perf_counter()
    for customer in some:
        with writing(engine) as connection:
            settle_one(connection, customer, programme, shop, END)
    one_by_one = len(some) / (perf_counter() - begun)
    begun = perf_counter()
    done = settle_points(engine, programme, shop, END)
    in_batches = done.customers / (perf_counter() - begun)
    return (
        f"one by one: {one_by_one:,.0f} customers a second ({len(some):,} customers)\n"
        f"batches: {in_batches:,.0f} customers a second ({done.customers:,} customers, {done.moves:,} moves)\n"
        f"{in_batches / one_by_one:.1f} times as fast"
    )


def main() -> None:
    """Make the shop, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.points", description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    customers = parser.parse_args().customers
    settings = load_settings(ROOT)
    programme = load_loyalty(ROOT, settings)
    with tempfile.TemporaryDirectory(prefix="vefa-bench-") as folder:
        settings = settings.model_copy(update={"database_url": f"sqlite:///{folder}/vefa.db"})
        engine = open_store(settings)
        make_demo_shop(engine, customers, MONTHS, SEED, settings, END)
        print(measure(engine, settings, programme, min(ALONE, customers)))
        engine.dispose()


if __name__ == "__main__":
    main()
