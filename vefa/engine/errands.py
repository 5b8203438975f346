"""What waits for tools outside and for the shop's staff is brought out: a few at a time, each claimed before it goes.

Called at the end of every whole walk, whatever journey it was of, by the instant path and by the nightly housekeeping.
Several workers may do it at once. No customer waits for what is in here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.channels.base import Accepted, Busy, Denied, Doubtful, Outcome, Refused, Sender
from vefa.clock import Clock
from vefa.content.problems import RenderError
from vefa.database import reading, writing
from vefa.engine.consent_relay import Change, note_passed_on, note_refused, queue_consents
from vefa.engine.errand_queue import shop_opens
from vefa.engine.errand_ways import Flight, Ways, end_of, words_of
from vefa.engine.errand_words import read_known
from vefa.engine.lease import is_dead
from vefa.engine.shop import Shop
from vefa.engine.tables import journeys
from vefa.errands import book, letters, shopify_admin, wire
from vefa.errands.book import End, Errand
from vefa.errands.outbox import keep_event, ref
from vefa.errands.tables import errands
from vefa.errors import ChannelError, SettingsError
from vefa.logs import carried

logger = logging.getLogger("vefa.errands")
r = errands.c

#: Errands that are claimed together and on their way at once: whoever dies leaves so many in doubt at most.
PORTION = 8
#: A run that brings out errands for so long (wall clock) leaves the rest to the next one.
PATIENCE = timedelta(minutes=1)
#: How long others wait for a tool that was just found shut.
SHUT = timedelta(minutes=1)
#: How long they wait where somebody must mend something first.
STOPPED = timedelta(minutes=15)

Claimed = Mapping[int, tuple[int, str | None]]


@dataclass
class Ran:
    """What a run of it did."""

    done: int = 0
    put_off: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0

    @property
    def anything(self) -> bool:
        """Whether there was anything to do."""
        return any(vars(self).values())


def run_errands(shop: Shop, *, clock: Clock, wall: Clock, owner: str) -> Ran:
    """Bring out whatever is due, until nothing is or the patience ends. Never raises for what others answer."""
    queue_consents(shop.database, shop.settings, clock())
    with reading(shop.database) as connection:
        anything = due(connection, clock()) or book.anything_held(connection)
    return _Run(shop, Ways(shop), clock, wall, owner).all() if anything else Ran()


def due(connection: Connection, now: datetime) -> bool:
    """Whether anything waits that may go at that moment."""
    return book.anything_due(connection, now, _running())


def _running() -> Any:
    """Over `errands`: of a journey that is not paused, or of none."""
    still = sa.select(journeys.c.id).where(journeys.c.state.in_(("paused", "draft")))
    return sa.or_(r.journey_id.is_(None), r.journey_id.not_in(still))


@dataclass
class _Run:
    """One worker's run."""

    shop: Shop
    ways: Ways
    clock: Clock
    wall: Clock
    owner: str
    ran: Ran = field(default_factory=Ran)

    def all(self) -> Ran:
        """Portion after portion."""
        database, begun = self.shop.database, self.wall()
        self._recover()
        self._sort_out()
        while portion := book.reserve(database, _running(), self.owner, self.clock(), self.wall(), PORTION):
            self._portion(portion)
            if self.wall() - begun >= PATIENCE:
                break
        if self.ran.anything:
            told = {"handled": self.ran.done, "deferred": self.ran.put_off, "failed": self.ran.failed}
            logger.info("errands brought out", extra={**told, "unknown": self.ran.unknown, "held": self.ran.skipped})
        return self.ran

    # --- before

    def _recover(self) -> None:
        """Take back what dead workers held."""
        with reading(self.shop.database) as connection:
            owners = connection.scalars(sa.select(r.owner).where(r.owner.is_not(None)).distinct()).all()
        dead = [owner for owner in owners if owner and is_dead(owner)]
        now, wall = self.clock(), self.wall()
        back, doubtful = book.recover(self.shop.database, dead, self.ways.repeatable(), now, wall)
        self.ran.unknown += doubtful
        if back or doubtful:
            logger.warning("dead workers' errands taken back", extra={"returned": back, "unknown": doubtful})

    def _sort_out(self) -> None:
        """What is for opening hours waits for them, and of journeys that are gone nothing begins any more."""
        now = self.clock()
        with reading(self.shop.database) as connection:
            if not book.anything_due(connection, now):
                return
        opens = shop_opens(self.shop, now)
        gone = sa.and_(r.journey_id.in_(sa.select(journeys.c.id).where(journeys.c.state == "gone")), r.attempts == 0)
        with writing(self.shop.database) as connection:
            if opens > now:
                book.wait_for_opening(connection, now, opens)
            self.ran.skipped += book.skip(connection, gone, "the journey is gone", now)

    # --- a portion

    def _portion(self, portion: Sequence[Errand]) -> None:
        try:
            flights = self._ready([each for one in portion for each in self._made_out(one)])
            bodies = {each.errand.id: each.body for each in flights}
            claimed = book.claim(self.shop.database, self.owner, bodies, self.clock(), self.wall())
        except BaseException:
            book.give_back(self.shop.database, self.owner)
            raise
        going = [each for each in flights if each.errand.id in claimed]
        ready = [each for each in going if each.fault is None]
        note_passed_on(self.shop.database, _changes(ready), self.clock())
        self._carry_all(going, claimed)

    def _made_out(self, errand: Errand) -> Sequence[Errand]:
        """An errand to a team by e-mail becomes one for each of its people, when it goes for the first time."""
        addresses = self.ways.addresses(errand)
        if not addresses:
            return [errand]
        with writing(self.shop.database) as connection:
            return book.make_out(connection, errand, self.owner, addresses)

    def _ready(self, portion: Sequence[Errand]) -> list[Flight]:
        """Each with its body and its way out; who need not go is ended."""
        with reading(self.shop.database) as connection:
            known = read_known(connection, self.shop, self.clock(), portion, self.ways.fields)
        ends: dict[int, End] = {}
        flights = []
        for each in portion:
            about = known[each.id]
            if about.gone or about.fault:
                ends[each.id] = End("skipped", about.gone) if about.gone else End("failed", about.fault)
                continue
            if about.change is not None and about.change.waits:
                ends[each.id] = End("queued", about.change.waits, self.clock() + SHUT)
                continue
            flight = self.ways.way(each, about)
            try:
                fresh = flight.body is None and flight.fault is None
                flights.append(self.ways.written(flight, about) if fresh else flight)
            except (RenderError, TypeError) as error:
                ends[each.id] = End("failed", words_of(error))
        self._settle(ends)
        return flights

    # --- on the way

    def _carry_all(self, flights: Sequence[Flight], claimed: Claimed) -> None:
        """Send what is claimed, and write down whatever has an answer, though another of them ended in an error."""
        if not flights:
            return
        moment, flying = self.wall(), dict[Future[Outcome], Flight]()
        with ThreadPoolExecutor(len(flights), thread_name_prefix="vefa-errands") as pool:
            try:
                for each in flights:
                    flying[pool.submit(carried(self._carry), each, *claimed[each.errand.id], moment)] = each
                wait(flying)
            finally:
                wait(flying)  # an interruption waits for what is on its way
                self._heard([(flight, future.result()) for future, flight in flying.items() if not future.exception()])
        for future in flying:
            future.result()

    def _carry(self, flight: Flight, attempt: int, body: str | None, moment: datetime) -> Outcome:
        """One call; in a thread of its own."""
        errand = flight.errand
        if flight.fault is not None or body is None:
            return Busy(flight.fault or "nothing to send", 0.0)
        if flight.admin is not None:
            return shopify_admin.post(flight.admin, body.encode())
        if flight.tool is not None and flight.access is not None:
            name = self.ways.name(errand)
            return wire.post(flight.access, name, body.encode(), moment, flight.tool.timeout)
        if flight.tool is not None:
            return self._kept(errand, body)
        settings = self.shop.settings
        sender = Sender(settings.sender_email, settings.sender_name)
        mail = letters.email(body, f"{ref(errand.id)}.{attempt}", errand.recipient or "", sender, flight.about)
        try:
            (outcome,) = self.shop.channels["email"].deliver([mail])
        except (ChannelError, SettingsError) as error:
            return Busy(type(error).__name__, 0.0)
        return outcome

    def _kept(self, errand: Errand, body: str) -> Outcome:
        try:
            keep_event(self.shop.settings.var / "outbox", errand.id, body)
        except OSError as error:
            return Busy(type(error).__name__, 0.0)
        return Accepted()

    # --- back again

    def _heard(self, answers: Sequence[tuple[Flight, Outcome]]) -> None:
        """Write down what became of each; what goes by a tool that is shut waits a little."""
        now = self.clock()
        refused = [flight for flight, outcome in answers if isinstance(outcome, Refused)]
        note_refused(self.shop.database, _changes(refused))
        self._settle({flight.errand.id: end_of(outcome, flight, now) for flight, outcome in answers})
        shut: dict[tuple[str, str], tuple[Flight, datetime]] = {}
        for flight, outcome in answers:
            pause = _pause(flight, outcome)
            if pause is not None:
                way = (flight.errand.kind, flight.through or "")
                until = max(now + pause, shut[way][1]) if way in shut else now + pause
                shut[way] = (flight, until)
        for flight, until in shut.values():
            book.put_off(self.shop.database, self.ways.shut(flight), until)

    def _settle(self, ends: Mapping[int, End]) -> None:
        book.settle(self.shop.database, self.owner, ends, self.clock())
        for end in ends.values():
            what = "put_off" if end.state == "queued" else end.state
            setattr(self.ran, what, getattr(self.ran, what) + 1)


def _changes(flights: Iterable[Flight]) -> list[tuple[str, Change]]:
    """The consents that these pass on, each with who gets it."""
    return [(each.errand.target, each.change) for each in flights if each.change is not None]


def _pause(flight: Flight, outcome: Outcome) -> timedelta | None:
    """How long others must wait that go by the same way; None where it is open."""
    if flight.through is None:
        return None
    if isinstance(outcome, Denied) or (flight.fault is not None and isinstance(outcome, Busy)):
        return STOPPED if flight.change is not None else None
    if not isinstance(outcome, Busy | Doubtful):
        return None
    asked = timedelta(seconds=outcome.retry_after) if isinstance(outcome, Busy) else SHUT
    return max(SHUT, asked)
