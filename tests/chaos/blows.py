"""What is done to a run: one frozen record a blow, drawn from a seed before anything begins."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.chaos.databases import SHORT, Postgresql, Sqlite
from tests.chaos.proxy import Cut, Fault, Silence
from tests.chaos.shop import JOURNEYS
from tests.chaos.worker import BATCH, HELD, Job

if TYPE_CHECKING:
    from tests.chaos.driver import Chaos
    from tests.chaos.nursery import Running

#: Seconds that a fault of the database lasts, and that the shop waits for a silent provider.
LASTS, TIMEOUT = 0.6, 1.2


@dataclass(frozen=True)
class Blow:
    """Nothing at all: a run that is left in peace. The others say what they change of that."""

    def prepare(self, chaos: Chaos, job: Job, worker: int) -> Job:
        """The process's job, changed."""
        return job

    def before(self, chaos: Chaos) -> None:
        """Before the processes begin."""

    def fall(self, chaos: Chaos, running: Running) -> None:
        """While they are at work."""

    def after(self, chaos: Chaos) -> None:
        """Put right again, once they have ended."""

    def most_in_doubt(self, workers: int) -> int:
        """So many messages more may be in doubt after it: none, where no process ends and the wire is whole."""
        return 0


@dataclass(frozen=True)
class _Fatal(Blow):
    """Ends processes in the middle of their work: in doubt is what they had in flight."""

    def most_in_doubt(self, workers: int) -> int:
        return workers * HELD


@dataclass(frozen=True)
class Kill(_Fatal):
    """SIGKILL after so much of a run's usual length: one share a process, None for one that lives."""

    shares: tuple[float | None, ...]

    def fall(self, chaos: Chaos, running: Running) -> None:
        begun = time.monotonic()
        for share, number in sorted((share, i) for i, share in enumerate(self.shares) if share is not None):
            time.sleep(max(0.0, begun + share * chaos.span - time.monotonic()))
            running.kill(number)


@dataclass(frozen=True)
class Wire(Blow):
    """Faults on the next requests to the providers; those of them that cut may kill all processes at that byte.
    `sure`: each of them says that nothing was taken."""

    email: tuple[Fault | None, ...] = ()
    sms: tuple[Fault | None, ...] = ()
    sure: bool = False

    def prepare(self, chaos: Chaos, job: Job, worker: int) -> Job:
        silent = any(isinstance(fault, Silence) for fault in (*self.email, *self.sms))
        return replace(job, provider_timeout=TIMEOUT) if silent else job

    def before(self, chaos: Chaos) -> None:
        chaos.email_wire.queue(*self.email)
        chaos.sms_wire.queue(*self.sms)

    def most_in_doubt(self, workers: int) -> int:
        if self.sure:
            return 0
        emails, texts = [*filter(None, self.email)], [*filter(None, self.sms)]
        kills = any(isinstance(fault, Cut) and fault.kills for fault in (*emails, *texts))
        return BATCH * len(emails) + len(texts) + kills * workers * HELD


@dataclass(frozen=True)
class Lock(_Fatal):
    """Somebody holds the database for longer than anybody waits."""

    share: float

    def prepare(self, chaos: Chaos, job: Job, worker: int) -> Job:
        return replace(job, database_url=chaos.database.hasty_url, busy_milliseconds=SHORT)

    def fall(self, chaos: Chaos, running: Running) -> None:
        time.sleep(self.share * chaos.span)
        with chaos.database.locked():
            running.wait(LASTS)


@dataclass(frozen=True)
class Vanish(_Fatal):
    """The database is gone in the middle of a run; one begun without it must fail and do no harm."""

    share: float

    def prepare(self, chaos: Chaos, job: Job, worker: int) -> Job:
        return replace(job, busy_milliseconds=SHORT)

    def fall(self, chaos: Chaos, running: Running) -> None:
        time.sleep(self.share * chaos.span)
        chaos.database.vanish()
        running.lose_files()
        try:
            running.wait()
            assert chaos.nursery.start(chaos.job()).wait() != [0], "a run without a database said that all was well"
        finally:
            chaos.database.come_back()


@dataclass(frozen=True)
class CutOff(_Fatal):
    """The server ends everybody's connections, at several moments (PostgreSQL)."""

    shares: tuple[float, ...]

    def fall(self, chaos: Chaos, running: Running) -> None:
        assert isinstance(chaos.database, Postgresql)
        begun = time.monotonic()
        for share in sorted(self.shares):
            time.sleep(max(0.0, begun + share * chaos.span - time.monotonic()))
            chaos.database.cut_off()


@dataclass(frozen=True)
class ReadOnly(_Fatal):
    """From a moment on new connections may not write, as on a stand-by (PostgreSQL)."""

    share: float

    def fall(self, chaos: Chaos, running: Running) -> None:
        assert isinstance(chaos.database, Postgresql)
        time.sleep(self.share * chaos.span)
        chaos.database.refuse(writes=True)
        chaos.database.cut_off()
        running.wait()

    def after(self, chaos: Chaos) -> None:
        assert isinstance(chaos.database, Postgresql)
        chaos.database.refuse(writes=False)
        chaos.database.cut_off()


@dataclass(frozen=True)
class FullDisk(_Fatal):
    """The disk takes a little more, then no more (SQLite): so many bytes of the log of changes by the system's limit,
    or so many pages of the database by SQLite's own."""

    log: int | None = None
    pages: int = 0

    def prepare(self, chaos: Chaos, job: Job, worker: int) -> Job:
        assert isinstance(chaos.database, Sqlite)
        if self.log is None:
            return replace(job, most_pages=chaos.database.pages(chaos.engine) + self.pages)
        return replace(job, largest_file=chaos.database.shortest_log(chaos.engine) + self.log)


@dataclass(frozen=True)
class FullServerDisk(_Fatal):
    """The same of a server's disk, which ends the server (PostgreSQL)."""

    room: int

    def before(self, chaos: Chaos) -> None:
        assert isinstance(chaos.database, Postgresql)
        chaos.database.server.fill_disk(self.room)

    def after(self, chaos: Chaos) -> None:
        chaos.database.vanish()
        chaos.database.come_back()


@dataclass(frozen=True)
class Clock(Blow):
    """Business time, and the wall clock of leases, of one of the processes stand elsewhere."""

    business: timedelta
    wall: timedelta

    def prepare(self, chaos: Chaos, job: Job, worker: int) -> Job:
        # The last process has the wrong clock; where there are two, the other goes by the right one.
        if worker < chaos.workers - 1:
            return job
        return replace(job, now=job.now + self.business, wall=job.wall + self.wall)

    def most_in_doubt(self, workers: int) -> int:
        """Of two who do not agree about the time, one may take the other for dead, once in each journey that it walks:
        what that one has in flight then is in doubt."""
        return (workers - 1) * HELD * len(JOURNEYS)
