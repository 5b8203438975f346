"""`whenever`: what happens at once, each time an event comes, to those inside."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from vefa.language.catalogue import OBJECT_KINDS, OF_AN_ORDER, EventType
from vefa.language.conditions import EventScope
from vefa.language.loader import JourneyDraft, StepDraft, WheneverDraft
from vefa.language.source import Trail
from vefa.plan.plans import Plan, Whenever
from vefa.plan.surroundings import AtHand

if TYPE_CHECKING:
    from vefa.plan.layout import Layout

#: Reads the event at that place, about the customer or the trigger's own object.
ReadScope = Callable[[Trail, str, bool], EventScope | None]


def lay_whenever(layout: Layout, read: ReadScope) -> tuple[Whenever, ...]:
    """Every entry of `whenever`; their steps are laid behind the journey's own."""
    seen: Counter[str] = Counter()
    found = (_entry(layout, each, read, seen) for each in layout.draft.whenever)
    return tuple(each for each in found if each is not None)


def _entry(layout: Layout, given: WheneverDraft, read: ReadScope, seen: Counter[str]) -> Whenever | None:
    for step in _all(given.steps):
        if getattr(step.form, "test", None) is not None:
            message = "nothing is tested in whenever: whoever waits for a decision cannot be told at once"
            hint = "Take the test out, or let enter put them into a journey of its own, which may test."
            layout.source.report((*step.trail, "test"), message, hint, "whenever-test", at="key")
        if getattr(step.detail, "pool", None) is not None:
            message = "nothing is held in whenever, and whoever finds a pool empty must wait for its codes"
            hint = "Give a coupon of the shop's own making, or let enter put them into a journey of its own."
            layout.source.report((*step.trail, "coupon"), message, hint, "whenever-pool", at="key")
        if step.verb != "wait":
            continue
        message = "nothing waits in whenever: its steps happen at once, each time the event comes"
        hint = "Take the wait out, or let enter put them into a journey of its own, which may wait."
        layout.source.report(step.trail, message, hint, "whenever-wait", at="key")
    before = len(layout.steps)
    layout.lay(given.steps, None)
    form = given.form
    if form is None or not form.event:
        return None
    scope = read((*given.trail, "event"), form.event, form.of == "customer")
    laid = layout.steps[before:]
    if scope is None or not laid:
        return None
    seen[form.event] += 1
    slug = "whenever-" + re.sub(r"[^a-z0-9]+", "-", form.event)
    id_ = slug if seen[form.event] == 1 else f"{slug}-{seen[form.event]}"
    return Whenever(id_, scope, laid[0].key, tuple(step.key for step in laid))


def _all(steps: tuple[StepDraft, ...]) -> Iterator[StepDraft]:
    for step in steps:
        yield step
        for inner in step.children:
            yield from _all(inner)


def check_whenever(draft: JourneyDraft, made: Plan, events: Mapping[str, EventType], hand: AtHand) -> None:
    """What no entry can tell alone: whether its event can be about the trigger's object, and finds anybody inside."""
    for given in draft.whenever:
        if given.form is None or given.form.event not in events:
            continue
        kind, event, trail = events[given.form.event].object_kind, given.form.event, (*given.trail, "event")
        if hand.own in OBJECT_KINDS and given.form.of is None and kind is not None and not _akin(kind, hand.own):
            own = f"an {hand.own}" if hand.own == "order" else f"a {hand.own}"
            message = f"{event} is never about {own}, which is what this journey is about"
            hint = f"Write of: customer beside it, if any {event} of the customer's is meant."
            draft.source.report(trail, message, hint, "whenever-kind")
        if any(on.event == event and on.of_customer for on in made.exits.on) or _same(made, event, given):
            message = f"{event} makes them leave (exit: on), so nobody is inside when this would happen"
            draft.source.report(trail, message, "Take it out here, or there.", "whenever-exit")


def _akin(kind: str, own: str | None) -> bool:
    return kind == own or {kind, own} <= OF_AN_ORDER


def _same(made: Plan, event: str, given: WheneverDraft) -> bool:
    return given.form is not None and given.form.of is None and any(on.event == event for on in made.exits.on)
