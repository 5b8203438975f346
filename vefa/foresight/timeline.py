"""A plan's flat steps told again as nested ways: what happens, when, and to how many.

A branch's ways end where they all meet again. That place is found in the plan itself, so the telling follows
what the engine runs and not what the file looked like.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vefa.foresight import moments
from vefa.foresight.deeds import Deed, deed, ways
from vefa.plan.plans import Plan, Whenever
from vefa.plan.steps import Enter, Step, Stop


@dataclass(frozen=True)
class Line:
    """One line of the timeline: a step, or (without a key) the beginning of one of its ways."""

    depth: int
    what: str
    kind: str
    key: str | None = None
    id: str | None = None
    when: str = ""
    notes: tuple[str, ...] = ()
    here: int = 0


def timeline(plan: Plan, standing: Mapping[str, int] | None = None) -> tuple[Line, ...]:
    """The plan from its first step to its end, with how many customers stand at each step."""
    return tuple(_Telling(plan, standing or {}).chain(plan.first, None, 0))


def asides(plan: Plan) -> tuple[tuple[Whenever, tuple[Line, ...]], ...]:
    """What happens beside it, each time an event comes."""
    telling = _Telling(plan, {}, end="Nothing more comes of it")
    return tuple((each, tuple(telling.chain(each.first, None, 0))) for each in plan.whenever)


class _Telling:
    def __init__(self, plan: Plan, standing: Mapping[str, int], end: str = "The journey ends here") -> None:
        self.end = end
        self.steps = plan.by_key
        self.standing = standing
        self.arrivals = moments.arrivals(plan)
        self.meetings = _meetings(plan)

    def chain(self, key: str | None, stop: str | None, depth: int) -> Iterator[Line]:
        """Steps one after the other, up to `stop`."""
        while key is not None and key != stop:
            step = self.steps[key]
            said = deed(step)
            yield self._line(step, said, depth)
            branches = ways(step)
            meeting = self.meetings[key] if branches else None
            for name, target in branches:
                yield Line(depth + 1, name, "way")
                yield from self._way(target, meeting, depth + 2)
            key = meeting if branches else _straight_on(step)

    def _way(self, target: str | None, meeting: str | None, depth: int) -> Iterator[Line]:
        if target == meeting:
            yield Line(depth, "Go straight on" if meeting else self.end, "way_on")
        else:
            yield from self.chain(target, meeting, depth)

    def _line(self, step: Step, said: Deed, depth: int) -> Line:
        when = moments.say(self.arrivals.get(step.key, ())) if said.timed and step.key in self.arrivals else ""
        here = self.standing.get(step.key, 0)
        return Line(depth, said.what, step.kind, step.key, step.id, when, said.notes, here)


def _straight_on(step: Step) -> str | None:
    return None if _ends(step) or isinstance(step, Stop) else getattr(step, "next", None)


def _ends(step: Step) -> bool:
    return isinstance(step, Stop) or (isinstance(step, Enter) and step.leave)


def _meetings(plan: Plan) -> dict[str, str | None]:
    """For each step, the first later step that every way from it comes to; None where none does.

    A way that leaves the journey by itself does not count: `if … then: stop` meets where the others go on.
    """
    order = {step.key: place for place, step in enumerate(plan.steps)}
    certain: dict[str, frozenset[str] | None] = {}  # None: leaves, so it says nothing
    meetings: dict[str, str | None] = {}
    for step in reversed(plan.steps):
        shared = None if _ends(step) else _shared([certain[t] if t else frozenset() for t in plan.after(step)])
        meetings[step.key] = min(shared, key=order.__getitem__) if shared else None
        certain[step.key] = None if shared is None else shared | {step.key}
    return meetings


def _shared(ways_on: list[frozenset[str] | None]) -> frozenset[str] | None:
    known = [way for way in ways_on if way is not None]
    return frozenset.intersection(*known) if known else None
