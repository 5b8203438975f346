"""`config/policy.yaml`, `config/segments.yaml` and `config/events.yaml` as data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from vefa.language.catalogue import EVENTS, EventType
from vefa.language.conditions import Condition
from vefa.language.durations import quoted
from vefa.language.forms import read_form
from vefa.language.parser import ConditionParser, Surroundings
from vefa.language.problems import did_you_mean
from vefa.language.rules import CapForm, DropForm, MediaForm, PolicyForm, QuietForm, RuleForm
from vefa.language.source import Source, Trail
from vefa.plan.loyalty import Programme
from vefa.plan.named import by_name, is_name
from vefa.plan.policy import Cap, Policy, QuietHours, Rule, Withhold
from vefa.plan.steps import MEDIA, Medium, Purpose

_EVENT_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_SEGMENT_NAME = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
PURPOSES: tuple[Purpose, ...] = ("commercial", "transactional")


def read_events(source: Source) -> dict[str, EventType]:
    """The events every shop has, and the shop's own: `name: meaning`."""
    events = dict(EVENTS)
    for name, meaning in by_name(source, "event.name: what it means").items():
        if not _EVENT_NAME.fullmatch(name):
            hint = "Write two words with a dot between, such as loyalty.joined."
            source.report((name,), f'"{name}" is no name for an event', hint, "name", at="key")
        elif name in EVENTS:
            source.report((name,), f'the event "{name}" is there already', "Take the line out.", "event", at="key")
        elif not isinstance(meaning, str):
            source.report((name,), f"the meaning of {name} must be text, not {quoted(meaning)}", "", "type")
        else:
            events[name] = EventType(name, None, meaning)
    return events


