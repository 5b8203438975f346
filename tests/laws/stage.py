"""Plays a history on the real engine: facts come in when known, journeys tick, a channel answers by a script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.laws.histories import Doing, History, Person
from tests.laws.provider import Crash, Request, ScriptedChannel
from vefa.clock import stopped_at
from vefa.crm import tables
from vefa.crm.happenings import mark_stale, record_events
from vefa.crm.identity import address_key, bucket
from vefa.database import metadata, reading, writing
from vefa.engine.lease import JourneyBusy
from vefa.engine.plans import set_state, store_plan
from vefa.engine.reports import TickReport
from vefa.engine.shop import Shop, open_shop
from vefa.engine.tables import enrolments, step_names
from vefa.engine.walks import run_tick
from vefa.plan.policy import Policy
from vefa.plan.steps import Medium
from vefa.settings import Settings

FACTS = {"order": tables.orders, "return": tables.returns, "ticket": tables.tickets, "review": tables.reviews}
FIRST_MOMENT = {"order": "placed", "return": "requested", "ticket": "opened", "review": "posted"}


@dataclass
class Stage:
    """A shop in a database, at a moment of a history."""

    history: History
    shop: Shop
    clock: list[datetime]
    got: list[Request]
    reports: list[TickReport] = field(default_factory=list)
    written: dict[int, dict[str, Any]] = field(default_factory=dict)
    crashed: int = 0
    commits: int = 0

    @property
    def database(self) -> sa.Engine:
        return self.shop.database

    def go_live(self) -> None:
        """The history's first moment: everybody is there, the journeys go live."""
        with writing(self.database) as connection:
            for number, person in enumerate(self.history.people, 1):
                _write_person(connection, self.history, number, person)
            record_events(connection, "customer", None)
        self.learn(0)
        with writing(self.database) as connection:
            for plan in self.history.journeys:
                store_plan(connection, plan, self.history.start)

    def learn(self, minute: int) -> None:
        """Put into the database what stands there by now."""
        with writing(self.database) as connection:
            for number, doing in enumerate(self.history.doings, 1):
                row: dict[str, Any] = {}
                for name, moment in doing.moments.items():
                    if moment.known + moment.late <= minute:
                        row[f"{name}_at"] = self.history.moment(moment.occurred(minute))
                        row[f"{name}_known_at"] = self.history.moment(moment.known)
                if f"{FIRST_MOMENT[doing.kind]}_at" in row and self.written.get(number) != row:
                    self._write(connection, number, row)

    def _write(self, connection: sa.Connection, number: int, row: dict[str, Any]) -> None:
        doing, table = self.history.doings[number - 1], FACTS[self.history.doings[number - 1].kind]
        if number in self.written:
            connection.execute(sa.update(table).where(table.c.id == number).values(row))
        else:
            order = doing.order + 1 if doing.order is not None and self._stands_before(doing.order, doing) else None
            own: dict[str, Any] = {"id": number, "source": "shop", "outside_id": str(number)}
            own |= {"customer_id": doing.person + 1}
            if doing.kind == "order":
                own |= {"number": f"N{number}", "total": doing.total, "currency": "TRY"}
            else:
                own |= {"order_id": order}
            connection.execute(sa.insert(table).values(own | row))
        self.written[number] = row
        record_events(connection, doing.kind, [number])
        mark_stale(connection, [doing.person + 1])

    def _stands_before(self, order: int, doing: Doing) -> bool:
        """Whether the order is in the database before what belongs to it: else the link was never told."""
        first = self.history.doings[order].moments["placed"]
        own = doing.moments[FIRST_MOMENT[doing.kind]]
        return first.known + first.late <= own.known + own.late

    def tick(self, minute: int) -> bool:
        """All journeys, one after the other; whether all of it was completed."""
        self.clock[0] = now = self.history.moment(minute)
        whole = True
        for plan in self.history.journeys:
            try:
                clock = stopped_at(now)
                self.reports.append(run_tick(self.shop, plan.journey, clock=clock, wall=clock, owner="elsewhere:1:x"))
            except (Crash, JourneyBusy):  # who crashed while giving back the lease leaves it to run out
                whole, self.crashed = False, self.crashed + 1
        return whole

    def close_journeys(self, minute: int) -> None:
        """Nobody enters any more; who is inside finishes."""
        with writing(self.database) as connection:
            for plan in self.history.journeys:
                set_state(connection, plan.journey, "closing", self.history.moment(minute))

    def active(self) -> int:
        with reading(self.database) as connection:
            query = sa.select(sa.func.count()).select_from(enrolments).where(enrolments.c.state == "active")
            return connection.scalar(query) or 0


