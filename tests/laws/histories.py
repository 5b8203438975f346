"""Whole histories of made-up shops: who the customers are, what happens to them, what the shop wants, when it ticks.

Times are whole minutes from the history's start, so that a failing history shrinks to something readable.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import strategies as st

from tests.laws.plans import plans
from tests.laws.strategies import birthdays, caps, quiet_hours, withholds, zones
from vefa.language.conditions import Duration
from vefa.plan.plans import Plan
from vefa.plan.policy import Policy, QuietHours, Rule
from vefa.plan.steps import Message, WaitFor
from vefa.plan.ways_in import EnteredTrigger, EventTrigger

DAY = 1_440
#: A history lasts so long; then its journeys close and everybody inside finishes.
SPAN = 9 * DAY
#: Around changes of the clock on either hemisphere, a leap day, Ramadan in Morocco, and a quiet summer.
STARTS = tuple(
    datetime(y, m, d, 21, 40, tzinfo=UTC)
    for y, m, d in (
        (2026, 3, 26),
        (2026, 10, 22),
        (2028, 2, 24),
        (2026, 3, 5),
        (2027, 4, 1),
        (2026, 7, 10),
        (2027, 2, 24),
    )
)


@dataclass(frozen=True)
class Person:
    """A customer. `said`: (channel, granted, minute); `suppressed`: (channel, purpose, minute)."""

    zone: str
    born: date | None
    joined: datetime
    channels: frozenset[str]
    said: tuple[tuple[str, bool, int], ...]
    suppressed: tuple[tuple[str, str | None, int], ...] = ()
    preferred: str | None = None
    undeliverable: str | None = None


@dataclass(frozen=True)
class Moment:
    """Something happened at `at`, was known `lag` later and stood in the database `late` after that; from
    `corrected[0]` on it is said to have happened at `corrected[1]`."""

    at: int
    lag: int = 0
    late: int = 0
    corrected: tuple[int, int] | None = None

    @property
    def known(self) -> int:
        return self.at + self.lag

    def is_known(self, minute: int, stood: int | None = None) -> bool:
        """Whether it is known as of `minute`, by what stood in the database at `stood` (then itself)."""
        return self.known <= minute and self.known + self.late <= (minute if stood is None else stood)

    def occurred(self, minute: int) -> int:
        """When it happened, as the shop believes at `minute`."""
        return self.corrected[1] if self.corrected and minute >= self.corrected[0] else self.at


@dataclass(frozen=True)
class Doing:
    """An order, return, ticket or review of a customer, with its moments by name."""

    kind: str
    person: int
    order: int | None
    moments: dict[str, Moment]
    total: int = 100


@dataclass(frozen=True)
class History:
    """Everything that a run depends on. `chaos` seeds the channel's answers; None: it accepts everything. `gentle`: it
    never does what falls on other messages than the one (crashes, refused keys)."""

    start: datetime
    people: tuple[Person, ...]
    doings: tuple[Doing, ...]
    journeys: tuple[Plan, ...]
    policy: Policy
    ticks: tuple[int, ...]
    chaos: int | None = None
    crashes: frozenset[int] = field(default_factory=frozenset)
    gentle: bool = False

    def moment(self, minute: int) -> datetime:
        return self.start + timedelta(minutes=minute)

    def minute(self, moment: datetime) -> int:
        return (moment - self.start) // timedelta(minutes=1)

    def orders_counted(self, person: int, minute: int, stood: int | None = None) -> int:
        """How many orders of theirs count as of `minute`, by what stood in the database at `stood` (then itself)."""
        mine = [d.moments for d in self.doings if d.kind == "order" and d.person == person]
        return sum(
            m["placed"].is_known(minute, stood) and not ("cancelled" in m and m["cancelled"].is_known(minute, stood))
            for m in mine
        )


# --- people --------------------------------------------------------------------------------------------------------

starts = st.sampled_from(STARTS)
BOTH = frozenset({"email", "sms"})
channels = st.sampled_from(("email", "sms"))
minutes = st.integers(0, SPAN)


def rare(n: int) -> st.SearchStrategy[bool]:
    """True one time in `n`; what is drawn first of all is False, so that small histories are plain ones."""
    return st.integers(1, n).map(lambda drawn: drawn == n)


@st.composite
def anniversaries(draw: st.DrawFn, start: datetime) -> date:
    """A day of an earlier year whose anniversary falls into the history, or is 29 February."""
    day = start.date() + timedelta(days=draw(st.integers(-3, 12)))
    year = draw(st.integers(1950, start.year - 1))
    leap = date(1996, 2, 29)
    return leap if draw(rare(6)) else day.replace(day=min(day.day, 28), year=year)


@st.composite
def people(draw: st.DrawFn, start: datetime) -> Person:
    early = [(channel, True, -DAY) for channel in ("email", "sms") if not draw(rare(10))]
    later = draw(st.lists(st.tuples(channels, st.booleans(), minutes), max_size=1))
    purposes = st.sampled_from((None, "commercial"))
    return Person(
        zone=draw(zones),
        born=draw(st.one_of(st.none(), birthdays, anniversaries(start), anniversaries(start))),
        joined=datetime.combine(draw(anniversaries(start)), time(), UTC) + timedelta(minutes=draw(st.integers(0, DAY))),
        channels=draw(st.sampled_from((BOTH, BOTH, BOTH, BOTH, frozenset({"email"}), frozenset({"sms"})))),
        said=tuple(early + later),
        suppressed=(draw(st.tuples(channels, purposes, minutes)),) if draw(rare(5)) else (),
        preferred=draw(st.sampled_from((None, "email", "sms"))),
        undeliverable=draw(st.sampled_from((None,) * 14 + ("no MX",))),
    )


# --- what happens --------------------------------------------------------------------------------------------------

lags = st.sampled_from((0, 0, 0, 5, 90, 2_000))
lates = st.sampled_from((0, 0, 0, 1, 30, 50))


@st.composite
def moment_after(draw: st.DrawFn, first: int, spread: int, corrections: bool) -> Moment:
    at, lag, late = first + draw(st.integers(0, spread)), draw(lags), draw(lates)
    corrected = None
    if corrections and draw(rare(5)):
        corrected = (at + lag + late + draw(st.integers(1, 3 * DAY)), at + draw(st.integers(-DAY, DAY)))
    return Moment(at, lag, late, corrected)


def told_after(first: Moment, later: Moment) -> Moment:
    """Nothing is known of an object before the object itself."""
    return replace(later, lag=max(later.lag, first.known - later.at))


@st.composite
def orders(draw: st.DrawFn, person: int, corrections: bool = True) -> Doing:
    first = draw(st.one_of(st.integers(0, 5 * DAY), st.integers(0, 5 * DAY), st.integers(-60 * DAY, 0)))
    moments = {"placed": draw(moment_after(first, 0, corrections))}
    at = moments["placed"].at
    for name in ("shipped", "delivered"):
        if not draw(rare(4)):
            moments[name] = told_after(moments["placed"], draw(moment_after(at, 3 * DAY, corrections)))
            at = moments[name].at
    if draw(rare(8)):
        moments["cancelled"] = told_after(moments["placed"], draw(moment_after(at, DAY, corrections)))
    return Doing("order", person, None, moments, draw(st.integers(1, 500)))


@st.composite
def others(draw: st.DrawFn, person: int, order: int | None, corrections: bool = True) -> Doing:
    kind, first, second = draw(
        st.sampled_from(
            (("return", "requested", "received"), ("ticket", "opened", "resolved"), ("review", "posted", ""))
        )
    )
    moments = {first: draw(moment_after(0, SPAN, corrections))}
    if second and draw(st.booleans()):
        moments[second] = told_after(moments[first], draw(moment_after(moments[first].at, 2 * DAY, corrections)))
    return Doing(kind, person, order, moments)


@st.composite
def happenings(draw: st.DrawFn, count: int, corrections: bool = True) -> tuple[Doing, ...]:
    done: list[Doing] = []
    for person in range(count):
        for _ in range(draw(st.integers(1, 2))):
            done.append(draw(orders(person, corrections)))
            if draw(st.booleans()):
                done.append(draw(others(person, draw(st.sampled_from((None, len(done) - 1))), corrections)))
    return tuple(done)


# --- the shop's rules and the clock --------------------------------------------------------------------------------


nights = st.one_of(
    st.none(),
    st.none(),
    st.builds(QuietHours, st.just(time(21)), st.sampled_from((time(0), time(2, 30), time(9))), withholds),
    quiet_hours,
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    rules = tuple(
        Rule(purpose, medium, purpose == "commercial", draw(nights))
        for purpose in ("commercial", "transactional")
        for medium in ("email", "sms")
    )
    priority = draw(st.sampled_from(((), ("main",), ("second", "main"))))
    return Policy(rules, tuple(draw(st.lists(caps, max_size=2))), priority)


@st.composite
def clocks(draw: st.DrawFn) -> tuple[int, ...]:
    """Ticks that go on to the end of the span: regular, at random, or with a few in a cluster."""
    step = draw(st.sampled_from((12 * 60, DAY, 2 * DAY)))
    regular = range(draw(st.integers(0, step)), SPAN, step)
    random = draw(st.lists(minutes, max_size=6))
    close = [m + draw(st.integers(1, 30)) for m in random[:2]]
    return tuple(sorted({*regular, *random, *close, SPAN}))


def second_journey(event: str | None) -> Plan:
    """Where others are sent; or, with an event, a rival of its own."""
    return Plan(
        journey="second",
        name="second",
        trigger=EventTrigger(event, "order") if event else EnteredTrigger(),
        steps=(
            WaitFor("pause", "pause", "note", Duration(0, 5 * 3_600), time(10)),
            Message("note", "note", None, None, "hello", "commercial", {"tr": "Merhaba"}),
        ),
    )


@st.composite
def histories(draw: st.DrawFn, gentle: bool = False) -> History:
    """Any history; a gentle one has no crashes."""
    start = draw(starts)
    shop = tuple(draw(st.lists(people(start), min_size=3, max_size=5)))
    second = second_journey(draw(st.sampled_from((None, None, "order.placed"))))
    main = draw(plans(sends_on=isinstance(second.trigger, EnteredTrigger)))
    crashes = draw(st.frozensets(st.integers(0, 150), min_size=1, max_size=3)) if draw(rare(3)) else frozenset()
    doings = draw(happenings(len(shop)))
    # Facts are committed late: ticks fall between knowing and standing in the database.
    between = {m.known + m.late // 2 for doing in doings for m in doing.moments.values() if m.late > 1}
    late = draw(st.sets(st.sampled_from(sorted(between)), max_size=3)) if between else set()
    return History(
        start=start,
        people=shop,
        doings=doings,
        journeys=(main, second),
        policy=draw(policies()),
        ticks=tuple(sorted({*draw(clocks()), *(minute for minute in late if 0 <= minute <= SPAN)})),
        chaos=None if draw(rare(3)) else draw(st.integers(0, 2**32)),
        crashes=frozenset() if gentle else crashes,
        gentle=gentle,
    )
