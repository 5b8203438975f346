"""Random journeys: every kind of step, every kind of trigger, ways that part and meet again."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from tests.laws.strategies import clock_times, weekdays
from vefa.language.conditions import (
    Ago,
    Anything,
    Compare,
    Condition,
    Contains,
    Duration,
    EventScope,
    Everything,
    Happened,
    Known,
    Not,
)
from vefa.plan.plans import Exits, Goal, Plan
from vefa.plan.steps import (
    Arm,
    Branch,
    Coupon,
    Enter,
    FieldMoment,
    Message,
    Purpose,
    SameDay,
    Split,
    SplitArm,
    Step,
    Stop,
    Tag,
    Trial,
    Variant,
    WaitFor,
    WaitUntilEvent,
    WaitUntilTime,
)
from vefa.plan.ways_in import DateTrigger, EventTrigger, EveryTrigger, Reentry, SegmentTrigger, Trigger

EVENTS = ("order.placed", "order.delivered", "order.cancelled", "return.requested", "ticket.opened", "review.posted")

durations = st.sampled_from(
    (Duration(), Duration(0, 600), Duration(0, 5 * 3_600), Duration(1), Duration(2), Duration(3), Duration(1, 7_200))
)
limits = st.sampled_from((Duration(0, 1_800), Duration(1), Duration(3)))
scopes = st.builds(EventScope, st.sampled_from(EVENTS), st.booleans())
atoms: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Compare, st.just("orders.count"), st.sampled_from((">=", "=", "<")), st.integers(0, 3)),
    st.builds(Compare, st.just("orders.revenue"), st.just(">"), st.just(Decimal(100))),
    st.builds(Compare, st.just("consent.email"), st.just("="), st.booleans()),
    st.builds(Known, st.sampled_from(("order.delivered_at", "customer.birth_date", "ticket.opened_at")), st.booleans()),
    st.builds(Ago, st.just("orders.last_at"), st.booleans(), st.just(Duration(3))),
    st.builds(Contains, st.just("customer.tags"), st.just("vip")),
    st.builds(Happened, scopes),
    st.builds(Happened, scopes, st.none(), st.sampled_from((">=", "=")), st.integers(0, 2)),
)
#: Of the customer alone, the same until the shop's facts change.
steady: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Compare, st.just("customer.preferred_channel"), st.sampled_from(("=", "!=")), st.just("sms")),
    st.builds(Known, st.just("customer.birth_date"), st.booleans()),
    st.builds(Compare, st.just("customer.zone"), st.just("="), st.just("Europe/Berlin")),
)


def boolean(leaf: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    """The leaves, and their sums, products and opposites."""
    two = st.tuples(leaf, leaf)
    return st.one_of(leaf, two.map(Everything), two.map(Anything), leaf.map(Not))


conditions = boolean(atoms)

triggers: st.SearchStrategy[Trigger] = st.one_of(
    st.builds(EventTrigger, st.sampled_from(("order.placed", "order.delivered")), st.just("order")),
    st.builds(EventTrigger, st.just("order.placed"), st.just("order")),
    st.builds(EventTrigger, st.just("ticket.opened"), st.just("ticket")),
    st.builds(
        EventTrigger, st.just("order.placed"), st.just("order"), st.just(Compare("order.total", ">", Decimal(50)))
    ),
    st.builds(
        DateTrigger,
        st.sampled_from(("customer.birth_date", "customer.created_at", "orders.first_at")),
        st.integers(-4, 4),
        clock_times,
    ),
    st.builds(SegmentTrigger, st.just("buyers"), st.just(Compare("orders.count", ">=", 1))),
    st.builds(EveryTrigger, st.sampled_from(("0 10 * * *", "30 3 * * MON", "15 0 1 * *")), st.none()),
)


tests: st.SearchStrategy[Trial] = st.builds(
    Trial,
    st.sampled_from(
        (
            (Variant("a", {"tr": "Bir"}), Variant("b", {"tr": "İki"})),
            (Variant("a", template="hello"), Variant("b", template="gift")),
        )
    ),
    st.integers(1, 10_000),
    st.sampled_from((Duration(0, 1_800), Duration(0, 5 * 3_600), Duration(1))),
    st.sampled_from(("clicked", "goal")),
)


@st.composite
def messages(draw: st.DrawFn, key: str, follow: str | None, purpose: Purpose) -> Message:
    not_after = draw(st.sampled_from((None,) * 8 + (SameDay(), FieldMoment("trigger.at", Duration(4)))))
    unless = draw(conditions) if draw(st.integers(0, 7)) == 7 else None
    medium = draw(st.sampled_from((None, None, None, "email", "sms")))
    failure = draw(st.sampled_from(("continue", "continue", "exit")))
    template = draw(st.sampled_from(("hello", "gift")))
    words = {"tr": "Merhaba {{ customer.first_name }}"}
    test = draw(tests) if draw(st.integers(0, 4)) == 4 and medium != "sms" else None
    subject = {} if test is not None and test.variants[0].subject else words
    rest = {"not_after": not_after, "unless": unless, "on_failure": failure, "test": test}
    return Message(key, key, follow, medium, template, purpose, subject, **rest)


@st.composite
def waits(draw: st.DrawFn, key: str, follow: str | None, otherwise: str | None, has_order: bool) -> Step:
    at, on = draw(st.none() | clock_times), draw(st.just(()) | weekdays)
    match draw(st.sampled_from(("for", "for", "time", "event"))):
        case "time":
            name = draw(
                st.sampled_from(("order.delivered_at", "trigger.at") if has_order else ("trigger.at", "trigger.date"))
            )
            offset = draw(st.sampled_from((Duration(), Duration(2), Duration(-1), Duration(0, 9_000))))
            moment = FieldMoment(name, offset)
            return WaitUntilTime(key, key, follow, moment, otherwise, at, on, draw(limits))
        case "event":
            return WaitUntilEvent(key, key, follow, draw(scopes), draw(limits), otherwise)
    return WaitFor(key, key, follow, draw(durations), at, on)


@st.composite
def ways(draw: st.DrawFn, key: str, targets: list[str | None], asked: st.SearchStrategy[Condition]) -> Step:
    somewhere = st.sampled_from(targets)
    if draw(st.booleans()):
        arms = draw(st.lists(st.builds(Arm, asked, somewhere), min_size=1, max_size=2))
        return Branch(key, key, draw(somewhere), tuple(arms))
    share = draw(st.integers(0, 10_000))
    return Split(key, key, (SplitArm("a", share, draw(somewhere)), SplitArm("b", 10_000 - share, draw(somewhere))))


@st.composite
def deeds(draw: st.DrawFn, key: str, follow: str | None, sends_on: bool) -> Step:
    match draw(st.sampled_from(("coupon", "coupon", "tag", "enter", "enter", "go_to", "stop"))):
        case "coupon":
            until = draw(st.sampled_from((None, FieldMoment("trigger.at", Duration(7)))))
            valid = None if until else Duration(14)
            return Coupon(key, key, follow, percent=Decimal(10), prefix="LAW", valid=valid, valid_until=until)
        case "stop":
            return Stop(key, key)
        case "enter" | "go_to" as verb if sends_on:
            return Enter(key, key, follow, "second", verb == "go_to")
    return Tag(key, key, follow, "seen", draw(st.booleans()))


leaving = st.one_of(st.just(()), st.just(()), st.tuples(scopes), st.tuples(scopes, scopes))
kinds_of_steps = st.sampled_from(("message", "message", "message", "wait", "wait", "wait", "ways", "deed"))


@st.composite
def plans(
    draw: st.DrawFn,
    sends_on: bool = True,
    trigger: st.SearchStrategy[Trigger] = triggers,
    asked: st.SearchStrategy[Condition] = conditions,
) -> Plan:
    """A journey "main" of a few steps; with `sends_on` some of them put customers into "second"."""
    chosen = draw(trigger)
    has_order = getattr(chosen, "object_kind", None) == "order"
    purpose: Purpose = draw(st.sampled_from(("commercial", "commercial", "transactional")))
    kinds = draw(st.lists(kinds_of_steps, min_size=4, max_size=8))
    keys: list[str | None] = [*(f"{kind}-{n}" for n, kind in enumerate(kinds)), None]
    steps: list[Step] = []
    for n, kind in enumerate(kinds):
        key, later = f"{kind}-{n}", keys[n + 1 :]
        follow = later[0] if draw(st.integers(0, 5)) else draw(st.sampled_from(later))
        otherwise = draw(st.sampled_from(later))
        match kind:
            case "message":
                steps.append(draw(messages(key, follow, purpose)))
            case "wait":
                steps.append(draw(waits(key, follow, otherwise, has_order)))
            case "ways":
                steps.append(draw(ways(key, later, asked)))
            case _:
                steps.append(draw(deeds(key, follow, sends_on)))
    unless = draw(st.sampled_from((None,) * 3 + (Compare("orders.count", "<", 2),)))
    exits = Exits(draw(leaving), unless, draw(st.sampled_from((None, "second" if sends_on else None))))
    again = draw(st.sampled_from((None, None, Reentry(once=True), Reentry(after=Duration(2)))))
    return Plan(
        journey="main",
        name="main",
        trigger=chosen,
        steps=tuple(steps),
        purpose=purpose,
        audience=draw(st.sampled_from((Everything(),) * 4 + (Known("customer.birth_date", True),))),
        reentry=again,
        exits=exits,
        goal=draw(st.sampled_from((None, Goal(EventScope("order.placed", True), Duration(5))))),
        holdout=0 if purpose == "transactional" else draw(st.sampled_from((0, 0, 0, 3_000))),
        backfill=draw(st.sampled_from((None, None, Duration(2)))),
    )
