"""Health over HTTP, on both databases."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from starlette.applications import Starlette

from tests.engine.worlds import HOUR, NOON, World, email, make_plan
from vefa.clock import stopped_at
from vefa.database import open_database
from vefa.settings import Settings, Shop
from vefa.web.health import health_app


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"shop": Shop(locales=("tr",))})


@pytest.fixture
def world(engine: sa.Engine, settings: Settings) -> World:
    """A customer with an order has got a message."""
    world = World(engine, settings)
    world.deploy(make_plan(email()))
    world.order(world.customer("Ayşe"), NOON)
    world.tick(NOON + HOUR)
    return world


@dataclass(frozen=True)
class Asked:
    """The application, asked as a server would ask it."""

    app: Starlette

    def get(self, path: str) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://vefa") as client:
                return await client.get(path)

        return asyncio.run(asked())


def ask(world: World, at: datetime = NOON + HOUR) -> Asked:
    return Asked(health_app(world.database, stopped_at(at)))


@pytest.fixture
def no_database(tmp_path: Path) -> Iterator[Asked]:
    engine = open_database(f"sqlite:///{tmp_path / 'empty.db'}")
    yield Asked(health_app(engine, stopped_at(datetime(2026, 3, 1, tzinfo=UTC))))
    engine.dispose()


def test_a_shop_that_is_on_time_answers_200_everywhere(world: World) -> None:
    asked = ask(world)

    codes = {path: asked.get(path).status_code for path in ("/health/live", "/health/ready", "/health/status")}
    assert set(codes.values()) == {200}
    assert asked.get("/health/status").json() == {"late": False, "troubles": []}


def test_a_shop_that_is_late_answers_503_and_why(world: World) -> None:
    answer = ask(world, NOON + timedelta(days=2)).get("/health/status")

    assert answer.status_code == 503
    assert answer.json()["troubles"][0]["kind"] == "not walked"
    assert ask(world, NOON + timedelta(days=2)).get("/health/ready").status_code == 200


def test_without_tables_it_lives_and_is_not_ready(no_database: Asked) -> None:
    assert no_database.get("/health/live").status_code == 200
    assert no_database.get("/health/ready").status_code == 503
    assert "version none" in no_database.get("/health/status").json()["problem"]
    assert no_database.get("/metrics").text.splitlines()[-1] == "vefa_ready 0"


def test_metrics_are_counts_in_prometheus_own_form(world: World) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    answer = ask(world).get("/metrics")
    samples = {
        (each.name, *sorted(each.labels.values())): each.value
        for family in text_string_to_metric_families(answer.text)
        for each in family.samples
    }

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert samples["vefa_ready",] == 1
    assert samples["vefa_journey_messages_24h", "sent", "thanks"] == 1
    assert samples["vefa_journey_running", "thanks"] == 1
    assert samples["vefa_troubles",] == 0


def test_no_answer_holds_a_customer(world: World) -> None:
    asked = ask(world, NOON + timedelta(days=2))

    said = "".join(asked.get(path).text for path in ("/health/status", "/metrics"))

    assert "Ayşe" not in said
    assert "ornek.example" not in said


def test_the_command_answers_on_loopback_until_it_is_stopped(example_root: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from vefa.cli import main; main()", "health", "--port", str(port)]
    environment = os.environ | {"VEFA_ROOT": str(example_root)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            said = process.stderr.readline()
            with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
                answer = client.get(f"http://127.0.0.1:{port}/health/live")
        finally:
            process.send_signal(signal.SIGTERM)

    assert f":{port}/health/status" in said
    assert answer.json() == {"live": True}
