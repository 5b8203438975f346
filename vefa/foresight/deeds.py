"""What each step does, in one sentence and a few notes beneath it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from typing import assert_never

from vefa.language.english import clock, counted, duration, english, event_sentence, moment, name_of, weekdays
from vefa.plan.steps import (
    Branch,
    Coupon,
    Enter,
    FieldMoment,
    Medium,
    Message,
    Moment,
    Points,
    SameDay,
    Split,
    Step,
    Stop,
    Tag,
    WaitFor,
    WaitUntilEvent,
    WaitUntilTime,
)

MEDIA: dict[Medium, str] = {"email": "e-mail", "sms": "SMS"}


@dataclass(frozen=True)
class Deed:
    """One sentence, notes on it, and whether the moment of coming here is worth telling."""

    what: str
    notes: tuple[str, ...] = ()
    timed: bool = False


def deed(step: Step) -> Deed:
    """What the step does."""
    match step:
        case WaitFor():
            return Deed(f"Wait {_wait_for(step)}")
        case WaitUntilTime():
            return _wait_until_time(step)
        case WaitUntilEvent():
            return _wait_until_event(step)
        case Message():
            return Deed(_sending(step), _message_notes(step), timed=True)
        case Branch():
            return Deed("Choose a way")
        case Split():
            return Deed("Divide them by chance, each customer always the same way")
        case Coupon():
            return Deed(f"Make a coupon of their own: {_worth(step)}", _coupon_notes(step))
        case Points():
            reward = f" (the reward “{step.rule}”)" if step.rule else ""
            return Deed(f"Give them {counted(step.points, 'point')}{reward}")
        case Tag():
            return Deed(f"Tag them “{step.tag}”" if step.add else f"Take the tag “{step.tag}” off")
        case Enter():
            onward = "and end here" if step.leave else "and go on here, too"
            return Deed(f"Put them into the journey “{step.journey}” {onward}", timed=True)
        case Stop():
            return Deed("Leave the journey")
        case _:
            assert_never(step)


def ways(step: Step) -> list[tuple[str, str | None]]:
    """The ways that part here: their names and first steps. None for a step that goes straight on."""
    match step:
        case Branch(arms=(only,)):
            return [(f"If {english(only.when)}", only.target), ("Else", step.next)]
        case Branch():
            return [*((f"If {english(arm.when)}", arm.target) for arm in step.arms), ("Otherwise", step.next)]
        case Split():
            return [(f"{share(arm.share)} “{arm.name}”", arm.target) for arm in step.arms]
        case WaitUntilEvent() if step.otherwise != step.next:
            return [("As soon as it happens", step.next), (f"Not within {duration(step.at_most)}", step.otherwise)]
        case WaitUntilTime() if step.at_most and step.otherwise != step.next:
            return [("At that moment", step.next), (f"Not known for {duration(step.at_most)}", step.otherwise)]
    return []


def share(hundredths: int) -> str:
    """`33.34 %` or `50 %`, of hundredths of a per cent."""
    return f"{Decimal(hundredths) / 100:.2f}".rstrip("0").rstrip(".") + " %"


def _sending(step: Message) -> str:
    if step.medium is None:
        return f"Send “{step.template}” by e-mail or SMS, as they prefer"
    return f"Send the {MEDIA[step.medium]} “{step.template}”"


def _wait_for(step: WaitFor) -> str:
    return duration(step.length) + _then_at(step.at, step.on)


def _then_at(at: time | None, on: tuple[str, ...]) -> str:
    """`, then until 10:00 on the next Monday or Friday`: all on the customer's own clock."""
    day = f" on the next {weekdays(on)}" if on else ""
    if at is None:
        return f", then until{day.removeprefix(' on')}" if on else ""
    return f", then until {clock(at)}{day}"


def _wait_until_time(step: WaitUntilTime) -> Deed:
    until = moment(name_of(step.until.field), step.until.offset)
    notes = (f"at most {duration(step.at_most)} while that is not known",) if step.at_most else ()
    return Deed(f"Wait until {until}{_then_at(step.at, step.on)}", notes)


def _wait_until_event(step: WaitUntilEvent) -> Deed:
    return Deed(f"Wait until {event_sentence(step.scope)}, at most {duration(step.at_most)}")


def _message_notes(step: Message) -> tuple[str, ...]:
    notes = [f"{locale}: {plain_words(subject)}" for locale, subject in step.subject.items()]
    if step.recommend:
        notes.append(f"with {step.recommend} suggestions from what they bought")
    if step.not_after is not None:
        notes.append(f"no later than {_moment(step.not_after)}")
    if step.unless is not None:
        notes.append(f"held back if {english(step.unless)}")
    if step.on_failure == "exit":
        notes.append("if it cannot be delivered, they leave the journey")
    return tuple(notes)


def plain_words(template: str) -> str:
    """A subject as a person reads it: `{{ customer.first_name }}` is ‹first name›, and tags are left out."""
    words = re.sub(r"\{%.*?%\}|\{#.*?#\}", "", template)
    return re.sub(r"\{\{-?\s*(.*?)\s*-?\}\}", _variable, words)


def _variable(match: re.Match[str]) -> str:
    name = match[1].partition("|")[0].strip().rpartition(".")[2]
    return f"‹{name.replace('_', ' ')}›"


def _moment(said: Moment) -> str:
    match said:
        case FieldMoment(field=field, offset=offset):
            return moment(name_of(field), offset)
        case SameDay():
            return "the end of that day on their own clock"


def _worth(step: Coupon) -> str:
    if step.percent is not None:
        return f"{step.percent:f} % off"
    if step.amount is not None:
        return f"{step.amount:,f} {step.currency} off"
    return "free shipping"


def _coupon_notes(step: Coupon) -> tuple[str, ...]:
    notes = []
    if step.minimum is not None:
        notes.append(f"from {step.minimum:,f} {step.minimum_currency} on")
    if step.valid is not None:
        notes.append(f"good for {duration(step.valid)} from its first message")
    if step.valid_until is not None:
        notes.append(f"good until {_moment(step.valid_until)}")
    if step.prefix:
        notes.append(f"codes begin with {step.prefix}")
    return tuple(notes)
