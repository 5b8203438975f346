"""The instant path: whoever a fresh event, or a moment that has come, concerns is moved on within a second (rule 23).

A process that stays takes in what was written down, looks for what is new to journeys with `runs: at once`, and walks
these for it alone: a *narrow* walk under the journey's lease, in sets as any other. It keeps nothing that is not in
the database. The scheduled walk remains the net beneath it and finds whatever this one has missed.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Lock, Thread

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.clock import Clock, system_clock
from vefa.crm.tables import events
from vefa.database import reading
from vefa.engine import errands
from vefa.engine.agenda import event_types, running
from vefa.engine.errand_desk import ErrandDesk
from vefa.engine.lease import JourneyBusy, make_owner
from vefa.engine.reports import TickReport
from vefa.engine.shop import Shop
from vefa.engine.tables import OPEN, enrolments, occasions
from vefa.engine.walks import run_narrow
from vefa.errors import VefaError
from vefa.inbox import Taker, take_in
from vefa.ledger.tables import batches, sends
from vefa.rewards.redemptions import EVENT, find_redemptions

log = logging.getLogger("vefa.instant")

#: Seconds between two looks when nobody says that something has come.
POLL = 0.25
#: Seconds for which the list of journeys is taken to be the same.
JOURNEYS_EVERY = 5.0
#: Numbers below the newest that are looked at again: transactions end in another order than they begin.
LOOK_BACK = 2000
#: After a walk for a moment that had come, and that moved nobody, such moments wait so long.
FUTILE = timedelta(seconds=15)
#: Seconds before a journey is tried again after an error, or while another run holds it.
AGAIN, BUSY = 5.0, 0.1
#: Seconds between two walks of a journey: others get their turn, and what comes is gathered.
BREATH = 0.02

e, s, v = enrolments.c, sends.c, events.c


@dataclass
class Told:
    """What was done since it was last told, for one journey."""

    walks: int = 0
    entered: int = 0
    sent: int = 0
    held: int = 0
    failed: int = 0
    unknown: int = 0

    def add(self, report: TickReport) -> None:
        """Count another walk."""
        self.walks += 1
        self.entered += report.entered
        self.sent += report.sent
        self.held += sum(report.held.values())
        self.failed += report.failed
        self.unknown += report.unknown

    @property
    def anything(self) -> bool:
        """Whether it concerned anybody."""
        return bool(self.entered or self.sent or self.held or self.failed or self.unknown)


#: Gets what each journey did, about once a minute and only where it did anything.
Teller = Callable[[Mapping[str, Told]], None]


@dataclass
class _Watched:
    """A journey of the instant path: its number, and on which events it does something."""

    id: int
    types: frozenset[str]


class _Desk:
    """One journey's thread: whatever it is handed it walks for, one walk at a time, so that a slow provider of one
    journey holds up no other."""

    def __init__(self, open_shop: Callable[[], Shop], journey: str, clock: Clock, wall: Clock) -> None:
        self.journey, self.told = journey, Told()
        self.futile_until: datetime | None = None
        self._open_shop = open_shop
        self._shop: Shop | None = None
        self._clock, self._wall = clock, wall
        self._since: datetime | None = None
        self._lock, self._call, self._stop = Lock(), Event(), Event()
        self._thread = Thread(target=self._work, name=f"instant {journey}", daemon=True)
        self._thread.start()

    def hand(self, since: datetime) -> None:
        """Something is there that has been known since then, or is due."""
        with self._lock:
            self._since = since if self._since is None else min(self._since, since)
        self._call.set()

    def end(self) -> None:
        """Finish the walk at hand, then stop."""
        self._stop.set()
        self._call.set()

    def join(self) -> None:
        """Wait until it has stopped, and let go of the channels."""
        self._thread.join()
        for channel in self._shop.channels.values() if self._shop else ():
            channel.close()

    def tell(self) -> Told:
        """What was done since the last time."""
        with self._lock:
            told, self.told = self.told, Told()
        return told

    def _work(self) -> None:
        while not self._stop.is_set():
            self._call.wait()
            self._call.clear()
            with self._lock:
                since, self._since = self._since, None
            if since is None or self._stop.is_set():
                continue
            pause = self._walk(since)
            if pause:
                self.hand(since)
            self._stop.wait(pause or BREATH)

    def _walk(self, since: datetime) -> float:
        """Returns after how many seconds it must be tried again; 0 when it is done."""
        try:
            # Here, so that files with mistakes in them stop this journey alone, and are tried again.
            shop = self._shop = self._shop or self._open_shop()
            owner = make_owner()
            report = run_narrow(shop, self.journey, since=since, clock=self._clock, owner=owner, wall=self._wall)
        except JourneyBusy:
            return BUSY
        except (VefaError, sa.exc.SQLAlchemyError, OSError) as error:
            log.warning("the instant path failed", extra={"journey": self.journey, "kind": type(error).__name__})
            return AGAIN
        with self._lock:
            self.told.add(report)
        moved = report.entered or report.left or any(step.handled or step.deferred for step in report.steps)
        self.futile_until = None if moved else self._clock() + FUTILE
        return 0.0


@dataclass
class Resident:
    """Takes in what came, and walks the journeys that it concerns.

    `open_shop` opens a shop over the same database. It is opened anew, and `takers` is asked anew, when `stamp` says
    something else than before: after a change of the policy's file, or when a map was added. `wake` may be called
    from any thread when something has been written down; without it, it looks by itself. Without `walks` it only
    takes in what came and leaves the journeys to somebody else.
    """

    database: Engine
    open_shop: Callable[[], Shop]
    takers: Callable[[], Mapping[str, Taker]] = dict
    clock: Clock = system_clock
    wall: Clock = system_clock
    teller: Teller | None = None
    stamp: Callable[[], object] = lambda: None
    #: Called after each look at the inbox: what the law asks for is carried out behind all that came before it.
    carry_out: Callable[[datetime], object] = lambda _now: None
    tell_every: float = 60.0
    walks: bool = True
    _woken: Event = field(default_factory=Event)
    _stop: Event = field(default_factory=Event)
    _desks: dict[str, _Desk] = field(default_factory=dict)
    _errands: ErrandDesk | None = None
    _journeys: dict[str, _Watched] = field(default_factory=dict)
    _seen: OrderedDict[int, None] = field(default_factory=OrderedDict)
    _newest: int = 0
    _read_at: datetime | None = None
    _told_at: datetime | None = None
    _stamp: object = None
    _takers: Mapping[str, Taker] | None = None

    def wake(self) -> None:
        """Something may have come."""
        self._woken.set()

    def stop(self) -> None:
        """Finish what is at hand, then end."""
        self._stop.set()
        self._woken.set()

    def run(self) -> None:
        """Work until `stop`."""
        try:
            while not self._stop.is_set():
                self._woken.clear()
                try:
                    busy = self.round()
                except sa.exc.SQLAlchemyError as error:
                    log.warning("the database refuses", extra={"kind": type(error).__name__})
                    self._stop.wait(AGAIN)
                    continue
                if not busy:
                    self._woken.wait(POLL)
        finally:
            self._close()

    def round(self) -> bool:
        """Take in what waits, look once, hand out what is found. Whether there may be more at once."""
        stamp = self.stamp()
        if self._takers is None or stamp != self._stamp:
            self._takers = self.takers()
        taken = take_in(self.database, self._takers, self.clock()) if self._takers else 0
        self.carry_out(self.clock())
        if not self.walks:
            self._stamp = stamp
            return bool(taken)
        if stamp != self._stamp:
            self._stamp = stamp
            self._close()
        if any(EVENT in each.types for each in self._journeys.values()):
            find_redemptions(self.database, self.clock())
        with reading(self.database) as connection:
            self._read_journeys(connection)
            found = self._fresh(connection)
            for journey in self._due(connection):
                found.setdefault(journey, self.clock())
            errand = errands.due(connection, self.clock())
        if errand:
            self._errands = self._errands or ErrandDesk(self.open_shop, self.clock, self.wall)
            self._errands.call()
        for journey, since in found.items():
            self._desk(journey).hand(since)
        self._tell()
        return bool(taken)

    # --- what is there

    def _read_journeys(self, connection: Connection) -> None:
        now = self.wall()
        if self._read_at is not None and (now - self._read_at).total_seconds() < JOURNEYS_EVERY:
            return
        first = self._read_at is None
        self._read_at = now
        self._journeys = {
            row.name: _Watched(row.id, frozenset(event_types(pin)))
            for row, pin in running(connection)
            if pin.plan.runs.at_once
        }
        if first:  # what came before is for the walk of the schedule, but for what it may not have seen yet
            last = connection.scalar(sa.select(sa.func.max(v.id))) or 0
            self._newest = max(0, last - LOOK_BACK)

    def _fresh(self, connection: Connection) -> dict[str, datetime]:
        """By journey: since when something is known that is new to it."""
        types = {type_ for each in self._journeys.values() for type_ in each.types}
        if not types:
            return {}
        query = sa.select(v.id, v.type, v.known_at).where(v.id > self._newest - LOOK_BACK).order_by(v.id)
        found: dict[str, datetime] = {}
        for number, type_, known_at in connection.execute(query.limit(5 * LOOK_BACK)):
            if number in self._seen:
                continue
            self._seen[number] = None
            self._newest = max(self._newest, number)
            if type_ in types:
                for journey, each in self._journeys.items():
                    if type_ in each.types:
                        found[journey] = min(found.get(journey, known_at), known_at)
        while len(self._seen) > 10 * LOOK_BACK:
            self._seen.popitem(last=False)
        return found

    def _due(self, connection: Connection) -> list[str]:
        """Journeys in which a wait has ended, or a message may go that was put off or left half-way."""
        now, due = self.clock(), []
        for journey, each in self._journeys.items():
            desk = self._desks.get(journey)
            if desk is not None and desk.futile_until is not None and now < desk.futile_until:
                continue
            here = batches.c.journey_id == each.id
            looks = (
                sa.exists().where(e.journey_id == each.id, e.state == "active", e.due_at <= now),
                sa.exists().where(
                    s.journey_id == each.id, s.state == "queued", s.batch_id.is_(None), s.not_before <= now
                ),
                sa.exists().where(here, batches.c.settled_at.is_(None), batches.c.owner.is_(None)),
                sa.exists().where(occasions.c.journey_id == each.id, occasions.c.state.in_(OPEN)),
            )
            if connection.scalar(sa.select(sa.or_(*looks))):
                due.append(journey)
        return due

    # --- who does it

    def _desk(self, journey: str) -> _Desk:
        if journey not in self._desks:
            self._desks[journey] = _Desk(self.open_shop, journey, self.clock, self.wall)
        return self._desks[journey]

    def _tell(self) -> None:
        now = self.wall()
        if self._told_at is None:
            self._told_at = now
        if (now - self._told_at).total_seconds() >= self.tell_every:
            self._told_at = now
            self._tell_now()

    def _tell_now(self) -> None:
        told = {journey: told for journey, desk in self._desks.items() if (told := desk.tell()).anything}
        for journey, each in told.items():
            log.info("instant path", extra={"journey": journey, **vars(each)})
        if told and self.teller is not None:
            self.teller(told)

    def _close(self) -> None:
        desks: list[_Desk | ErrandDesk] = [*self._desks.values()]
        desks += [self._errands] if self._errands else []
        for desk in desks:
            desk.end()
        for desk in desks:
            desk.join()
        self._tell_now()
        self._desks.clear()
        self._errands = None
