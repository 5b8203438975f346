"""The sending process that gets killed: ticks of the given journeys, as a run does them, until they are through."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import sqlalchemy as sa
from pydantic import SecretStr

from tests.acceptance.small_shop import KEY
from vefa.database import open_database
from vefa.engine import delivery
from vefa.engine.lease import JourneyBusy, make_owner
from vefa.engine.shop import open_shop
from vefa.engine.walks import run_tick
from vefa.ledger import claims, pace
from vefa.settings import Channels, MessagesPerSecond, Settings
from vefa.settings import Shop as ShopSettings

# Imported here, so that a forked process has them: what is to be killed is the work, not the start of Python.
for _channel in ("sendgrid", "twilio"):
    import_module(f"vefa.channels.{_channel}")

#: Small enough that a small shop fills several of each. E-mails are claimed by the batch, SMS by the claim.
BATCH, CLAIM, IN_FLIGHT = 10, 4, 2
#: What one process may hold between claim and settlement.
HELD = IN_FLIGHT * BATCH
#: … and how long a provider that wants quiet is waited for: some storms are sat out, others left to the next run.
SIZES: Mapping[ModuleType, Mapping[str, object]] = {
    claims: {"BATCH": BATCH},
    delivery: {"CLAIM": CLAIM, "PATIENCE": timedelta(seconds=1.2)},
    pace: {"LONGEST_WAIT": 0.25},
}
#: Fast, and yet every message waits for a token.
RATES = MessagesPerSecond(email=5_000, sms_sender=1_000)
#: Seconds that a busy journey is asked for again.
PATIENCE = 10.0
#: Milliseconds that SQLite waits for a lock, as the shop itself has it.
PATIENT = 30_000


#: To a process whose database is files: they are gone.
LOSE_FILES = signal.SIGUSR1


@dataclass(frozen=True)
class Job:
    """What one process is to do. Its clock begins at `now`, that of leases and pace at `wall`."""

    root: Path
    database_url: str
    email_url: str
    sms_url: str
    now: datetime
    wall: datetime
    journeys: tuple[str, ...]
    provider_timeout: float = 20.0
    busy_milliseconds: int = PATIENT
    largest_file: int | None = None
    most_pages: int | None = None

    @property
    def special(self) -> bool:
        """Whether its connections are not as others are."""
        return self.busy_milliseconds != PATIENT or self.most_pages is not None


@dataclass(frozen=True)
class Begun:
    """A process has begun."""

    pid: int


@dataclass(frozen=True)
class Ended:
    """A process has ended: 0, 1 for an error, or minus the signal."""

    pid: int
    code: int


def nurse(line: Connection, job: Job) -> None:
    """Do the job, then give birth to a process for each job that comes, and tell of its beginning and its end.

    They begin where this one stands, with its statements compiled: what is killed is the work, not the start of
    Python. They inherit no connection and no thread.
    """
    engine = _database(job)
    _walk(job, engine)
    engine.dispose()
    line.send(Begun(os.getpid()))
    children: set[int] = set()
    while True:
        while line.poll(0.002 if children else None):
            try:
                wanted = line.recv()
            except EOFError:
                return
            pid = os.fork()
            if not pid:
                _work(wanted, engine if wanted.database_url == job.database_url and not wanted.special else None)
            children.add(pid)
            line.send(Begun(pid))
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid:
            children.discard(pid)
            line.send(Ended(pid, os.waitstatus_to_exitcode(status)))


def _work(job: Job, engine: sa.Engine | None) -> NoReturn:
    """Whatever is raised ends the process with 1 and stands in `worker.log`."""
    log = os.open(job.root / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 1
    signal.signal(LOSE_FILES, lambda *_: _lose(Path(sa.make_url(job.database_url).database or "")))
    try:
        _walk(job, engine or _database(job))
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _lose(database: Path) -> None:
    """In place of each open file of the database stands one that cannot be read or written."""
    if not database.is_absolute():
        return
    folder = os.open("/", os.O_RDONLY)
    for held in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if held.readlink().name.startswith(database.name):
                os.dup2(folder, int(held.name))


def _walk(job: Job, engine: sa.Engine) -> None:
    for module, sizes in SIZES.items():
        for name, value in sizes.items():
            if not hasattr(module, name):
                raise LookupError(f"{module.__name__}.{name} stands elsewhere now: name its place here")
            setattr(module, name, value)
    if job.largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.largest_file, job.largest_file))
    shop = open_shop(_settings(job), database=engine)
    begun = time.monotonic()
    owner, waiting = make_owner(), list(job.journeys)
    while waiting and time.monotonic() - begun < PATIENCE:
        for journey in tuple(waiting):
            try:
                run_tick(shop, journey, clock=_clock(job.now), owner=owner, wall=_clock(job.wall))
                waiting.remove(journey)
            except JourneyBusy:
                time.sleep(0.02)
    shop.close()


def _clock(now: datetime) -> Callable[[], datetime]:
    begun = time.monotonic()
    return lambda: now + timedelta(seconds=time.monotonic() - begun)


def _settings(job: Job) -> Settings:
    return Settings(
        root=job.root,
        shop=ShopSettings(locales=("en",)),
        channels=Channels(email="sendgrid", sms="twilio"),
        database_url=job.database_url,
        sendgrid_base_url=job.email_url,
        sendgrid_api_key=SecretStr(KEY),
        twilio_base_url=job.sms_url,
        twilio_account_sid="AC0123",
        twilio_auth_token=SecretStr("a token of tests only"),
        provider_timeout_seconds=job.provider_timeout,
        sends_in_flight=IN_FLIGHT,
        messages_per_second=RATES,
        secret_key=SecretStr("a secret of tests only, long enough to sign with"),
    )


def _database(job: Job) -> sa.Engine:
    engine = open_database(job.database_url)
    pragmas = [f"busy_timeout={job.busy_milliseconds}"]
    pragmas += [f"max_page_count={job.most_pages}"] if job.most_pages is not None else []

    def prepare(connection: Any, _record: Any) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", prepare)
    return engine
