"""The laws of the engine, over random histories: journeys, customers, facts, policies, clocks and mishaps."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.laws.histories import DAY, SPAN, History, histories
from tests.laws.stage import Stage, Theatre, contents, crashes_at_commits, names_of_steps, rows
from vefa.crm.identity import PRIME, bucket
from vefa.crm.identity import draw as chance_of
from vefa.crm.tables import events
from vefa.engine.plans import elapsed
from vefa.engine.policy import counts
from vefa.engine.tables import considered, enrolments
from vefa.language.conditions import Everything
from vefa.ledger.tables import sends
from vefa.plan.plans import Plan
from vefa.plan.policy import QuietHours
from vefa.plan.steps import Message
from vefa.plan.ways_in import EventTrigger, SegmentTrigger

REACHED = {"accepted", "doubtful", "crash"}


def play(theatre: Theatre, history: History, again: Iterable[int] = ()) -> Stage:
    """The whole history; after the ticks of `again` everything is done once more, which must change nothing."""
    stage, twice = theatre.open(history), set(again)
    for number, minute in enumerate(history.ticks):
        stage.learn(minute)
        with crashes_at_commits(stage, history.crashes):
            whole = stage.tick(minute)
        if whole and number in twice:
            check_repetition(stage, minute)
    return stage


def check_repetition(stage: Stage, minute: int) -> None:
    before, got = contents(stage.database), len(stage.got)

    assert stage.tick(minute)

    assert contents(stage.database) == before
    assert len(stage.got) == got


def play_out(stage: Stage) -> None:
    """No newcomers; tick on until everybody is through."""
    stage.close_journeys(SPAN)
    for day in range(1, 80):
        if not stage.active():
            return
        stage.learn(SPAN + day * DAY)
        stage.tick(SPAN + day * DAY)
    raise AssertionError(f"{stage.active()} are still inside, months after the end")


# --- what must hold at any time --------------------------------------------------------------------------------------


def check_entries(stage: Stage) -> None:
    """Nobody enters twice under one key, nor sooner than re-entry allows; arms and holdouts are as drawn."""
    inside: defaultdict[tuple[int, int], list[sa.Row[tuple[object, ...]]]] = defaultdict(list)
    for row in rows(stage.database, enrolments):
        inside[row.journey_id, row.customer_id].append(row)
    for (journey, customer), mine in inside.items():
        plan = stage.history.journeys[journey - 1]
        keys = [row.entry_key for row in mine]
        assert len(keys) == len(set(keys))
        if plan.reentry is not None:
            check_reentry(plan, sorted(row.entered_at for row in mine))
        held = chance_of(bucket(f"c{customer}"), "holdout", plan.journey) < plan.holdout * PRIME // 10_000
        assert {row.state == "holdout" for row in mine} == {held}


def check_reentry(plan: Plan, entered: list[datetime]) -> None:
    assert plan.reentry is not None
    if plan.reentry.once:
        assert len(entered) == 1
    elif plan.reentry.after:
        pause = elapsed(plan.reentry.after)
        assert all(later - sooner >= pause for sooner, later in pairwise(entered))


def check_ledger(stage: Stage) -> None:
    """One row a step; what the channel got is what the ledger calls sent or in doubt, and no attempt goes twice."""
    ledger = {row.id: row for row in rows(stage.database, sends)}
    held = {row.id for row in rows(stage.database, enrolments) if row.state == "holdout"}
    assert not [row for row in ledger.values() if row.enrolment_id in held]
    assert len({(row.enrolment_id, row.step) for row in ledger.values()}) == len(ledger)
    assert len({one.ref for one in stage.got}) == len(stage.got)
    accepted = Counter(one.send_id for one in stage.got if one.outcome == "accepted")
    reached = Counter(one.send_id for one in stage.got if one.outcome in REACHED)
    assert set(accepted.values()) <= {1}
    for send_id, times in reached.items():
        row = ledger[send_id]
        assert times <= (2 if row.purpose == "transactional" else 1)
        again = row.state in {"queued", "reserved"} and row.doubts  # in doubt; transactional ones go once more
        assert again or row.state in {"sent", "unknown", "claimed"}
    for row in ledger.values():
        if row.state == "sent":
            assert accepted[row.id] == 1
        if row.state == "unknown" and not stage.crashed:
            assert reached[row.id]
        if row.state in {"skipped", "failed"}:
            assert not accepted[row.id]
            assert row.settled_at is not None


def check_permissions(stage: Stage) -> None:
    """No message in quiet hours, to an address that cannot be used or is suppressed, or without consent."""
    policy = stage.history.policy
    plans = {plan.journey: plan for plan in stage.history.journeys}
    for one in stage.got:
        person = stage.history.people[one.person - 1]
        step = plans[one.journey].step(one.step)
        assert isinstance(step, Message)
        assert step.medium in (None, one.medium)
        assert one.medium in person.channels
        assert person.undeliverable is None
        rule = policy.rule(step.purpose, one.medium)
        assert rule.quiet is None or not is_quiet(one.at, rule.quiet, person.zone)
        if rule.consent:
            assert consented(stage.history, one.person - 1, one.medium, one.at)
        for channel, purpose, minute in person.suppressed:
            barred = channel == one.medium and purpose in (None, step.purpose)
            assert not (barred and stage.history.moment(minute) <= one.at)
    blocked: dict[str, datetime] = {}
    for one in stage.got:
        assert one.to not in blocked or one.at <= blocked[one.to]
        if one.outcome == "blocked" and not stage.crashed:
            blocked.setdefault(one.to, one.at)


def is_quiet(moment: datetime, quiet: QuietHours, zone: str) -> bool:
    clock = moment.astimezone(ZoneInfo(zone)).time()
    if quiet.start <= quiet.end:
        return quiet.start <= clock < quiet.end
    return clock >= quiet.start or clock < quiet.end


def consented(history: History, person: int, channel: str, at: datetime) -> bool:
    """By the last word before that moment; of two words of one moment the "no" counts."""
    said = [(minute, not granted) for c, granted, minute in history.people[person].said if c == channel]
    known = [word for word in said if history.moment(word[0]) <= at]
    return bool(known) and not max(known)[1]


def check_caps(stage: Stage) -> None:
    """In no rolling window more than the cap allows, over all journeys, with what is in doubt."""
    ledger = [row for row in rows(stage.database, sends) if row.state in {"sent", "unknown", "claimed"}]
    for cap in stage.history.policy.caps:
        times: defaultdict[int, list[datetime]] = defaultdict(list)
        for row in ledger:
            if counts(cap, row.purpose, row.medium):
                times[row.customer_id].append(row.claimed_at)
        window = elapsed(cap.within)
        for at in times.values():
            for end in at:
                assert sum(end - window < one <= end for one in at) <= cap.limit


def check_walk(stage: Stage) -> None:
    """Everybody stands at a step of the plan, or is through; who waits for a message has one under way."""
    names = names_of_steps(stage.database)
    under_way = {
        (row.enrolment_id, names[row.step])
        for row in rows(stage.database, sends)
        if row.state in {"queued", "claimed", "reserved", "unknown"}
    }
    for row in rows(stage.database, enrolments):
        if row.state != "active":
            assert row.due_at is None
            assert row.left_at is not None
            continue
        step = stage.history.journeys[row.journey_id - 1].step(names[row.step])
        if row.due_at is None:
            assert isinstance(step, Message)
            assert (row.id, step.id) in under_way


def check_considered(stage: Stage) -> None:
    """Every event that a journey waits for was looked at, once it was known to a live journey (rule 3)."""
    looked = {(row.journey_id, row.event_id): row.outcome for row in rows(stage.database, considered)}
    entered = Counter((row.journey_id, row.customer_id) for row in rows(stage.database, enrolments))
    for number, plan in enumerate(stage.history.journeys, 1):
        if not isinstance(plan.trigger, EventTrigger):
            continue
        for row in rows(stage.database, events):
            known = stage.history.start <= row.known_at <= stage.history.moment(stage.history.ticks[-1])
            if row.type == plan.trigger.event and known:
                assert (number, row.id) in looked
        said = Counter(outcome for (journey, _), outcome in looked.items() if journey == number)
        there = sum(n for (journey, _), n in entered.items() if journey == number)
        assert said["entered"] + said["holdout"] == there


def check_exits(stage: Stage) -> None:
    """No message to whom the journey has no business with any more: looked at anew at every claim (rule 16)."""
    history, ledger = stage.history, {row.id: row for row in rows(stage.database, sends)}
    inside = {row.id: row for row in rows(stage.database, enrolments)}
    for one in stage.got:
        exits = next(plan.exits for plan in history.journeys if plan.journey == one.journey)
        minute, person = history.minute(one.at), one.person - 1
        assert exits.unless is None or history.orders_counted(person, minute) < 2
        entered = inside[ledger[one.send_id].enrolment_id].entered_at
        for scope in exits.on:
            assert not (scope.of_customer and came_since(history, person, scope.event, entered, minute))


def came_since(history: History, person: int, event: str, entered: datetime, minute: int) -> bool:
    """Whether such an event of the customer, later than their entry, is known."""
    kind, _, name = event.partition(".")
    moments = [d.moments[name] for d in history.doings if (d.kind, d.person) == (kind, person) and name in d.moments]
    return any(m.is_known(minute) and history.moment(m.occurred(minute)) > entered for m in moments)


def check_segment(stage: Stage) -> None:
    """Into a segment's journey one enters by coming into the segment, not by being in it."""
    history, plan = stage.history, stage.history.journeys[0]
    if not isinstance(plan.trigger, SegmentTrigger):
        return
    since = 0 if plan.backfill is None else -plan.backfill.days * DAY
    entries = Counter(row.customer_id for row in rows(stage.database, enrolments) if row.journey_id == 1)
    for person in range(len(history.people)):
        looks = [history.orders_counted(person, since, history.ticks[0]) > 0]
        looks += [history.orders_counted(person, minute) > 0 for minute in history.ticks]
        came_in = sum(after and not before for before, after in pairwise(looks))
        assert entries[person + 1] <= came_in
        plain = plan.reentry is None and plan.audience == Everything() and not stage.crashed
        assert entries[person + 1] == came_in or not plain or came_in > 1


def check_all(stage: Stage) -> None:
    check_entries(stage)
    check_ledger(stage)
    check_permissions(stage)
    check_caps(stage)
    check_walk(stage)
    check_exits(stage)
    check_segment(stage)


@settings(max_examples=max(30, settings().max_examples // 10))
@given(histories(), st.sets(st.integers(0, 20), max_size=4))
def test_the_laws_hold_over_any_history(theatre: Theatre, history: History, again: set[int]) -> None:
    stage = play(theatre, history, again)

    sent = sum(one.outcome == "accepted" for one in stage.got)
    event(f"{'many' if sent > 4 else sent} sent, {'some' if stage.crashed else 'no'} crashes")
    check_all(stage)
    if not stage.crashed:
        check_considered(stage)
    play_out(stage)
    check_all(stage)
