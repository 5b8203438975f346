"""When a step comes, told from what the journey began with: "about 1 day after the delivery, at 10:00"."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import time

from vefa.language.conditions import Duration
from vefa.language.english import clock, duration, listed, moment, name_of, since_event, weekdays
from vefa.plan.plans import Plan
from vefa.plan.steps import Step, WaitFor, WaitUntilEvent, WaitUntilTime
from vefa.plan.ways_in import DateTrigger, EnteredTrigger, EventTrigger, EveryTrigger, SegmentTrigger

NO_TIME = Duration()
OWN_CLOCK = "on the customer's own clock"


@dataclass(frozen=True)
class When:
    """A stretch of time counted from `basis`, and the time of day it falls to where one is known."""

    basis: str
    low: Duration = NO_TIME
    high: Duration = NO_TIME
    at: time | None = None
    on: tuple[str, ...] = ()

    def later(self, length: Duration) -> When:
        """So much later; an hour on the way makes the time of day unknown."""
        at = None if length.seconds else self.at
        return replace(self, low=_sum(self.low, length), high=_sum(self.high, length), at=at, on=())

    def say(self) -> str:
        """The moment in words."""
        return self._distance() + self._time_of_day()

    def _distance(self) -> str:
        if self.low == self.high:
            exact = moment(self.basis, self.low)
            return f"right after {exact}" if self.low == NO_TIME and not self.at else self._placed(exact)
        if self.low == NO_TIME:
            return f"up to {duration(self.high)} after {self.basis}"
        return f"{duration(self.low)} to {duration(self.high)} after {self.basis}"

    def _placed(self, exact: str) -> str:
        return f"on {exact}" if self.low == NO_TIME else f"about {exact}"

    def _time_of_day(self) -> str:
        day = f", on the next {weekdays(self.on)}" if self.on else ""
        return f"{day}, at {clock(self.at)} {OWN_CLOCK}" if self.at else day


def _sum(one: Duration, other: Duration) -> Duration:
    return Duration(one.days + other.days, one.seconds + other.seconds)


Whens = tuple[When, ...]


def say(whens: Whens) -> str:
    """One moment, or two; where many ways lead here there is no telling."""
    if len(whens) > 2:
        return "when they come here"
    return listed([when.say() for when in whens], "or")


def arrivals(plan: Plan) -> dict[str, Whens]:
    """When customers come to each step, by key. Every target lies further down, so one pass is enough."""
    found: dict[str, Whens] = {plan.first: (beginning(plan),)} if plan.first else {}
    found |= {each.first: (When(since_event(each.scope.event)),) for each in plan.whenever}
    for step in plan.steps:
        here = found.get(step.key, ())
        for target, whens in _leaving(plan, step, here):
            if target is not None:
                found[target] = _merged(found.get(target, ()) + whens)
    return found


def beginning(plan: Plan) -> When:
    """The moment of entering."""
    match plan.trigger:
        case EventTrigger(event=event):
            return When(since_event(event))
        case DateTrigger(field=field, offset=offset, at=at):
            return When(name_of(field), Duration(days=offset), Duration(days=offset), at)
        case SegmentTrigger(name=name):
            return When(f"coming into “{name}”")
        case EveryTrigger():
            return When("each occurrence")
        case EnteredTrigger():
            return When("being sent here")


def _leaving(plan: Plan, step: Step, here: Whens) -> list[tuple[str | None, Whens]]:
    """Where one goes from the step, and when."""
    match step:
        case WaitFor(next=next_, length=length, at=at, on=on):
            return [(next_, tuple(_at(when.later(length), at, on) for when in here))]
        case WaitUntilTime(next=next_, until=until, otherwise=otherwise, at=at, on=on, at_most=at_most):
            reached = When(name_of(until.field), until.offset, until.offset)
            late = tuple(when.later(at_most) for when in here) if at_most else ()
            return [(next_, (_at(reached, at, on),)), (otherwise, late)]
        case WaitUntilEvent(next=next_, scope=scope, at_most=at_most, otherwise=otherwise):
            return [
                (next_, (When(since_event(scope.event)),)),
                (otherwise, tuple(when.later(at_most) for when in here)),
            ]
        case _:
            return [(target, here) for target in dict.fromkeys(plan.after(step))]


def _at(when: When, at: time | None, on: tuple[str, ...]) -> When:
    return replace(when, at=at or when.at, on=on)


def _merged(whens: Whens) -> Whens:
    """Ways that count from the same thing become one stretch."""
    by_basis: dict[str, When] = {}
    for when in whens:
        known = by_basis.get(when.basis)
        by_basis[when.basis] = when if known is None else _span(known, when)
    return tuple(by_basis.values())


def _span(one: When, other: When) -> When:
    lengths = sorted((one.low, one.high, other.low, other.high), key=lambda d: (d.days, d.seconds))
    same = (one.at, one.on) == (other.at, other.on)
    return When(one.basis, lengths[0], lengths[-1], one.at if same else None, one.on if same else ())
