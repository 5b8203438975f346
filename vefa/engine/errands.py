"""What waits for tools outside and for the shop's staff is brought out: a few at a time, each claimed before it goes.

Called at the end of every whole walk, whatever journey it was of, by the instant path and by the nightly housekeeping.
Several workers may do it at once. What a customer waits for is never in here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from vefa.channels.base import Accepted, Busy, Denied, Doubtful, Outcome, Refused, Sender
from vefa.clock import Clock
from vefa.content.problems import RenderError, TemplateBroken
from vefa.database import reading, writing
from vefa.engine.errand_queue import shop_opens
from vefa.engine.errand_words import Known, fill, read_known
from vefa.engine.lease import is_dead
from vefa.engine.shop import Shop
from vefa.engine.tables import journeys
from vefa.errands import book, letters, wire
from vefa.errands.book import TRIES, WAITS, End, Errand
from vefa.errands.keys import Access, access
from vefa.errands.signing import event_id
from vefa.errands.tables import errands
from vefa.errors import ChannelError, SettingsError
from vefa.plan.outside import Tool

logger = logging.getLogger("vefa.errands")
r = errands.c

#: Errands that are claimed together and on their way at once: whoever dies leaves so many in doubt at most.
PORTION = 8
#: A run that brings out errands for so long (wall clock) leaves the rest to the next one.
PATIENCE = timedelta(minutes=1)
#: How long others wait for a tool that was just found shut.
SHUT = timedelta(minutes=1)
#: An errand whose sending cannot be known does not wait longer for a word of the tool.
LONGEST_WAIT = timedelta(days=1)


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


@dataclass(frozen=True)
class _Flight:
    """An errand with its way out. `fault`: why there is none at this moment."""

    errand: Errand
    about: letters.About
    body: str | None
    tool: Tool | None = None
    access: Access | None = None
    fault: str | None = None


def run_errands(shop: Shop, *, clock: Clock, wall: Clock, owner: str) -> Ran:
    """Bring out whatever is due, until nothing is or the patience ends. Never raises for what others answer."""
    with reading(shop.database) as connection:
        due, held = book.anything_due(connection, clock()), book.anything_held(connection)
    return _Run(shop, clock, wall, owner).all() if due or held else Ran()


@dataclass
class _Run:
    """One worker's run."""

    shop: Shop
    clock: Clock
    wall: Clock
    owner: str
    ran: Ran = field(default_factory=Ran)

    def all(self) -> Ran:
        """Portion after portion."""
        begun = self.wall()
        self._recover()
        self._wait_for_opening()
        self._drop_those_of_gone_journeys()
        while portion := book.reserve(self.shop.database, _running(), self.owner, self.clock(), self.wall(), PORTION):
            self._portion(portion)
            if self.wall() - begun >= PATIENCE:
                break
        if self.ran.anything:
            told = {"handled": self.ran.done, "deferred": self.ran.put_off, "failed": self.ran.failed}
            logger.info("errands run", extra={**told, "unknown": self.ran.unknown, "held": self.ran.skipped})
        return self.ran

    # --- before

    def _recover(self) -> None:
        """Take back what dead workers held."""
        with reading(self.shop.database) as connection:
            owners = connection.scalars(sa.select(r.owner).where(r.owner.is_not(None)).distinct()).all()
        dead = [owner for owner in owners if owner and is_dead(owner)]
        now, wall = self.clock(), self.wall()
        back, doubtful = book.recover(self.shop.database, dead, self._repeatable(), now, wall)
        self.ran.unknown += doubtful
        if back or doubtful:
            logger.warning("dead workers' errands taken back", extra={"returned": back, "unknown": doubtful})

    def _repeatable(self) -> Any:
        """Over `errands`: whoever gets it knows a second one by its id."""
        ours = self.shop.outside
        teams = [team.name for team in ours.teams.values() if team.tool and _is_known_by_id(ours.tools.get(team.tool))]
        told = sa.and_(r.kind == "notify", r.recipient.is_(None), r.target.in_(teams))
        return sa.or_(r.kind == "webhook", told)

    def _wait_for_opening(self) -> None:
        now = self.clock()
        if (opens := shop_opens(self.shop, now)) > now:
            with writing(self.shop.database) as connection:
                book.wait_for_opening(connection, now, opens)

    def _drop_those_of_gone_journeys(self) -> None:
        gone = sa.select(journeys.c.id).where(journeys.c.state == "gone")
        due = sa.and_(r.journey_id.in_(gone), r.attempts == 0, r.next_try_at <= self.clock())
        with reading(self.shop.database) as connection:
            found = connection.scalar(sa.select(sa.exists().where(due, r.state == "queued")))
        if found:
            self.ran.skipped += book.skip(self.shop.database, due, "the journey is gone", self.clock())

    # --- a portion

    def _portion(self, portion: Sequence[Errand]) -> None:
        flights: list[_Flight] = []
        try:
            flights = self._ready(self._spread(portion))
            bodies = {each.errand.id: each.body for each in flights}
            claimed = book.claim(self.shop.database, self.owner, bodies, self.clock(), self.wall())
        except BaseException:
            book.give_back(self.shop.database, self.owner, [each.id for each in portion])
            raise
        going = [each for each in flights if each.errand.id in claimed]
        self._carry_all(going, claimed)

    def _spread(self, portion: Sequence[Errand]) -> list[Errand]:
        """An errand to a team by e-mail becomes one for each of its people, when it goes for the first time."""
        found: list[Errand] = []
        for each in portion:
            team = self.shop.outside.teams.get(each.target) if each.kind == "notify" else None
            if each.recipient is None and team is not None and team.email:
                with writing(self.shop.database) as connection:
                    found += book.spread(connection, each, self.owner, team.email)
            else:
                found.append(each)
        return found

    def _ready(self, portion: Sequence[Errand]) -> list[_Flight]:
        """Each with its body and its way out; who need not go is ended."""
        fresh = [each for each in portion if each.body is None]
        with reading(self.shop.database) as connection:
            known = read_known(connection, self.shop, self.clock(), portion, self._wanted)
        ends = {number: End("skipped", each.gone) for number, each in known.items() if each.gone}
        flights = []
        for each in portion:
            if each.id in ends:
                continue
            flight = self._way(each, known[each.id].about)
            if each in fresh and flight.fault is None:
                try:
                    flight = self._written(flight, known[each.id])
                except (RenderError, TemplateBroken, TypeError) as error:
                    ends[each.id] = End("failed", _words(error))
                    continue
            flights.append(flight)
        self._settle(ends)
        return flights

    def _wanted(self, errand: Errand) -> Sequence[str]:
        tool = self._tool(errand)
        return (tool.send or ()) if tool is not None and tool.takes == "event" else ()

    def _tool(self, errand: Errand) -> Tool | None:
        ours = self.shop.outside
        if errand.kind == "webhook":
            return ours.tools.get(errand.target)
        team = ours.teams.get(errand.target)
        return ours.tools.get(team.tool) if team is not None and team.tool and errand.recipient is None else None

    def _way(self, errand: Errand, about: letters.About) -> _Flight:
        if errand.recipient is not None:
            return _Flight(errand, about, errand.body)
        tool = self._tool(errand)
        if tool is None:
            where = "config/tools.yaml has no tool" if errand.kind == "webhook" else "config/staff.yaml has no team"
            return _Flight(errand, about, errand.body, fault=f"{where} “{errand.target}”")
        way = access(tool)
        if isinstance(way, str):
            return _Flight(errand, about, errand.body, tool, fault=way)
        return _Flight(errand, about, errand.body, tool, way)

    def _written(self, flight: _Flight, known: Known) -> _Flight:
        errand, about = flight.errand, flight.about
        text = None
        if errand.kind == "notify":
            text = fill(self.shop, known.say or "", known) if errand.enrolment_id is not None else known.say or ""
        if flight.tool is None:
            body = letters.note(text or "", about, self.shop.settings.shop.locales[0])
        elif flight.tool.takes == "text":
            body = letters.chat(text or "")
        else:
            names = flight.tool.send if flight.tool.send is not None else ("customer.outside_id",)
            fields = {name: known.values.get(name) for name in names if about.customer or errand.enrolment_id}
            body = letters.event(self._name(errand), errand.kind, errand.queued_at, about, fields, text)
        return _Flight(errand, about, body, flight.tool, flight.access)

    def _name(self, errand: Errand) -> str:
        return event_id(self.shop.secret, errand.id)

    # --- on the way

    def _carry_all(self, flights: Sequence[_Flight], claimed: Mapping[int, tuple[int, str | None]]) -> None:
        """Send what is claimed, and write down whatever has an answer, though another of them ended in an error."""
        if not flights:
            return
        moment = self.wall()
        flying: dict[Future[Outcome], _Flight] = {}
        with ThreadPoolExecutor(len(flights), thread_name_prefix="vefa-errands") as pool:
            try:
                for each in flights:
                    attempt, body = claimed[each.errand.id]
                    flying[pool.submit(self._carry, each, attempt, body, moment)] = each
                wait(flying)
            finally:
                wait(flying)  # an interruption waits for what is on its way
                self._heard([(flight, future.result()) for future, flight in flying.items() if not future.exception()])
        for future in flying:
            future.result()

    def _carry(self, flight: _Flight, attempt: int, body: str | None, moment: datetime) -> Outcome:
        """One call; in a thread of its own."""
        if flight.fault is not None or body is None:
            return Busy(flight.fault or "nothing to send", 0.0)
        errand = flight.errand
        if flight.tool is not None and flight.access is not None:
            return wire.post(flight.access, self._name(errand), body.encode(), moment, flight.tool.timeout)
        settings = self.shop.settings
        sender = Sender(settings.sender_email, settings.sender_name)
        mail = letters.email(body, f"errand-{errand.id}.{attempt}", errand.recipient or "", sender, flight.about)
        try:
            (outcome,) = self.shop.channels["email"].deliver([mail])
        except (ChannelError, SettingsError) as error:
            return Busy(type(error).__name__, 0.0)
        return outcome

    # --- back again

    def _heard(self, answers: Sequence[tuple[_Flight, Outcome]]) -> None:
        now = self.clock()
        ends: dict[int, End] = {}
        for flight, outcome in answers:
            ends[flight.errand.id] = _end(outcome, flight, now)
        self._settle(ends)
        shut: dict[str, datetime] = {}
        for flight, outcome in answers:
            if flight.tool is not None and flight.access is not None and isinstance(outcome, Busy | Doubtful):
                asked = timedelta(seconds=outcome.retry_after) if isinstance(outcome, Busy) else SHUT
                until = now + max(SHUT, asked)
                shut[flight.tool.name] = max(shut.get(flight.tool.name, until), until)
        for tool, until in shut.items():
            book.put_off(self.shop.database, self._through(tool), until)

    def _through(self, tool: str) -> Any:
        """Over `errands`: what goes by that tool."""
        teams = [team.name for team in self.shop.outside.teams.values() if team.tool == tool]
        return sa.or_(sa.and_(r.kind == "webhook", r.target == tool), sa.and_(r.kind == "notify", r.target.in_(teams)))

    def _settle(self, ends: Mapping[int, End]) -> None:
        book.settle(self.shop.database, self.owner, ends, self.clock())
        for end in ends.values():
            what = "put_off" if end.state == "queued" else end.state
            setattr(self.ran, what, getattr(self.ran, what) + 1)


