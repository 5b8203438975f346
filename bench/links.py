"""A big shop's recommendations: finding out which products go together, and suggestions for batches of customers.

    python -m bench.links --customers 1000000 --orders 5000000 --folder var/bench

The shop is `bench.crm`'s, with products and two lines an order on the average put in. The peer is what one would write
by hand: a self-join of the lines that counts pairs, and weighs nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bench.big_shop import NOW, Size, drawn, numbers, open_big_shop
from bench.crm import Figure, print_head, timed, working_copy
from vefa.crm.recommendations.choosing import Recommender
from vefa.crm.recommendations.making import SPAN, make_links
from vefa.crm.tables import order_lines, orders, products
from vefa.database import Quantity, reading, to_micros, writing

BATCH, BATCHES = 1_000, 20
PAIRS = (
    "SELECT count(*) FROM (SELECT a.product_id, b.product_id, count(*) FROM order_lines a "
    "JOIN order_lines b ON b.order_id = a.order_id AND b.product_id > a.product_id "
    "JOIN orders o ON o.id = a.order_id WHERE o.placed_at > :since GROUP BY 1, 2 HAVING count(*) >= 3) pairs"
)


def fill(engine: Engine, goods: int) -> None:
    """Products, and one to three lines for each order: few products sell much, and neighbours go together."""
    with writing(engine) as connection:
        n = numbers(goods).c.n
        columns = {
            "id": n,
            "source": sa.literal("bench"),
            "outside_id": sa.cast(n, sa.Text),
            "name": sa.cast(n, sa.Text),
        }
        columns["category"] = sa.cast(n % 40, sa.Text)
        connection.execute(sa.insert(products).from_select(list(columns), sa.select(*columns.values())))
    for line in (1, 2, 3):
        with writing(engine) as connection:
            connection.execute(sa.insert(order_lines).from_select(_LINE, _lines(line, goods)))


_LINE = ["order_id", "line", "product_id", "quantity", "unit_price"]


def _lines(line: int, goods: int) -> sa.Select[Any]:
    n = orders.c.id
    popular = drawn(n, 20, goods) * (drawn(n, 21, 1_000) + 1) // sa.literal(1_000, sa.BigInteger)
    elsewhere = drawn(n, 22 + line, goods)
    chosen = popular if line == 1 else sa.case((drawn(n, 30 + line, 3) == 0, elsewhere), else_=popular + line - 1)
    # A few prices are enough: nothing here looks at them.
    columns = (n, sa.literal(line), chosen % goods + 1, sa.literal(Quantity.scale), sa.literal(100_000, sa.BigInteger))
    return sa.select(*columns).where(drawn(n, 40, 3) >= line - 1)


def measure(size: Size, goods: int, folder: Path, database: str | None = None) -> Iterator[Figure]:
    """Make the links, then suggest to customers batch by batch."""
    kept = open_big_shop(size, folder, database)
    with working_copy(kept, folder) as engine:
        fill(engine, goods)
        _forget_peak()
        made, wall, cpu = timed(make_links, engine, NOW)
        what = f"links (at most {_peak():,} MB of memory)"
        with reading(engine) as connection:
            _, peer, _ = timed(connection.scalar, sa.text(PAIRS), {"since": to_micros(NOW - SPAN)})
        yield Figure(what, made.orders, wall, cpu, "pairs by SQL", peer)
        yield _suggest(engine, size)


def _suggest(engine: Engine, size: Size) -> Figure:
    step = max(1, size.customers // (BATCH * BATCHES))
    people = range(1, size.customers, step)[: BATCH * BATCHES]
    recommender = Recommender()

    def all_of_them() -> int:
        for start in range(0, len(people), BATCH):
            some = people[start : start + BATCH]
            with reading(engine) as connection:
                recommender.recommend(connection, some, [None] * len(some), 3, NOW)
        return len(people)

    with reading(engine) as connection:
        recommender.best.read(connection, NOW)
    done, wall, cpu = timed(all_of_them)
    return Figure("suggestions, a thousand customers at a time", done, wall, cpu)


def _forget_peak() -> None:
    """What was held before counts no more."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak() -> int:
    """The most memory that this process has held since then, in MB."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(prog="python -m bench.links", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--products", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, default=Path("var/bench"), help="where the shop is kept")
    parser.add_argument("--database", help="URL of an empty PostgreSQL database to use instead of SQLite")
    given = parser.parse_args()
    print_head(f"{given.customers:,} customers, {given.orders:,} orders, {given.products:,} products")
    for figure in measure(Size(given.customers, given.orders), given.products, given.folder, given.database):
        print(figure.row(), flush=True)


if __name__ == "__main__":
    main()
