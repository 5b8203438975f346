"""A month of exports replayed by `vefa run`: who is thanked, and when, is what pandas makes of the same files."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pandas as pd
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from vefa.cli.app import app
from vefa.crm.tables import customers
from vefa.database import open_database, reading
from vefa.engine.tables import step_names
from vefa.ledger.tables import sends

#: Summer time begins on 8 March in the US and on 29 March in Europe, ends on 5 April in Australia; Turkey and Japan
#: leave their clocks alone.
ZONES = {
    "US": "America/New_York",
    "GB": "Europe/London",
    "DE": "Europe/Berlin",
    "AU": "Australia/Sydney",
    "TR": "Europe/Istanbul",
    "JP": "Asia/Tokyo",
}
JOURNEY = "delivery-thank-you"
CURRENCIES = ("USD", "EUR", "GBP", "TRY")
BEGIN, END = "2026-03-07T00:00+00:00", "2026-04-07T00:00+00:00"
POLICY = "transactional: {email: {consent: no}}\n"


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    """The files of a shop: 150 customers; 420 orders, some delivered before the replay begins, some never."""
    folder, chance = tmp_path / "exports", Random(150)
    folder.mkdir()
    people = pd.DataFrame(
        {
            "customer_key": range(1, 151),
            "given_name": [f"Name{n}" for n in range(1, 151)],
            "surname": "Test",
            "gender": "female",
            "birthday": "1990-05-17",
            "country": [chance.choice(list(ZONES)) for _ in range(150)],
            "city": "Somewhere",
            "start_dt": "2025-11-02",
        }
    )
    orders = pd.DataFrame({"order_key": range(1000, 1420)})
    orders["customer_key"] = [chance.choice([chance.randint(1, 150), chance.randint(1, 40)]) for _ in orders.index]
    placed = pd.Timestamp("2026-02-20")
    orders["order_date"] = [placed + pd.Timedelta(days=chance.randint(0, 40)) for _ in orders.index]
    orders["delivery_date"] = [
        day + pd.Timedelta(days=chance.randint(1, 6)) if chance.random() < 0.9 else None for day in orders.order_date
    ]
    orders["currency_code"] = [chance.choice(CURRENCIES) for _ in orders.index]
    lines = orders[["order_key"]].assign(line_number=1, product_key=7, quantity=2, net_price="12.50")
    product = {"product_key": [7], "product_name": "Cup", "category_name": "Kitchen", "brand": "Own", "price": "14.00"}
    people.to_csv(folder / "customer.csv", index=False)
    orders.to_csv(folder / "orders.csv", index=False)
    lines.to_csv(folder / "orderrows.csv", index=False)
    pd.DataFrame(product).to_csv(folder / "product.csv", index=False)
    return folder


def test_a_replayed_month_thanks_whom_pandas_would_and_when(example_root: Path, exports: Path) -> None:
    (example_root / "config" / "policy.yaml").write_text(POLICY, encoding="utf-8")
    for other in (example_root / "journeys").glob("*.yaml"):
        if other.stem != JOURNEY:  # their hours would be walked through as well
            other.unlink()
    _vefa(example_root, "import", "contoso", str(exports), "--history", "--now", END)
    _vefa(example_root, "run", JOURNEY, "--now", BEGIN, "--until", END, "--every", "1h")

    thanked = _thanked(example_root)
    assert thanked == _expected(exports)
    assert len(thanked) > 150
    assert len({customer for customer, _ in thanked}) < len(thanked), "nobody came back after a week"


def _vefa(root: Path, *arguments: str) -> None:
    result = CliRunner().invoke(app, ["--root", str(root), *arguments])
    assert result.exit_code == 0, result.output


def _thanked(root: Path) -> set[tuple[str, pd.Timestamp]]:
    engine = open_database(f"sqlite:///{root / 'var' / 'vefa.db'}")
    query = (
        sa.select(customers.c.outside_id, sends.c.claimed_at)
        .join_from(sends, customers, customers.c.id == sends.c.customer_id)
        .join(step_names, step_names.c.id == sends.c.step)
        .where(step_names.c.name == "thanks", sends.c.state == "sent")
    )
    with reading(engine) as connection:
        found = [(row.outside_id, pd.Timestamp(row.claimed_at)) for row in connection.execute(query)]
    engine.dispose()
    assert len(set(found)) == len(found)
    return set(found)


def _expected(exports: Path) -> set[tuple[str, pd.Timestamp]]:
    """Delivered within the month, a week or more after the delivery for which they were thanked last."""
    orders = pd.read_csv(exports / "orders.csv", parse_dates=["delivery_date"]).dropna(subset="delivery_date")
    orders = orders.merge(pd.read_csv(exports / "customer.csv"), on="customer_key")
    orders["at"] = (orders.delivery_date + pd.Timedelta(hours=12.5)).dt.tz_localize("UTC")
    found, last = set(), dict[int, pd.Timestamp]()
    for order in orders[orders["at"] >= BEGIN].sort_values("at").itertuples():
        if order.customer_key in last and order.at - last[order.customer_key] < pd.Timedelta(days=7):
            continue
        last[order.customer_key] = order.at
        morning = order.at.tz_convert(ZONES[order.country]).tz_localize(None).normalize() + pd.Timedelta(hours=34)
        moment = morning.tz_localize(ZONES[order.country]).tz_convert("UTC")
        if moment <= pd.Timestamp(END):
            found.add((str(order.customer_key), moment))
    return found
