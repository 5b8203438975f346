"""Conditions from YAML: every line checked against the catalogue, every mistake told where it stands.

`Surroundings` say where the condition stands, hence what it may speak of: `where` only of the trigger's own object,
`audience` and segments only of the customer, a condition inside a journey of all that is at hand there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vefa.language.catalogue import FIELDS, LATER_FIELDS, OBJECT_KINDS, OF_AN_ORDER, EventType, Field
from vefa.language.conditions import (
    Anything,
    Compare,
    Comparison,
    Condition,
    Duration,
    EventScope,
    Everything,
    Happened,
    InSegment,
    Not,
    Nothing,
    OneOf,
    Reacted,
)
from vefa.language.durations import quoted
from vefa.language.forms import read_form
from vefa.language.phrases import read_value
from vefa.language.problems import Mistake, did_you_mean, nearest
from vefa.language.schema import HappenedForm
from vefa.language.source import Source, Trail

Where = Literal["where", "audience", "segment", "journey"]
#: Fields that hold the name of a tier.
TIERS = frozenset({"loyalty.tier", "loyalty.next_tier"})
GROUPS = ("any", "none", "not")
WORDS = (*GROUPS, "segment", "happened", "opened", "clicked")


@dataclass(frozen=True)
class Surroundings:
    """Where a condition stands, and what is at hand there."""

    where: Where
    events: Mapping[str, EventType]
    #: the segment of that name, None if it holds mistakes; KeyError if there is none
    segment: Callable[[str], Condition | None]
    segment_names: tuple[str, ...] = ()
    #: object kinds whose fields are at hand; None where nobody knows (a journey that nothing enters yet)
    objects: frozenset[str] | None = frozenset()
    #: the kind of the trigger's own object
    own: str | None = None
    trigger_dates: bool = False
    has_coupon: bool = False
    #: a message of this journey asks a survey: answers are told apart by that
    has_survey: bool = False
    #: ids of this journey's messages, with their verbs
    messages: Mapping[str, str] = field(default_factory=dict)
    #: names of the loyalty programme's tiers, from the lowest on; none: nobody knows
    tiers: tuple[str, ...] = ()

    def scope(self, event: str, of_customer: bool) -> EventScope:
        """About the same object, or the same order where both belong to one; else about the customer (rule 9)."""
        kind = self.events[event].object_kind
        same = kind is not None and (kind == self.own or {kind, self.own} <= OF_AN_ORDER)
        if kind == "survey" and kind != self.own:
            # An answer has no object of its own: it is about what was asked about.
            same = self.has_survey or self.own in OF_AN_ORDER
        same |= kind == "coupon" and self.has_coupon  # about the coupon that this journey gave
        return EventScope(event, of_customer or not same)

    def check_event(self, event: str) -> None:
        """Raises a Mistake where there is no such event."""
        if event not in self.events:
            raise Mistake(
                f'there is no event "{event}"',
                did_you_mean(
                    event, self.events, "Events stand in journeys/README.md; the shop's own in config/events.yaml."
                ),
                "unknown-event",
            )

    def check_field(self, name: str) -> Field:
        """The field, if it can be spoken of here. Raises a Mistake that tells its right home."""
        known = FIELDS.get(name)
        if known is None:
            raise _unknown_field(name)
        if told := self._wrong_home(known):
            raise Mistake(*told, "wrong-home")
        return known

    def check_tier(self, condition: Condition) -> Condition:
        """The condition, if it names only tiers that there are."""
        if not self.tiers or getattr(condition, "field", None) not in TIERS:
            return condition
        match condition:
            case OneOf(values=values):
                named: tuple[Any, ...] = values
            case Compare(value=value):
                named = (value,)
            case _:
                named = ()
        for place, name in enumerate(named):
            if name not in self.tiers:
                hint = did_you_mean(str(name), self.tiers, f"Tiers are {', '.join(self.tiers)}.")
                inside = (place,) if isinstance(condition, OneOf) else ()
                raise Mistake(f"there is no tier {quoted(name)}", hint, "unknown-tier", inside=inside)
        return condition

    def _wrong_home(self, known: Field) -> tuple[str, str] | None:
        home, name = known.home, known.name
        if self.where == "where":
            if self.objects is not None and home not in self.objects:
                return f'"where" is only about the trigger\'s own object, and {name} is not', _move(home, name)
            return None
        if self.where in {"audience", "segment"}:
            if home == "customer":
                return None
            what = "the audience is" if self.where == "audience" else "segments are"
            hint = _move(home, name) if self.where == "audience" else f"Ask for {name} in a journey."
            return f"{what} only about the customer, and {name} is not", hint
        if home in OBJECT_KINDS and self.objects is not None and home not in self.objects:
            if home == "survey":
                return f"{name} is not at hand: this journey asks no survey", "Put survey: csat beside a message."
            brings = f"a {self.own}" if self.own in OBJECT_KINDS else "no object"
            message = f"{name} is not at hand: this journey's trigger brings {brings}"
            return message.replace("a order", "an order"), f"A trigger such as event: {_EXAMPLE[home]} would bring it."
        if home == "coupon" and not self.has_coupon:
            return f"{name} is not at hand: this journey makes no coupon", "Put a step coupon before it."
        if name in {"trigger.date", "trigger.years"} and not self.trigger_dates:
            hint = "Use trigger.at." if name == "trigger.date" else "Such as trigger: {date: customer.created_at}."
            return f"{name} stands only in journeys with a date trigger", hint
        return None


_EXAMPLE = {
    "order": "order.placed",
    "delivery": "delivery.delivered",
    "return": "return.requested",
    "ticket": "ticket.opened",
    "review": "review.posted",
    "survey": "survey.answered",
}


def _move(home: str, name: str) -> str:
    if home == "customer":
        return "Move this line to audience."
    if home in OBJECT_KINDS:
        return "Move this line to where, beside the trigger's event, or into an if."
    return f"Ask for {name} in an if, or beside a message's unless."


def _unknown_field(name: str) -> Mistake:
    if name in LATER_FIELDS:
        return Mistake(f'"{name}" is not available yet', "Take it out for now.", "later")
    if name in _OTHER_JOINTS:
        return Mistake(f'there is no "{name}"', _OTHER_JOINTS[name], "unknown-field")
    if "." not in name and nearest(name, WORDS):
        return Mistake(f'there is no "{name}"', did_you_mean(name, WORDS), "unknown-field")
    tails = [known for known in FIELDS if known.partition(".")[2] == name]
    hint = f'Did you mean "{tails[0]}"?' if tails else did_you_mean(name, (*FIELDS, *WORDS), _SEE)
    return Mistake(f'there is no field "{name}"', hint, "unknown-field")


_SEE = "All fields stand in journeys/README.md."
_OTHER_JOINTS = {
    "all": "Lines of one group all hold already; leave the word out.",
    "and": "Lines of one group all hold already; leave the word out.",
    "or": "Write any: with a list.",
}


class ConditionParser:
    """Reads the conditions of one file. A condition with a mistake in it is None; the mistakes are in the source."""

    def __init__(self, source: Source, around: Surroundings) -> None:
        self.source, self.around = source, around

    def parse(self, trail: Trail) -> Condition | None:
        """The condition there: a group of lines that all hold."""
        given = self.source.get(trail)
        if not isinstance(given, dict) or not given:
            what = "nothing" if given == {} else quoted(given)
            hint = "Write field: value" + (", or put any: before the list." if isinstance(given, list) else ".")
            return self._told(trail, Mistake(f"this must be conditions, not {what}", hint, "condition"))
        lines = [self._line((*trail, key), key) for key in given]
        whole = [line for line in lines if line is not None]
        if len(whole) < len(lines):
            return None
        return whole[0] if len(whole) == 1 else Everything(tuple(whole))

    def _line(self, trail: Trail, key: str) -> Condition | None:
        try:
            if key in WORDS:
                return _LINES[key](self, trail)
            try:
                known = self.around.check_field(key)
            except Mistake as mistake:
                return self._told(trail, mistake, at="key")
            return self.around.check_tier(read_value(known, self.source.get(trail)))
        except Mistake as mistake:
            return self._told((*trail, *mistake.inside), mistake)

    def _told(self, trail: Trail, mistake: Mistake, at: str = "value") -> Condition | None:
        """Notes the mistake; there is no condition then."""
        self.source.report(trail, mistake.message, mistake.hint, mistake.code, at=at)
        return None

    def _group(self, trail: Trail) -> Condition | None:
        given = self.source.get(trail)
        key = str(trail[-1])
        if not isinstance(given, list) or not given:
            example = f'Write {key}: [{{customer.country: TR}}, {{customer.age: "< 30"}}].'
            raise Mistake(f'"{key}" needs a list of conditions', example, "condition")
        parts = [self.parse((*trail, index)) for index in range(len(given))]
        whole = tuple(part for part in parts if part is not None)
        if len(whole) < len(parts):
            return None
        return Anything(whole) if key == "any" else Nothing(whole)

    def _not(self, trail: Trail) -> Condition | None:
        given = self.source.get(trail)
        if isinstance(given, dict) and len(given) > 1:
            raise Mistake('"not" takes one line', "For more write none: with a list.", "condition")
        inner = self.parse(trail)
        return None if inner is None else Not(inner)

    def _segment(self, trail: Trail) -> Condition | None:
        self._not_in_where("segment")
        name = self.source.get(trail)
        if not isinstance(name, str):
            raise Mistake(f"{quoted(name)} is no segment", "Write the name of one.", "unknown-segment")
        try:
            condition = self.around.segment(name)
        except KeyError:
            raise unknown_segment(name, self.around.segment_names) from None
        return None if condition is None else InSegment(name, condition)

    def _not_in_where(self, word: str) -> None:
        if self.around.where == "where":
            raise Mistake(
                f'"where" is only about the trigger\'s own object, and "{word}" is about the customer',
                "Move this line to audience.",
                "wrong-home",
            )

    def _happened(self, trail: Trail) -> Condition | None:
        self._not_in_where("happened")
        given = self.source.get(trail)
        if isinstance(given, str):
            self.around.check_event(given)
            return self._event(given)
        form = read_form(self.source, HappenedForm, trail)
        if form is None or not form.event:
            return None
        try:
            self.around.check_event(form.event)
        except Mistake as mistake:
            return self._told((*trail, "event"), mistake)
        try:
            op, times = read_times(form.times)
        except Mistake as mistake:
            return self._told((*trail, "times"), mistake)
        return self._event(form.event, form.of == "customer", form.within, op, times)

    def _event(
        self,
        event: str,
        of_customer: bool = False,
        within: Duration | None = None,
        op: Comparison = ">=",
        times: int = 1,
    ) -> Happened:
        inside = self.around.where == "journey"
        scope = self.around.scope(event, of_customer) if inside else EventScope(event, True)
        return Happened(scope, within, op, times, since_entry=inside and within is None)

    def _reacted(self, trail: Trail) -> Condition | None:
        how: Literal["opened", "clicked"] = "opened" if trail[-1] == "opened" else "clicked"
        step = self.source.get(trail)
        if self.around.where != "journey":
            raise Mistake(
                f'"{how}" asks about a message of this journey, and none has gone yet', _EVER[how], "wrong-home"
            )
        if not isinstance(step, str) or step not in self.around.messages:
            known = self.around.messages
            otherwise = f"Its messages are {', '.join(known)}." if known else "It has no messages."
            message = f"{quoted(step)} is no message of this journey"
            raise Mistake(message, did_you_mean(str(step), known, otherwise), "unknown-step")
        if how == "opened" and self.around.messages[step] == "sms":
            raise Mistake("nobody can see whether an SMS was opened", "Ask for clicked.", "sms-opened")
        return Reacted(step, how)


_EVER = {
    "opened": "Ask for email.last_opened_at.",
    "clicked": "Ask for email.last_clicked_at.",
}

_LINES: dict[str, Callable[[ConditionParser, Trail], Condition | None]] = {
    "any": ConditionParser._group,
    "none": ConditionParser._group,
    "not": ConditionParser._not,
    "segment": ConditionParser._segment,
    "happened": ConditionParser._happened,
    "opened": ConditionParser._reacted,
    "clicked": ConditionParser._reacted,
}


def unknown_segment(name: str, known: tuple[str, ...]) -> Mistake:
    """There is no segment of that name."""
    hint = did_you_mean(name, known, "Segments stand in config/segments.yaml.")
    return Mistake(f'there is no segment "{name}"', hint, "unknown-segment")


def read_times(value: Any) -> tuple[Comparison, int]:
    """`2` or `">= 2"`: how often. Once or more where nothing is said."""
    if value is None:
        return ">=", 1
    text = str(value).strip()
    operators: tuple[Comparison, ...] = ("<=", ">=", "!=", "=", "<", ">")
    op: Comparison = next((op for op in operators if text.startswith(op)), "=")
    number = text.removeprefix(op).strip()
    if isinstance(value, bool) or not number.isdecimal():
        raise Mistake(
            f"{quoted(value)} is no number of times", 'Write a number, or a comparison such as ">= 2".', "number"
        )
    return op, int(number)
