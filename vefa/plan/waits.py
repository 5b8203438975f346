"""Waits: for a length of time, for a moment, for an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vefa.language.catalogue import FIELDS, FILLED_BY, OBJECT_KINDS
from vefa.language.conditions import Duration
from vefa.language.durations import quoted, read_duration, read_moment
from vefa.language.loader import StepDraft
from vefa.language.problems import Mistake, did_you_mean
from vefa.language.source import Trail
from vefa.language.steps import WaitFor, WaitUntil
from vefa.plan import steps as plan

if TYPE_CHECKING:
    from vefa.plan.layout import Layout


def wait(layout: Layout, step: StepDraft, follow: str | None) -> None:
    """Any of the three kinds, by what stands after `wait`."""
    match step.detail:
        case WaitUntil() as until:
            _until(layout, step, until, follow)
        case WaitFor() as detail:
            _for(layout, step, detail.length, follow, detail)
        case _ if not isinstance(layout.source.get((*step.trail, "wait")), dict):
            _plain_wait(layout, step, follow)


def _plain_wait(layout: Layout, step: StepDraft, follow: str | None) -> None:
    trail = (*step.trail, "wait")
    given = layout.source.get(trail)
    length = None
    try:
        length = read_duration(given) if given is not None else None
    except Mistake as mistake:
        is_event = isinstance(given, str) and given in layout.around.events
        write = f"Write wait: {{until: {given}, at_most: 7 days}}."
        layout.told(trail, Mistake(f"{quoted(given)} is an event", write, "duration") if is_event else mistake)
    _for(layout, step, length, follow, None)


def _for(layout: Layout, step: StepDraft, length: Duration | None, follow: str | None, detail: WaitFor | None) -> None:
    name = layout.names[step.trail]
    at, on = (detail.at if detail else None), (detail.on if detail else ())
    layout.steps.append(plan.WaitFor(name.key, name.id, follow, length or Duration(), at, on))


def _until(layout: Layout, step: StepDraft, until: WaitUntil, follow: str | None) -> None:
    inside = step.lists.get("otherwise", ())
    otherwise = layout.first(inside, follow)
    trail = (*step.trail, "wait", "until")
    if not until.until:
        layout.whole = False
    elif until.until in layout.around.events:
        _until_event(layout, step, until, follow, otherwise)
    else:
        _until_moment(layout, step, until, follow, otherwise, trail)
    layout.lay(inside, follow)


def _until_event(layout: Layout, step: StepDraft, until: WaitUntil, follow: str | None, otherwise: str | None) -> None:
    name, trail = layout.names[step.trail], (*step.trail, "wait")
    for key in ("at", "on"):
        if layout.source.get((*trail, key)) is not None:
            hint = "Put a step wait: {for: 1 day, at: …} after it."
            message = f'"{key}" has no place where an event is waited for'
            layout.source.report((*trail, key), message, hint, "unknown-key", at="key")
    if layout.source.get((*trail, "at_most")) is None and layout.source.clean(trail):
        message = f"{until.until} may never come, and nobody would go on"
        layout.source.report((*trail, "until"), message, "Add at_most, such as at_most: 7 days.", "at-most")
    scope = layout.parser.around.scope(until.until, of_customer=False)
    at_most = until.at_most or Duration(days=1)
    layout.steps.append(plan.WaitUntilEvent(name.key, name.id, follow, scope, at_most, otherwise))


def _until_moment(
    layout: Layout, step: StepDraft, until: WaitUntil, follow: str | None, otherwise: str | None, trail: Trail
) -> None:
    name = layout.names[step.trail]
    moment = None
    try:
        offset = read_moment(until.until)
        if offset.field not in FIELDS and not until.until.count(" "):
            _tell_neither(layout, trail, until.until)
        else:
            moment = layout.moment(trail, offset)
    except Mistake as mistake:
        layout.told(trail, mistake)
    inner = (*step.trail, "wait")
    if moment and layout.source.get((*inner, "at_most")) is None and layout.source.clean(inner):
        _tell_of_empty(layout, trail, moment.field, inner)
    layout.steps.append(
        plan.WaitUntilTime(
            name.key,
            name.id,
            follow,
            moment or plan.FieldMoment("trigger.at"),
            otherwise,
            until.at,
            until.on,
            until.at_most,
        )
    )


def _tell_neither(layout: Layout, trail: Trail, word: str) -> None:
    timely = [f.name for f in FIELDS.values() if f.type in {"time", "date"}]
    hint = did_you_mean(word, (*layout.around.events, *timely), "Write an event, or a field that holds a moment.")
    layout.source.report(trail, f'"{word}" is neither an event nor a field', hint, "unknown-event")


def _tell_of_empty(layout: Layout, trail: Trail, field: str, inner: Trail) -> None:
    if may_be_empty(layout, field):
        hint = "Add at_most, such as at_most: 14 days."
        layout.source.report(trail, f"{field} may be empty, and nobody would go on", hint, "at-most")
    elif layout.source.get((*inner, "otherwise")) is not None:
        message = f'"otherwise" never happens: {field} is never empty here, and there is no at_most'
        layout.source.report((*inner, "otherwise"), message, "Take it out.", "otherwise", at="key")


def may_be_empty(layout: Layout, name: str) -> bool:
    """Whether the field may have no value (yet) for somebody in this journey."""
    if name in FILLED_BY.get(layout.hand.event or "", ()):
        return False
    known = FIELDS[name]
    foreign = known.home in OBJECT_KINDS and known.home != layout.hand.own
    return known.nullable or (foreign and layout.hand.own != "delivery")