def read_topics(source: Source, locales: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """What customers may refuse each for itself: by name, its words in each of the shop's languages."""
    topics: dict[str, dict[str, str]] = {}
    for name, words in by_name(source, "name: {tr: …, en: …}").items():
        if not is_name(source, (name,), "a topic", "new-products"):
            continue
        if not isinstance(words, dict) or not all(isinstance(said, str) and said for said in words.values()):
            source.report((name,), f"{quoted(words)} is not how customers read a topic", _TOPIC_HINT, "type")
        elif missing := [locale for locale in locales if locale not in words]:
            source.report((name,), f"the topic has no words in {', '.join(missing)}", _TOPIC_HINT, "locale")
        else:
            topics[name] = {str(locale): said for locale, said in words.items()}
    return topics


_TOPIC_HINT = 'Write it in each of the shop\'s languages: {tr: "Fırsatlar", en: "Offers"}.'


def read_segments(
    source: Source, events: Mapping[str, EventType], loyalty: Programme | None = None
) -> dict[str, Condition | None]:
    """Each segment by name, others inlined; None where it, or one inside it, holds mistakes."""
    reader = _Segments(source, events, loyalty or Programme())
    return {name: reader.named(name) for name in reader.names}


class _Segments:
    """Segments may name one another in any order, but never in a circle."""

    def __init__(self, source: Source, events: Mapping[str, EventType], loyalty: Programme) -> None:
        self.source = source
        tiers = tuple(level.name for level in loyalty.levels)
        self.names = tuple(by_name(source, "name: {conditions}"))
        self.read: dict[str, Condition | None] = {}
        self.open: list[str] = []
        self.parser = ConditionParser(source, Surroundings("segment", events, self.named, self.names, tiers=tiers))

    def named(self, name: str) -> Condition | None:
        """KeyError where there is none."""
        if name not in self.names:
            raise KeyError(name)
        if name in self.open:
            self._tell_of_circle(name)
            return None
        if name not in self.read:
            if not _SEGMENT_NAME.fullmatch(name):
                hint = "Use small letters a-z, digits and dashes."
                self.source.report((name,), f'"{name}" is no name for a segment', hint, "name", at="key")
            self.open.append(name)
            self.read[name] = self.parser.parse((name,))
            self.open.pop()
        return self.read[name]

    def _tell_of_circle(self, name: str) -> None:
        chain = " → ".join((*self.open[self.open.index(name) :], name))
        message = f"segments go round in a circle: {chain}"
        self.source.report((name,), message, "Write the conditions themselves in one of them.", "circle", at="key")


def read_policy(source: Source, journeys: frozenset[str]) -> Policy:
    """The shop's rules; what cannot be read is told of and left out."""
    if not source.usable or source.value is None:
        return Policy()
    form = read_form(source, PolicyForm, ())
    if form is None:
        return Policy()
    rules = tuple(rule for purpose in PURPOSES for rule in _rules(source, purpose))
    return Policy(rules, _caps(source), _priority(source, journeys), _open_ticket(source))


def _rules(source: Source, purpose: Purpose) -> list[Rule]:
    if source.get((purpose,)) is None or read_form(source, MediaForm, (purpose,)) is None:
        return []
    found = (_rule(source, purpose, medium) for medium in MEDIA)
    return [rule for rule in found if rule is not None]


def _rule(source: Source, purpose: Purpose, medium: Medium) -> Rule | None:
    trail = (purpose, medium)
    if source.get(trail) is None:
        return None
    form = read_form(source, RuleForm, trail)
    if form is None:
        return None
    return Rule(purpose, medium, form.consent, _quiet(source, (*trail, "quiet")))


def _quiet(source: Source, trail: Trail) -> QuietHours | None:
    form = read_form(source, QuietForm, trail) if source.get(trail) is not None else None
    withhold = _withhold(source, (*trail, "then"))
    if form is None or form.start is None or form.to is None:
        return None
    if form.start == form.to:
        hint = "Let them end at another time than they begin."
        source.report((*trail, "to"), "quiet hours of no length, or of a whole day", hint, "quiet")
        return None
    return QuietHours(form.start, form.to, withhold)


def _withhold(source: Source, trail: Trail, ways_in_words: str = "defer, skip,") -> Withhold:
    given = source.get(trail)
    if given is None:
        return Withhold()
    if isinstance(given, dict):
        form = read_form(source, DropForm, trail)
        return Withhold("drop_after", form.drop_after) if form and form.drop_after else Withhold()
    ways: dict[str, Literal["defer", "skip"]] = {"defer": "defer", "skip": "skip"}
    if not isinstance(given, str) or given not in ways:
        hint = did_you_mean(str(given), ways, f"Write {ways_in_words} or {{drop_after: 3 days}}.")
        source.report(trail, f"{quoted(given)} is not possible here", hint, "choice")
        return Withhold()
    return Withhold(ways[given])


def _open_ticket(source: Source) -> Withhold | None:
    match source.get(("open_ticket",)):
        case None:
            return Policy().open_ticket
        case "send":
            return None
    return _withhold(source, ("open_ticket",), "defer, skip, send,")


def _caps(source: Source) -> tuple[Cap, ...]:
    given = source.get(("caps",))
    caps: list[Cap] = []
    for index in range(len(given)) if isinstance(given, list) else ():
        trail: Trail = ("caps", index)
        form = read_form(source, CapForm, trail)
        withhold = _withhold(source, (*trail, "then"))
        if form is None or not (form.name and form.at_most and form.within):
            continue
        if form.name in {cap.name for cap in caps}:
            hint = "Give each a name of its own."
            source.report((*trail, "name"), f'two caps are called "{form.name}"', hint, "cap")
        caps.append(Cap(form.name, form.at_most, form.within, form.purpose, form.channel, withhold))
    return tuple(caps)


def _priority(source: Source, journeys: frozenset[str]) -> tuple[str, ...]:
    given = source.get(("priority",))
    names: list[str] = []
    for index, name in enumerate(given if isinstance(given, list) else ()):
        trail: Trail = ("priority", index)
        if not isinstance(name, str) or name not in journeys:
            hint = did_you_mean(str(name), journeys, "Journeys are the files in journeys/.")
            source.report(trail, f"there is no journey {quoted(name)}", hint, "unknown-journey")
        elif name in names:
            source.report(trail, f"{quoted(name)} stands twice", "Keep one of them.", "priority")
        else:
            names.append(name)
    return tuple(names)
