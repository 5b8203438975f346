"""Shops to measure in: so many customers with consent, an address and a telephone number, made by SQL in sets.

A shop is made once and copied for each round, so that every round begins with the same database.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.engine import Connection, Engine

from vefa.database import metadata, to_micros, writing
from vefa.engine.plans import store_plan
from vefa.plan.project import load_project
from vefa.settings import Channels, MessagesPerSecond, Settings, load_settings
from vefa.store import open_store

ROOT = Path(__file__).parent.parent
OWN = Path(__file__).parent / "journeys"

#: 10:01 in Istanbul: the hour of the benchmark's journeys has just struck.
NOW = datetime(2026, 6, 1, 7, 1, tzinfo=UTC)
LIVE_SINCE = NOW - timedelta(hours=1)
JOINED = NOW - timedelta(days=400)
#: customers inserted in one transaction
PART = 100_000

Journey = Literal["newsletter", "text-message"]
JOURNEYS: tuple[Journey, ...] = ("newsletter", "text-message")

_NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT :low UNION ALL SELECT n + 1 FROM numbers WHERE n < :high)",
    "postgresql": "WITH numbers(n) AS (SELECT generate_series(CAST(:low AS BIGINT), CAST(:high AS BIGINT)))",
}
#: 32 hexadecimal digits in no order, as the keys of real addresses are
_KEYS = {
    "sqlite": "printf('%08x%024x', (n * 2654435761) % 4294967296, n * 2 + {0})",
    "postgresql": "lpad(to_hex((n * 2654435761) % 4294967296), 8, '0') || lpad(to_hex(n * 2 + {0}), 24, '0')",
}
_FIRST_NAME = (
    "CASE n % 8 WHEN 0 THEN 'Ayşe' WHEN 1 THEN 'İbrahim' WHEN 2 THEN 'Gökçe' WHEN 3 THEN 'Şükrü' WHEN 4 THEN 'Elif' "
    "WHEN 5 THEN 'Mehmet Can' WHEN 6 THEN 'Zeynep' ELSE 'Ali' END"
)


@dataclass(frozen=True)
class Shop:
    """A shop's folder, and how many customers it has. `database_url` is for one that is not in the folder."""

    folder: Path
    customers: int
    database_url: str = "sqlite:///var/vefa.db"

    def settings(self, url: str, journey: Journey = "newsletter", in_flight: int | None = None) -> Settings:
        """As shipped, with the channel of the journey's medium pointing to the sink."""
        by_email = journey == "newsletter"
        own = {
            "channels": Channels(email="sendgrid") if by_email else Channels(sms="twilio"),
            "sendgrid_base_url" if by_email else "twilio_base_url": url,
            "sendgrid_api_key": SecretStr("SG.bench"),
            "twilio_account_sid": "AC00000000000000000000000000000001",
            "twilio_auth_token": SecretStr("bench"),
            "secret_key": SecretStr("a key of the benchmark, long enough"),
            "database_url": self.database_url,
            # What is measured is how fast it can go, not how fast a sender's provider lets it.
            "messages_per_second": MessagesPerSecond(sms_sender=0),
        }
        own |= {} if in_flight is None else {"sends_in_flight": in_flight}
        return load_settings(self.folder).model_copy(update=own)

    @contextmanager
    def copied(self) -> Iterator[Shop]:
        """The same shop once more, for one round; gone with the block."""
        folder = self.folder.with_name(f"{self.folder.name}-copy")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder)
        with (folder / "var" / "vefa.db").open("rb") as database:
            os.fsync(database.fileno())  # else the system writes it while we measure
        try:
            yield Shop(folder, self.customers, self.database_url)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def make_folder(folder: Path) -> Path:
    """Journeys and configuration as they ship, and the benchmark's own journeys among them."""
    for room in ("journeys", "config"):
        shutil.copytree(ROOT / room, folder / room)
    for path in OWN.rglob("newsletter.*"):
        shutil.copyfile(path, folder / "journeys" / path.relative_to(OWN))
    shutil.copyfile(OWN / "text-message.yaml", folder / "journeys" / "text-message.yaml")
    with (folder / "config" / "segments.yaml").open("a", encoding="utf-8") as segments:
        segments.write((OWN / "segments.yaml").read_text(encoding="utf-8"))
    return folder


def make_shop(folder: Path, customers: int, database_url: str | None = None) -> Shop:
    """A shop of that many customers, its journeys deployed an hour before NOW."""
    shop = Shop(make_folder(folder), customers, *([database_url] if database_url else []))
    settings = shop.settings("http://127.0.0.1:9")
    engine = open_store(settings)
    fill(engine, customers)
    plans = load_project(settings.root, settings).plans
    with writing(engine) as connection:
        for journey in JOURNEYS:
            store_plan(connection, plans[journey], LIVE_SINCE)
    _settle_down(engine)
    engine.dispose()
    return shop


def fill(engine: Engine, customers: int) -> None:
    """Customers 1 to `customers`, who may all be written to."""
    with _indexes_last(engine):
        for low in range(1, customers + 1, PART):
            with writing(engine) as connection:
                _insert(connection, low, min(low + PART - 1, customers))


@contextmanager
def _indexes_last(engine: Engine) -> Iterator[None]:
    """Each index is made at the end, by one sort: keys in no order cost a page each once they outgrow the cache."""
    tables = ("customers", "contacts", "consents")
    indexes = [index for name in tables for index in metadata.tables[name].indexes]
    with writing(engine) as connection:
        for index in indexes:
            index.drop(connection)
    yield
    with writing(engine) as connection:
        for index in indexes:
            index.create(connection)


def _insert(connection: Connection, low: int, high: int) -> None:
    dialect = connection.dialect.name
    bound = {"low": low, "high": high, "joined": to_micros(JOINED), "yes": True}
    email, phone = (_KEYS[dialect].format(kind) for kind in (0, 1))
    contact = "customer_id, channel, address, address_key"
    for table, columns, values in (
        (
            "customers",
            "id, outside_id, first_name, language, country, zone, created_at, known_at, bucket",
            f"n, 'B' || n, {_FIRST_NAME}, 'tr', 'TR', 'Europe/Istanbul', :joined, :joined, (n * 48271) % 2147483647",
        ),
        ("contacts", contact, f"n, 'email', 'kisi' || n || '@posta.example', {email}"),
        ("contacts", contact, f"n, 'sms', '+' || (905000000000 + n), {phone}"),
        *(
            (
                "consents",
                "customer_id, channel, purpose, granted, source, occurred_at, known_at",
                f"n, '{channel}', 'commercial', :yes, 'bench', :joined, :joined",
            )
            for channel in ("email", "sms")
        ),
    ):  # fmt: skip
        insert, used = f"INSERT INTO {table} ({columns})", f"{values} FROM numbers"
        # SQLite wants WITH before the SELECT, PostgreSQL takes it there too.
        statement = sa.text(f"{insert} {_NUMBERS[dialect]} SELECT {used}")
        names = [name for name in bound if f":{name}" in statement.text]
        connection.execute(statement, {name: bound[name] for name in names})


def _settle_down(engine: Engine) -> None:
    """Nothing is left to be written later, and PostgreSQL knows its tables as its autovacuum would tell it."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("VACUUM ANALYZE")
            connection.exec_driver_sql("CHECKPOINT")
            return
    with engine.connect() as connection:
        raw = connection.connection.cursor()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()
