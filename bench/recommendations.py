"""What suggestions would have been worth: held-out evaluation on the UCI's Online Retail data.

    python -m bench.recommendations FOLDER

FOLDER holds `online_retail*.csv*`. The shop is imported with its own column map. At each of several moments everything
later is held back: links and best-sellers are made as of then, three products are suggested to every customer who comes
back within 60 days, and a hit is one of the three that stands in their next order. Products that they had already
count for nobody. All run through the code that messages use; only what they are weighed by differs.

The data has no categories. The last word of a product's name stands for one (BAG, HOLDER, CLOCK …).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.facts import counted
from vefa.crm.importers.map_files import find_map
from vefa.crm.importers.runs import run_import
from vefa.crm.recommendations.best_sellers import BestSellers, Shelves
from vefa.crm.recommendations.choosing import Recommender
from vefa.crm.recommendations.counting import Pairs
from vefa.crm.recommendations.linked import Link, Linked
from vefa.crm.recommendations.making import make_links
from vefa.crm.recommendations.weighing import Floats, Weigh, surprise
from vefa.crm.tables import order_lines, orders, products
from vefa.database import reading, writing
from vefa.settings import load_settings
from vefa.store import open_store

ROOT = Path(__file__).parent.parent
MOMENTS = tuple(datetime(2011, month, day, tzinfo=UTC) for month, day in ((6, 1), (7, 1), (8, 1), (9, 1), (10, 1)))
WITHIN = timedelta(days=60)
COUNT, BATCH = 3, 1_000

#: What the suggestions go by: everything bought of late, or the last order, as right after it was placed.
Basis = Literal["their last orders", "the last order alone"]
BASES: tuple[Basis, ...] = ("their last orders", "the last order alone")


class _NoLinks(Linked):
    def read(self, *_: object) -> Mapping[int, tuple[Link, ...]]:
        return {}


class _OneShelf(BestSellers):
    def read(self, connection: Connection, now: datetime) -> Shelves:
        return {"": super().read(connection, now)[""]}


def plain_count(pairs: Pairs) -> Floats:
    """How often both were bought."""
    return pairs.both.astype(np.float64)


def lift(pairs: Pairs) -> Floats:
    """How many times as often as by chance."""
    return pairs.both * (pairs.total / (pairs.one.astype(np.float64) * pairs.two))


def cosine(pairs: Pairs) -> Floats:
    """The count over the root of both products' own counts."""
    return pairs.both / np.sqrt(pairs.one.astype(np.float64) * pairs.two)


WEIGHINGS: dict[str, Weigh] = {
    "plain count of both": plain_count,
    "lift": lift,
    "cosine": cosine,
    "log-likelihood ratio, its root (vefa)": surprise,
}
BASELINES: dict[str, Callable[[], Recommender]] = {
    "best-sellers of the shop": lambda: Recommender(_OneShelf(), _NoLinks()),
    "best-sellers of their categories": lambda: Recommender(linked=_NoLinks()),
}


@dataclass(frozen=True)
class Held:
    """Who came back: their last order before the moment, and what they bought next."""

    customer: int
    last: int
    next: frozenset[int]


@dataclass
class Score:
    """What came of one way to suggest, over all moments."""

    way: str
    basis: Basis
    customers: int = 0
    hits: int = 0
    coverage: float = 0.0

    @property
    def hit_rate(self) -> float:
        return self.hits / self.customers if self.customers else 0.0


def evaluate(engine: Engine, moments: Sequence[datetime]) -> list[Score]:
    """Every way, with each basis, at each moment. The links in the store are made anew meanwhile."""
    scores = {(way, basis): Score(way, basis) for basis in BASES for way in (*BASELINES, *WEIGHINGS)}
    for moment in moments:
        held, sold = held_out(engine, moment)
        for way, recommender in _ways(engine, moment):
            for basis in BASES:
                _add(scores[way, basis], engine, recommender, held, sold, moment)
    for score in scores.values():
        score.coverage /= len(moments)
    return list(scores.values())


