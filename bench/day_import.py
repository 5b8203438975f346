"""One day's files into a shop: what a row costs in a big shop, beside what it costs in an empty one.

    python -m bench.day_import --customers 1000000 --orders 5000000 --folder var/bench

The day has one customer in a hundred with a new order, and as many earlier orders corrected. A row must cost about as
much in either shop: an import may not grow with what is there already.
"""

from __future__ import annotations

import argparse
import csv
import shutil
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.engine import Engine

from bench.big_shop import NOW, Size, open_big_shop
from bench.crm import ROOT, Figure, print_head, timed, working_copy
from vefa.crm import facts
from vefa.crm.importers.map_files import find_map
from vefa.crm.importers.runs import run_import
from vefa.settings import Settings, load_settings
from vefa.store import open_store

_PERSON = (
    "customer_id first_name last_name gender birth_date language country city preferred_channel created_at email phone"
)
_ORDER = "order_id number customer_id total currency coupon_code placed_at shipped_at delivered_at cancelled_at"
DAY_AFTER = NOW + timedelta(days=1)


def measure(customers: int, orders: int, folder: Path) -> list[Figure]:
    """Measure, and print both."""
    size = Size(customers, orders)
    print_head(f"a day's files: {customers // 100:,} of {customers:,} customers")
    with TemporaryDirectory() as temporary, working_copy(open_big_shop(size, folder), folder) as engine:
        room = Path(temporary)
        rows = _write_day(size, room / "day")
        settings = load_settings(ROOT)
        facts.refresh(engine, NOW, settings.shop)
        empty = open_store(Settings(root=room))
        found = [_imported(engine, settings, room / "day", rows, "into the big shop")]
        found.append(_imported(empty, settings, room / "day", rows, "into an empty shop"))
        empty.dispose()
        for figure in found:
            print(figure.row())
        return found


def _imported(engine: Engine, settings: Settings, folder: Path, rows: int, what: str) -> Figure:
    source = find_map(settings, "shop-csv").model_copy(update={"source": "bench"})
    summary, wall, cpu = timed(run_import, engine, source, str(folder), DAY_AFTER, False, settings)
    told = sum(target.new + target.changed for target in summary.targets.values())
    _, more, busy = timed(facts.refresh, engine, DAY_AFTER, settings.shop)
    return Figure(f"{what} ({told:,} told, with roll-ups)", rows, wall + more, cpu + busy)


def _write_day(size: Size, folder: Path) -> int:
    """`customers.csv` and `orders.csv` in the shape that shop-csv reads; how many rows they have."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    some = max(1, size.customers // 100)
    people = range(1, size.customers + 1, max(1, size.customers // some))
    born = {"first_name": "Ayşe", "language": "tr", "country": "TR", "created_at": "2024-01-01 10:00"}
    told = [{"customer_id": f"C{n}", "email": f"kisi{n}@posta.example", **born} for n in people]
    _write(folder / "customers.csv", _PERSON, told)
    bought = []
    for place, n in enumerate(people):
        old = size.orders - place * max(1, size.orders // some // 2)
        new = {"order_id": f"N{n}", "total": "249.90", "placed_at": f"{DAY_AFTER:%Y-%m-%d} 08:00"}
        corrected = {"order_id": f"O{old}", "total": "99.90", "placed_at": f"{NOW:%Y-%m-%d} 08:00"}
        bought += [{"customer_id": f"C{n}", "currency": "TRY", **order} for order in (new, corrected)]
    _write(folder / "orders.csv", _ORDER, bought)
    return len(people) * 3


def _write(path: Path, columns: str, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns.split(), restval="")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(prog="python -m bench.day_import", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=Path("var/bench"), help="where the shop is kept")
    measure(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
