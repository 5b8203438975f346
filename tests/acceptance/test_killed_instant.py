"""`vefa instant` killed again and again as orders come in: nothing goes twice, none is forgotten (rules 13, 23)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

import pytest
import sqlalchemy as sa

from tests.acceptance.small_shop import BODY, KEY, PATIENCE, Books, Runner
from vefa.channels.fakes.behaviours import Asked, Behaviour, Hang
from vefa.crm.happenings import record_events
from vefa.crm.tables import events, orders
from vefa.database import writing
from vefa.engine.plans import store_plan
from vefa.plan.project import load_project
from vefa.settings import load_settings

JOURNEY = """\
name: At once
description: Says thank you.
owner: care@ornek.example
purpose: commercial
runs: at once
trigger: {event: order.placed}
steps:
  - email: thanks
    id: thanks
    subject: {en: "Thank you"}
"""
COMMAND = """\
from vefa.engine import vitals
from vefa.ledger import claims
claims.BATCH = 10
vitals.ENOUGH = 10**9  # so many in doubt would pause the journey
from vefa.cli import main
main()
"""
KILLS, BUYERS = 4, 30


def start(runner: Runner) -> subprocess.Popen[bytes]:
    given = {
        "VEFA_DATABASE_URL": runner.database_url,
        "VEFA_CHANNELS__EMAIL": "sendgrid",
        "VEFA_SENDGRID_BASE_URL": runner.provider.url,
        "VEFA_SENDGRID_API_KEY": KEY,
        "VEFA_SENDS_IN_FLIGHT": "2",
        "VEFA_SECRET_KEY": "a secret of tests only, long enough to sign with",
    }
    command = [sys.executable, "-c", COMMAND, "--root", str(runner.root), "instant"]
    return subprocess.Popen(command, env=os.environ | given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def order(engine: sa.Engine, first: int, customers: range) -> None:
    """Each of these customers orders now."""
    now = datetime.now(UTC)
    rows = [
        {
            "source": "shop",
            "outside_id": f"N{first + n}",
            "number": f"N{first + n}",
            "customer_id": n,
            "total": 100,
            "currency": "TRY",
            "placed_at": now,
            "placed_known_at": now,
        }
        for n in customers
    ]
    with writing(engine) as connection:
        connection.execute(sa.insert(orders), rows)
        made = list(connection.scalars(sa.select(orders.c.id).where(orders.c.placed_at == now)))
        record_events(connection, "order", made)


def until(holds: Callable[[], bool], said: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, said
        time.sleep(0.05)


def sent_more(books: Books, before: int) -> bool:
    return len(books.provider.send_ids) > before


@pytest.mark.parametrize("filled_url", ["sqlite", "postgresql"], indirect=True)
def test_killed_again_and_again(runner: Runner, books: Books) -> None:
    root, engine, chance = runner.root, books.database, Random(7)
    (root / "journeys" / "order-news.yaml").write_text(JOURNEY)
    (root / "journeys" / "templates" / "thanks.en.html").write_text(BODY)
    settings = load_settings(root)
    with writing(engine) as connection:
        live = datetime.now(UTC) - timedelta(days=1)
        store_plan(connection, load_project(root, settings).plans["order-news"], live)

    def slowly(_asked: Asked) -> Behaviour | None:
        return Hang(0.2)

    runner.provider.script.rule(slowly)
    for kill in range(KILLS):
        before = len(books.provider.send_ids)
        process = start(runner)
        order(engine, kill * 1000, range(1 + kill * BUYERS, 1 + (kill + 1) * BUYERS))
        until(partial(sent_more, books, before), "nothing was ever sent")
        time.sleep(chance.uniform(0, 0.5))
        process.kill()
        process.wait()

    last = start(runner)
    try:
        until(lambda: settled(books), f"some are left: {books.states()} {books.enrolments()}")
    finally:
        last.terminate()
        assert last.wait(PATIENCE) == 0, "it ends when it is asked to"
    books.assert_no_attempt_twice()
    with engine.connect() as connection:
        bought = set(connection.scalars(sa.select(events.c.id).where(events.c.object_key.like("N%"))))
    assert len(books.sends()) == len(bought) == KILLS * BUYERS
    assert set(books.taken()) >= books.in_state("sent")
    assert set(books.taken()) <= books.in_state("sent", "unknown")
    assert len(books.in_state("unknown")) <= KILLS * 2 * 10, "no more than what was on its way"


def settled(books: Books) -> bool:
    return len(books.sends()) == KILLS * BUYERS and set(books.states()) <= {"sent", "unknown"}