def _ways(engine: Engine, moment: datetime) -> Iterator[tuple[str, Recommender]]:
    for way, make in BASELINES.items():
        yield way, make()
    for way, weigh in WEIGHINGS.items():
        make_links(engine, moment, weigh=weigh)
        yield way, Recommender()


def _add(
    score: Score, engine: Engine, recommender: Recommender, held: Sequence[Held], sold: int, moment: datetime
) -> None:
    shown: set[int] = set()
    for start in range(0, len(held), BATCH):
        batch = held[start : start + BATCH]
        last = [one.last if score.basis == "the last order alone" else None for one in batch]
        with reading(engine) as connection:
            rows = recommender.explain(connection, [one.customer for one in batch], last, COUNT, moment)
        for one, row in zip(batch, rows, strict=True):
            suggested = {chosen.product for chosen, _ in row}
            shown |= suggested
            score.hits += bool(suggested & one.next)
            score.customers += 1
    score.coverage += len(shown) / sold if sold else 0.0


def held_out(engine: Engine, moment: datetime) -> tuple[list[Held], int]:
    """Everybody who had bought before the moment and bought again soon after it; and how many products had been sold
    in the 90 days before it."""
    o, line = orders.c, order_lines.c
    mine = sa.select(o.customer_id, o.id, o.placed_at, line.product_id).join_from(orders, order_lines)
    mine = mine.where(o.customer_id.is_not(None)).order_by(o.placed_at, o.id)
    with reading(engine) as connection:
        before = connection.execute(mine.where(o.placed_at <= moment, counted(moment))).all()
        after = connection.execute(mine.where(o.placed_at > moment, o.placed_at <= moment + WITHIN)).all()
    last = {row.customer_id: row.id for row in before}
    has: dict[int, set[int]] = {}
    for row in before:
        has.setdefault(row.customer_id, set()).add(row.product_id)
    order: dict[int, int] = {}
    bought: dict[int, set[int]] = {}
    for row in after:
        if row.customer_id in last and order.setdefault(row.customer_id, row.id) == row.id:
            bought.setdefault(row.customer_id, set()).add(row.product_id)
    late = {row.product_id for row in before if row.placed_at > moment - timedelta(days=90)}
    return [Held(one, last[one], frozenset(new - has[one])) for one, new in sorted(bought.items())], len(late)


def give_categories(engine: Engine) -> None:
    """The last word of each name."""
    with writing(engine) as connection:
        rows = connection.execute(sa.select(products.c.id, products.c.name)).all()
        named = [{"one": row.id, "word": (row.name.split() or [""])[-1]} for row in rows]
        mine = products.c.id == sa.bindparam("one")
        connection.execute(sa.update(products).where(mine).values(category=sa.bindparam("word")), named)


def table(scores: Sequence[Score]) -> str:
    """The scores as a table in Markdown."""
    lines = []
    for basis in BASES:
        lines += [
            "",
            f"Suggested by {basis}:",
            "",
            "| way | customers | hit rate at 3 | coverage |",
            "|---|---|---|---|",
        ]
        for score in (each for each in scores if each.basis == basis):
            lines.append(f"| {score.way} | {score.customers:,} | {score.hit_rate:.1%} | {score.coverage:.1%} |")
    return "\n".join(lines)


def main() -> None:
    """Import, evaluate, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.recommendations", description=__doc__)
    parser.add_argument("folder", help="where online_retail*.csv* is")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vefa-bench-") as folder:
        url = f"sqlite:///{folder}/shop.db"
        settings = load_settings(ROOT).model_copy(update={"root": Path(folder), "database_url": url})
        column_map = find_map(load_settings(ROOT), "online-retail")
        engine = open_store(settings)
        run_import(engine, column_map, asked.folder, datetime(2012, 1, 1, tzinfo=UTC), True, settings)
        give_categories(engine)
        print(table(evaluate(engine, MOMENTS)))
        engine.dispose()


if __name__ == "__main__":
    main()
