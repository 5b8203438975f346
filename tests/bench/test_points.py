"""What is measured is done: both ways post all that is due, and leave a ledger that adds up."""

from __future__ import annotations

import re

import sqlalchemy as sa

from bench.points import END, MONTHS, ROOT, SEED, measure
from vefa.crm.demo_shop import make_demo_shop
from vefa.crm.points import point_moves
from vefa.database import reading
from vefa.plan.project import load_loyalty
from vefa.rewards.ledger_check import check_ledger
from vefa.rewards.points import settle_points
from vefa.settings import load_settings


def test_one_by_one_and_in_batches_everything_is_posted_once(sqlite_engine: sa.Engine) -> None:
    settings = load_settings(ROOT)
    programme = load_loyalty(ROOT, settings)
    make_demo_shop(sqlite_engine, 60, MONTHS, SEED, settings, END)

    said = measure(sqlite_engine, settings, programme, alone=20)

    counted = [int(number) for number in re.findall(r"\((\d+) customers", said)]
    with reading(sqlite_engine) as connection:
        have = connection.scalar(sa.select(sa.func.count(sa.distinct(point_moves.c.customer_id)))) or 0
        assert check_ledger(connection).faults == ()
    assert counted[0] == 20 and sum(counted) >= have > 20
    assert settle_points(sqlite_engine, programme, settings.shop, END).moves == 0
