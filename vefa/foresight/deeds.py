"""What each step does, in one sentence and a few notes beneath it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from typing import assert_never

from vefa.language.english import (
    clock,
    counted,
    day_words,
    duration,
    english,
    event_sentence,
    moment,
    name_of,
    weekdays,
)
from vefa.language.wording import MEDIA
from vefa.plan.steps import (
    Branch,
    Coupon,
    Enter,
    FieldMoment,
    Message,
    Moment,
    Notify,
    Points,
    SameDay,
    Split,
    Step,
    Stop,
    Tag,
    Trial,
    WaitFor,
    WaitUntilEvent,
    WaitUntilTime,
    Webhook,
)


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
        case Coupon() | Points():
            return _gift(step)
        case Tag():
            return Deed(f"Tag them “{step.tag}”" if step.add else f"Take the tag “{step.tag}” off")
        case Enter():
            onward = "and end here" if step.leave else "and go on here, too"
            return Deed(f"Put them into the journey “{step.journey}” {onward}", timed=True)
        case Webhook() | Notify():
            return _errand(step)
        case Stop():
            return Deed("Leave the journey")
        case _:
            assert_never(step)


def _gift(step: Coupon | Points) -> Deed:
    if isinstance(step, Points):
        reward = f" (the reward “{step.rule}”)" if step.rule else ""
        return Deed(f"Give them {counted(step.points, 'point')}{reward}")
    made = "Make a coupon of their own" if step.pool is None else f"Give a code of the pool “{step.pool}”"
    return Deed(f"{made}: {_worth(step)}", _coupon_notes(step))


#: The customer's way does not depend on whether a tool or the staff can be reached.
NO_WAIT = "tried again for a day; the customer goes on meanwhile"


def _errand(step: Webhook | Notify) -> Deed:
    if isinstance(step, Webhook):
        return Deed(f"Tell the tool “{step.tool}”", (NO_WAIT,), timed=True)
    notes = ("while the shop is open, else when it opens", NO_WAIT) if step.shop_hours else (NO_WAIT,)
    return Deed(f"Tell the team “{step.team}”: {' '.join(plain_words(step.say).split())}", notes, timed=True)


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
    words = " or ".join(f"“{template}”" for template in step.templates)
    if step.medium is None:
        return f"Send {words} by e-mail or SMS, as they prefer"
    return f"Send the {MEDIA[step.medium]} {words}"


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
    notes = list(_test_notes(step.test)) if step.test else []
    if step.test is None or not step.test.variants[0].subject:
        notes += [f"{locale}: {plain_words(subject)}" for locale, subject in step.subject.items()]
    if step.recommend:
        notes.append(f"with {step.recommend} suggestions from what they bought")
    if step.survey is not None:
        notes.append(f"asks the survey “{step.survey}”")
    if step.not_after is not None:
        notes.append(f"no later than {_moment(step.not_after)}")
    if step.unless is not None:
        notes.append(f"held back if {english(step.unless)}")
    if step.on_failure == "exit":
        notes.append("if it cannot be delivered, they leave the journey")
    return tuple(notes)


#: What a test is decided by, as it is told.
MEASURES = {"clicked": "clicks in it", "opened": "opens it", "goal": "comes to the journey’s goal"}


def _test_notes(test: Trial) -> Iterator[str]:
    count = NUMBERS[len(test.variants)]
    yield f"a test of {count} variants on {share(test.share)} of them, in equal parts"
    for variant in test.variants:
        if variant.template:
            yield f"{variant.name}: “{variant.template}”"
        yield from (f"{variant.name}, {locale}: {plain_words(text)}" for locale, text in variant.subject.items())
    if test.share < 10_000:
        waited = f"the others wait until {duration(test.decide)} after it began"
        yield f"{waited}, and get the one of which the largest share {MEASURES[test.by]}"


#: How many variants there may be, in words.
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five"}


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
    if step.ends is not None:
        notes.append(f"the checkout takes the pool's codes until {day_words(step.ends)}")
    if step.prefix:
        notes.append(f"codes begin with {step.prefix}")
    notes.append("good for one order")
    if step.pool is not None:
        notes.append("while the pool is empty they wait here, and get no message without a code")
    return tuple(notes)
