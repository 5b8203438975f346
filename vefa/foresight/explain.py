"""The whole plan in plain words: who enters, what happens to them and when, who leaves, and what policy says.

Everything is told from the plan that the engine runs, so it cannot say anything else than what will happen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from vefa.foresight.audience import Standing
from vefa.foresight.deeds import share
from vefa.foresight.timeline import Line, asides, timeline
from vefa.language.catalogue import OBJECT_KINDS
from vefa.language.conditions import Condition, Duration, EventScope, Everything
from vefa.language.english import clock, counted, duration, english, event_sentence, moment, name_of, weekdays
from vefa.language.wording import MEDIA
from vefa.plan.codec import plan_hash
from vefa.plan.plans import Plan, Runs, Whenever
from vefa.plan.policy import Cap, Policy, Rule, Withhold
from vefa.plan.steps import Medium, Message, Purpose
from vefa.plan.ways_in import DateTrigger, EnteredTrigger, EventTrigger, EveryTrigger, SegmentTrigger


@dataclass(frozen=True)
class Aside:
    """What happens each time an event comes, whatever step they stand at."""

    when: str
    timeline: tuple[Line, ...]


@dataclass(frozen=True)
class Explanation:
    """A journey told to a person, part by part. Counts are None where no database was asked."""

    journey: str
    name: str
    description: str
    owner: str | None
    status: str
    purpose: str
    plan: str
    runs: str
    enters: tuple[str, ...]
    timeline: tuple[Line, ...]
    leaves: tuple[str, ...]
    goal: str | None
    policy: tuple[str, ...]
    whenever: tuple[Aside, ...] = ()
    audience_now: int | None = None
    inside: int | None = None
    in_older_plans: int | None = None


def explain(
    plan: Plan, policy: Policy, audience_now: int | None = None, standing: Standing | None = None
) -> Explanation:
    """The plan in words; `audience_now` and `standing` are what the database says of it at this moment."""
    return Explanation(
        plan.journey,
        plan.name,
        plan.description.strip(),
        plan.owner,
        plan.status,
        plan.purpose,
        plan_hash(plan),
        _runs(plan.runs),
        tuple(_enters(plan)),
        timeline(plan, standing.steps if standing else None),
        tuple(_leaves(plan)),
        _goal(plan),
        tuple(_policy(plan, policy)),
        tuple(Aside(_whenever(plan, each), lines) for each, lines in asides(plan)),
        audience_now,
        standing.all if standing else None,
        sum(standing.older.values()) if standing else None,
    )


def _runs(runs: Runs) -> str:
    if runs.at_once:
        return "at once: it looks every minute"
    if runs.at is not None:
        return f"every day at {clock(runs.at)}"
    return f"every {counted(runs.minutes or 15, 'minute')}"


def _enters(plan: Plan) -> Iterable[str]:
    yield _trigger(plan)
    if plan.audience != Everything():
        yield f"Only if {english(plan.audience)}."
    yield _reentry(plan)
    if plan.topic:
        yield f"Who has refused the topic “{plan.topic}” gets none of its commercial messages."
    if plan.holdout:
        yield f"{share(plan.holdout)} of them are held out: measured, never written to."
    if plan.backfill is not None:
        yield f"On going live it reaches back {duration(plan.backfill)}."


def _trigger(plan: Plan) -> str:
    match plan.trigger:
        case EventTrigger(event=event, where=where):
            return f"A customer enters when {event_sentence(EventScope(event))}{_where(where)}."
        case DateTrigger(field=field, offset=offset, at=at):
            day = moment(name_of(field), Duration(days=offset))
            on = "on " if offset == 0 else ""
            return f"A customer enters {on}{day}, once a year, at {clock(at)} on their own clock."
        case SegmentTrigger(name=name, condition=condition):
            return f"A customer enters on coming into the segment “{name}”, that is, once {english(condition)}."
        case EveryTrigger(cron=cron, zone=zone):
            return f"The whole audience enters {cron_words(cron)} ({zone or 'the shop’s time zone'})."
        case EnteredTrigger():
            return "A customer enters when another journey sends them here."


def _event(plan: Plan, scope: EventScope) -> str:
    brings = isinstance(plan.trigger, EventTrigger) and plan.trigger.object_kind in OBJECT_KINDS
    return event_sentence(scope, among_others=brings)


def _whenever(plan: Plan, each: Whenever) -> str:
    return f"Each time {_event(plan, each.scope)}, whatever step they stand at, at once and once for each event:"


def _where(where: Condition) -> str:
    return "" if where == Everything() else f", if {english(where)}"


ORDINALS = {"1": "first", "2": "second", "3": "third", "4": "fourth"}
CRON_DAYS = {"1": "mon", "2": "tue", "3": "wed", "4": "thu", "5": "fri", "6": "sat", "0": "sun", "7": "sun"}


def cron_words(cron: str) -> str:
    """The usual cron lines as people say them; any other is read out."""
    minute, hour, day, month, weekday = cron.split()
    if not (minute.isdecimal() and hour.isdecimal() and month == "*"):
        return f"at each time of “{cron}”"
    at = f"at {int(hour):02}:{int(minute):02}"
    match day, weekday:
        case "*", "*":
            return f"every day {at}"
        case "*", one if one in CRON_DAYS:
            return f"every {weekdays((CRON_DAYS[one],))} {at}"
        case "*", several if set(names := several.lower().split(",")) <= set(CRON_DAYS.values()):
            return f"every {weekdays(tuple(names))} {at}"
        case "*", one if found := re.fullmatch(r"([A-Z]{3})#([1-4])", one):
            return f"on the {ORDINALS[found[2]]} {weekdays((found[1].lower(),))} of every month {at}"
        case "*", one if found := re.fullmatch(r"([0-6])L", one):
            return f"on the last {weekdays((CRON_DAYS[found[1]],))} of every month {at}"
        case "L", "*":
            return f"on the last day of every month {at}"
        case one, "*" if one.isdecimal():
            return f"on day {one} of every month {at}"
    return f"at each time of “{cron}”"


def _reentry(plan: Plan) -> str:
    again = plan.reentry
    if again is None:
        return REENTRY[plan.trigger.kind]
    if again.once:
        return "Nobody enters twice, ever."
    if again.after is None:
        return "They may enter every time."
    return f"They may enter again {duration(again.after)} later at the earliest."


REENTRY = {
    "event": "They may enter every time, once for each object.",
    "date": "They enter once a year.",
    "segment": "They enter again when they leave the segment and come back on another day.",
    "every": "They enter each time.",
    "entered": "They enter each time they are sent.",
}


def _leaves(plan: Plan) -> Iterable[str]:
    for scope in plan.exits.on:
        yield f"They leave as soon as {_event(plan, scope)}."
    if plan.exits.unless is not None:
        yield f"They stay only as long as {english(plan.exits.unless)}; looked at before every message."
    if plan.exits.then_enter:
        yield f"Who leaves so goes on to the journey “{plan.exits.then_enter}”."
    yield "Whoever has passed the last step has finished."


def _goal(plan: Plan) -> str | None:
    if plan.goal is None:
        return None
    said = _event(plan, plan.goal.scope)
    return f"It has worked when {said} within {duration(plan.goal.within)} of entering. Only measured."


def _policy(plan: Plan, policy: Policy) -> Iterable[str]:
    used = list(dict.fromkeys(_uses(plan)))
    for purpose, medium in used:
        yield _rule(policy.rule(purpose, medium))
    if policy.open_ticket is not None and any(purpose == "commercial" for purpose, _ in used):
        how = _withhold(policy.open_ticket)
        yield f"While a complaint or question of theirs is open: no commercial message ({how})."
    for cap in policy.caps:
        if any(_applies(cap, purpose, medium) for purpose, medium in used):
            yield _cap(cap)
    if plan.journey in policy.priority:
        place = f"number {policy.rank(plan.journey) + 1} of {len(policy.priority)}"
        yield f"Where several journeys want to write at once, this one is {place}."


def _uses(plan: Plan) -> Iterable[tuple[Purpose, Medium]]:
    for step in plan.steps:
        if isinstance(step, Message):
            yield from ((step.purpose, medium) for medium in step.media)


def _rule(rule: Rule) -> str:
    consent = "only with consent" if rule.consent else "no consent needed"
    words = f"{rule.purpose.capitalize()} {MEDIA[rule.medium]}: {consent}"
    if rule.quiet is None:
        return f"{words}; at any hour."
    quiet = f"none from {clock(rule.quiet.start)} to {clock(rule.quiet.end)} on the customer's own clock"
    return f"{words}; {quiet} ({_withhold(rule.quiet.withhold)})."


def _cap(cap: Cap) -> str:
    what = " ".join(filter(None, (cap.purpose, MEDIA[cap.medium] if cap.medium else None, "messages")))
    return (
        f"At most {cap.limit} {what} to one customer in {duration(cap.within)}, "
        f"over all journeys ({_withhold(cap.withhold)})."
    )


def _applies(cap: Cap, purpose: Purpose, medium: Medium) -> bool:
    return cap.purpose in {None, purpose} and cap.medium in {None, medium}


def _withhold(withhold: Withhold) -> str:
    match withhold.then:
        case "defer":
            return f"put off until it may go, dropped after {duration(withhold.limit)}"
        case "drop_after":
            return f"put off, dropped after {duration(withhold.limit)}"
        case "skip":
            return "else skipped"
