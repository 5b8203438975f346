"""What a journey finds around itself: the shop's languages, segments and events, and the other journeys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from vefa.language.catalogue import EVENTS, REACH, EventType
from vefa.language.conditions import Condition
from vefa.language.loader import JourneyDraft
from vefa.language.schema import DateTrigger, EnteredTrigger, EventTrigger
from vefa.language.steps import SendForm
from vefa.plan.loyalty import Programme
from vefa.plan.outside import Outside
from vefa.plan.pools import Pool


@dataclass(frozen=True)
class Neighbours:
    """Everything outside one journey's file that its plan depends on."""

    locales: tuple[str, ...]
    events: Mapping[str, EventType] = field(default_factory=lambda: dict(EVENTS))
    #: None: the segment's own file holds mistakes
    segments: Mapping[str, Condition | None] = field(default_factory=dict)
    journeys: frozenset[str] = frozenset()
    #: for journeys that are only entered: the object kinds that come along, as far as known
    brought: Mapping[str, frozenset[str | None]] = field(default_factory=dict)
    #: names of config/topics.yaml
    topics: frozenset[str] = frozenset()
    #: names of config/tools.yaml and config/staff.yaml
    outside: Outside = field(default_factory=Outside)
    #: names of config/surveys.yaml, and those that every shop has
    surveys: frozenset[str] = frozenset()
    #: pools of config/coupons.yaml; None: it holds mistakes there
    pools: Mapping[str, Pool | None] = field(default_factory=dict)
    loyalty: Programme = field(default_factory=Programme)


@dataclass(frozen=True)
class AtHand:
    """Whose fields a journey may speak of. `objects` None: nobody knows yet."""

    own: str | None = None
    objects: frozenset[str] | None = frozenset()
    event: str | None = None
    dates: bool = False


def at_hand(draft: JourneyDraft, around: Neighbours) -> AtHand:
    """What the journey's trigger brings along, and the answer to the survey that it asks."""
    brought = _brought(draft, around)
    if brought.objects is None or not asks_survey(draft):
        return brought
    return replace(brought, objects=brought.objects | {"survey"})


def asks_survey(draft: JourneyDraft) -> bool:
    """Whether a message of the journey asks one."""
    return any(isinstance(step.form, SendForm) and step.form.survey is not None for step in draft.walk())


def _brought(draft: JourneyDraft, around: Neighbours) -> AtHand:
    match draft.trigger:
        case EventTrigger() as trigger:
            kind = around.events[trigger.event].object_kind if trigger.event in around.events else None
            known = trigger.event in around.events
            return AtHand(kind, REACH.get(kind or "", frozenset()) if known else None, trigger.event)
        case DateTrigger():
            return AtHand(dates=True)
        case EnteredTrigger():
            return _entered(around.brought.get(draft.id, frozenset()))
        case None:
            return AtHand(objects=None, dates=True)
    return AtHand()


def _entered(kinds: frozenset[str | None]) -> AtHand:
    """Only what every sender brings is at hand; with no sender yet, nobody knows."""
    if not kinds:
        return AtHand(objects=None)
    reached = [REACH.get(kind or "", frozenset()) for kind in kinds]
    own = next(iter(kinds)) if len(kinds) == 1 else None
    return AtHand(own, frozenset.intersection(*reached))
