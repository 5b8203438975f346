"""`vefa serve` killed in the middle of batches: what was answered is kept, what was not comes again, nothing twice."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
import pytest
import sqlalchemy as sa

from tests.acceptance.small_shop import PATIENCE, Books, Runner
from vefa.crm.tables import events, orders

KILLS, BATCH = 4, 100


class Serving:
    """The service as a process that dies, and is started again at the same address."""

    def __init__(self, root: Path, database_url: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._root = root
        secret = "a secret of tests only, long enough to sign with"
        limits = {"VEFA_WEB__LIMITS__KEY_PER_SECOND": "0", "VEFA_WEB__LIMITS__ADDRESS_PER_SECOND": "0"}
        self._environment = os.environ | limits | {"VEFA_DATABASE_URL": database_url, "VEFA_SECRET_KEY": secret}
        self._process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-c", "from vefa.cli import main; main()", "--root", str(self._root), *arguments]

    def key(self) -> str:
        made = self.command("keys", "add", "shop", "--scope", "events:write")
        said = subprocess.run(made, env=self._environment, capture_output=True, text=True, check=True, timeout=PATIENCE)
        return next(word for word in said.stdout.split() if word.startswith("vefa_"))

    def start(self) -> None:
        serve = self.command("serve", "--port", str(self.port), "--no-instant")
        self._process = subprocess.Popen(
            serve, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@pytest.fixture
def serving(runner: Runner) -> Iterator[Serving]:
    ours = Serving(runner.root, runner.database_url)
    ours.start()
    yield ours
    ours.kill()


class Shop(threading.Thread):
    """A shop that sends batch after batch, each again and again until it is answered."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__(daemon=True)
        self.url, self.headers = url, {"Authorization": f"Bearer {key}"}
        self.answered: list[Counter[str]] = []
        self.lost = 0
        self.stop = threading.Event()

    def run(self) -> None:
        with httpx.Client(timeout=PATIENCE) as client:
            while not self.stop.is_set():
                self._send(client, len(self.answered) * BATCH)

    def _send(self, client: httpx.Client, first: int) -> None:
        given = [
            {
                "id": f"e{n}",
                "type": "order.placed",
                "customer": {"id": f"C{n % 300 + 1}"},
                "object": {"id": f"K{n}"},
                "data": {"total": "10.00", "currency": "TRY"},
            }
            for n in range(first, first + BATCH)
        ]
        while True:
            try:
                answer = client.post(f"{self.url}/v1/events", json=given, headers=self.headers)
            except httpx.TransportError:
                self.lost += 1
                time.sleep(0.05)
                continue
            if answer.status_code == 200:
                self.answered.append(Counter(each["state"] for each in answer.json()["results"]))
                return


@pytest.mark.parametrize("filled_url", ["sqlite", "postgresql"], indirect=True)
def test_killed_in_the_middle_of_batches(serving: Serving, books: Books) -> None:
    chance, shop = Random(3), Shop(serving.url, serving.key())
    shop.start()
    for _ in range(KILLS):
        before = len(shop.answered)
        wait_for_more(shop, before)
        time.sleep(chance.uniform(0, 0.3))
        serving.kill()
        serving.start()
    wait_for_more(shop, len(shop.answered))
    shop.stop.set()
    shop.join(PATIENCE)

    assert shop.lost, "no request was ever cut, so this has shown nothing"
    sent = len(shop.answered) * BATCH
    with books.database.connect() as connection:
        keys = list(connection.scalars(sa.select(events.c.object_key).where(events.c.object_key.like("K%"))))
        numbers = list(connection.scalars(sa.select(orders.c.outside_id).where(orders.c.outside_id.like("K%"))))
    assert sorted(keys) == sorted(numbers) == sorted(f"K{n}" for n in range(sent))
    for told in shop.answered:  # a batch is kept whole or not at all
        assert set(told) in ({"new"}, {"known"})


def wait_for_more(shop: Shop, before: int) -> None:
    end = time.monotonic() + PATIENCE
    while len(shop.answered) < before + 2:
        assert time.monotonic() < end, "nothing is answered any more"
        time.sleep(0.02)