def _write_person(connection: sa.Connection, history: History, number: int, person: Person) -> None:
    outside = f"c{number}"
    row = {
        "id": number,
        "outside_id": outside,
        "first_name": "Ayşe",
        "birth_date": person.born,
        "language": "tr",
        "zone": person.zone,
        "preferred_channel": person.preferred,
        "created_at": person.joined,
        "known_at": person.joined,
        "bucket": bucket(outside),
    }
    connection.execute(sa.insert(tables.customers).values(row))
    for channel in sorted(person.channels):
        address = address_of(number, channel)
        contact = {"customer_id": number, "channel": channel, "address": address, "address_key": address_key(address)}
        connection.execute(sa.insert(tables.contacts).values(contact | {"undeliverable": person.undeliverable}))
    said = {(channel, granted, minute) for channel, granted, minute in person.said}
    for channel, granted, minute in sorted(said):
        at = history.moment(minute)
        word = {"customer_id": number, "channel": channel, "purpose": "commercial", "granted": granted, "source": "x"}
        connection.execute(sa.insert(tables.consents).values(word | {"occurred_at": at, "known_at": at}))
    for channel, purpose, minute in person.suppressed:
        at = history.moment(minute)
        key = address_key(address_of(number, channel))
        block = {"channel": channel, "address_key": key, "purpose": purpose, "reason": "complained"}
        connection.execute(sa.insert(tables.suppressions).values(block | {"occurred_at": at, "known_at": at}))


def address_of(number: int, channel: str) -> str:
    return f"c{number:02}@ornek.example" if channel == "email" else f"+90532111{number:04}"


@dataclass(frozen=True)
class Theatre:
    """A folder of words and a database that is emptied before each history."""

    settings: Settings
    engine: sa.Engine

    def open(self, history: History, policy: Policy | None = None) -> Stage:
        """An empty shop with the history's rules; its first moment has come."""
        empty(self.engine)
        clock, got = [history.start], []
        channels: dict[Medium, ScriptedChannel] = {}
        for medium in ("email", "sms"):
            channels[medium] = ScriptedChannel(medium, clock, history.chaos, got, history.gentle)
        shop = open_shop(self.settings, database=self.engine, channels=channels, policy=policy or history.policy)
        stage = Stage(history, shop, clock, got)
        stage.go_live()
        return stage


def empty(engine: sa.Engine) -> None:
    """No row in any table."""
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            names = ", ".join(table.name for table in metadata.sorted_tables)
            connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
            return
        for table in reversed(metadata.sorted_tables):
            connection.execute(sa.delete(table))


@contextmanager
def crashes_at_commits(stage: Stage, which: frozenset[int]) -> Iterator[None]:
    """Meanwhile the process ends right before certain commits, counted over the whole history."""

    def before_commit(_connection: sa.Connection) -> None:
        stage.commits += 1
        if stage.commits in which:
            raise Crash(f"at commit {stage.commits}")

    sa.event.listen(stage.database, "commit", before_commit)
    try:
        yield
    finally:
        sa.event.remove(stage.database, "commit", before_commit)


def write_words(root: Path) -> None:
    """Two templates, for both channels."""
    folder = root / "journeys" / "templates"
    folder.mkdir(parents=True)
    (root / "config").mkdir()
    words = {"hello": "Merhaba {{ customer.first_name }}", "gift": "Kod: {{ coupon.code }}"}
    for name, text in words.items():
        html = f"<html><body><p>{text}</p><a href='{{{{ links.unsubscribe }}}}'>x</a></body></html>"
        (folder / f"{name}.tr.html").write_text(html, encoding="utf-8")
        (folder / f"{name}.tr.sms.txt").write_text(text, encoding="utf-8")


#: What a completed tick may leave different though nothing was to be done.
_ITS_OWN = {"last_tick_at", "lease_owner", "lease_until"}


def contents(engine: sa.Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, but for the journeys' own marks of a tick."""
    with reading(engine) as connection:
        return {table.name: sorted(_rows(connection, table), key=repr) for table in metadata.sorted_tables}


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[tuple[Any, ...]]:
    columns = [c for c in table.c if table.name != "journeys" or c.name not in _ITS_OWN]
    for row in connection.execute(sa.select(*columns)):
        yield tuple(repr(value) if isinstance(value, dict) else value for value in row)


def rows(engine: sa.Engine, table: sa.Table) -> Sequence[Any]:
    """All rows of a table, in the order of its key."""
    with reading(engine) as connection:
        return connection.execute(sa.select(table).order_by(*table.primary_key.columns)).all()


def names_of_steps(engine: sa.Engine) -> dict[int, str]:
    """What each step's number in the database stands for."""
    return {row.id: row.name for row in rows(engine, step_names)}