def _end(outcome: Outcome, flight: _Flight, now: datetime) -> End:
    """What an answer means for the errand: a doubt is tried again only where the receiver knows a second one."""
    match outcome:
        case Accepted():
            return End("done")
        case Refused(reason=reason):
            return End("failed", reason)
        case Busy(reason=reason, retry_after=seconds):
            return _again(reason, timedelta(seconds=seconds) if flight.tool else timedelta(), flight, now)
        case Denied(reason=reason):
            return _again(reason, timedelta(), flight, now)
        case Doubtful(reason=reason):
            if flight.tool is not None and _is_known_by_id(flight.tool):
                return _again(reason, timedelta(), flight, now)
            return End("unknown", reason)


def _again(reason: str, asked: timedelta, flight: _Flight, now: datetime) -> End:
    before = flight.errand.attempts
    if before + 1 >= TRIES:
        return End("failed", f"{reason}, {TRIES} times")
    return End("queued", reason, now + max(WAITS[before], min(asked, LONGEST_WAIT)))


def _is_known_by_id(tool: Tool | None) -> bool:
    return tool is not None and tool.takes == "event"


def _running() -> Any:
    """Over `errands`: of a journey that is not paused, or of none."""
    still = sa.select(journeys.c.id).where(journeys.c.state.in_(("paused", "draft")))
    return sa.or_(r.journey_id.is_(None), r.journey_id.not_in(still))


def _words(error: Exception) -> str:
    """A sentence without anything of the customer's."""
    return str(error) if isinstance(error, RenderError | TemplateBroken) else "cannot be written as JSON"
