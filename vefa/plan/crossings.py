"""What journeys do to one another: who sends whom, what travels along, and that nobody is sent round in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vefa.language.catalogue import OBJECT_KINDS, EventType
from vefa.language.loader import JourneyDraft
from vefa.language.schema import EnteredTrigger, EventTrigger
from vefa.language.source import Trail
from vefa.language.steps import EnterStep, GoToStep


def crossings(draft: JourneyDraft) -> Iterator[tuple[str, Trail]]:
    """Every journey that this one sends customers to, with the place that says so."""
    if draft.then and draft.then.enter:
        yield draft.then.enter, ("exit", "then", "enter")
    for step in draft.walk():
        if isinstance(step.form, EnterStep):
            yield step.form.enter, (*step.trail, "enter")
        elif isinstance(step.form, GoToStep):
            yield step.form.go_to, (*step.trail, "go_to")


def what_is_brought(
    drafts: Mapping[str, JourneyDraft], events: Mapping[str, EventType]
) -> dict[str, frozenset[str | None]]:
    """For each journey that is only entered: the kinds of objects that its senders bring (None: no object)."""
    brought: dict[str, set[str | None]] = {
        name: set() for name, draft in drafts.items() if isinstance(draft.trigger, EnteredTrigger)
    }
    for _ in range(len(brought) + 1):  # a chain of journeys that are only entered is no longer than their number
        for draft in drafts.values():
            kinds = brought.get(draft.id, {_own(draft, events)})
            for target, _trail in crossings(draft):
                if target in brought:
                    brought[target] |= kinds
    return {name: frozenset(kinds) for name, kinds in brought.items()}


def _own(draft: JourneyDraft, events: Mapping[str, EventType]) -> str | None:
    event = events.get(draft.trigger.event) if isinstance(draft.trigger, EventTrigger) else None
    return event.object_kind if event and event.object_kind in OBJECT_KINDS else None


def tell_of_circles(drafts: Mapping[str, JourneyDraft]) -> None:
    """Each circle once, in the journey of it that comes first by name."""
    told: set[frozenset[str]] = set()
    for name in sorted(drafts):
        for target, trail in crossings(drafts[name]):
            back = _way(drafts, target, name)
            if back is None or frozenset(back) in told:
                continue
            told.add(frozenset(back))
            chain = " → ".join((name, *back))
            message = f"customers would be sent round in a circle: {chain}"
            drafts[name].source.report(trail, message, "Let one of them stop instead.", "circle")


def _way(drafts: Mapping[str, JourneyDraft], start: str, goal: str) -> tuple[str, ...] | None:
    """A shortest way from journey to journey, both ends in; None where there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    while ways:
        way = ways.pop(0)
        if way[-1] == goal:
            return way
        onward = sorted({target for target, _ in crossings(drafts[way[-1]])}) if way[-1] in drafts else []
        ways += [(*way, target) for target in onward if target not in seen]
        seen |= set(onward)
    return None
