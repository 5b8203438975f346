"""The reference manual of a journey file: every key declared once, with what it means and an example.

Forms are closed: a key that is not declared is a mistake. What a form holds raw (nested forms, conditions, steps) is
read by the loader with its own place, so that one mistake never hides another.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from vefa.language.values import (
    Clock,
    Conditions,
    DayOffset,
    Editor,
    Length,
    Name,
    Of,
    Period,
    Purpose,
    Share,
    Status,
    Steps,
    Text,
    YesNo,
    list_of,
    read_list,
    ref,
)


class Form(BaseModel):
    """A group of keys. `required` keys must stand; they are optional for pydantic, so that the rest is read anyway."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    required: ClassVar[tuple[str, ...]] = ()
    #: a required key is not missing where this stands instead of it
    instead: ClassVar[Mapping[str, tuple[str, ...]]] = {}


def key(says: str, example: Any, default: Any = None, alias: str | None = None) -> Any:
    """A declared key: what it says, and an example."""
    return Field(default, alias=alias, description=says, examples=[example])


class JourneyForm(Form):
    """One journey: who enters, when they leave, and what happens to them."""

    required = ("name", "trigger", "steps")

    name: Text = key("What the journey is called.", "Delivery thank-you", "")
    description: Text | None = key("What it is for, in a sentence or two.", "Thank the customer.")
    owner: Text | None = key("Who looks after it.", "retention@ornek.example")
    status: Status = key("draft, live, paused, or closing (those inside finish, nobody enters).", "live", "live")
    purpose: Purpose = key(
        "commercial or transactional: decides consent, quiet hours and caps; a step may differ.",
        "commercial",
        "commercial",
    )
    topic: Name | None = key("What customers call it, from config/topics.yaml: they can refuse it.", "offers")
    runs: Text | None = key(
        'How often it works: at once, every 15 minutes (the default), every day at "09:00".', "every 15 minutes"
    )
    trigger: Annotated[Any, Editor(ref("Trigger"))] = key("Who enters, and when.", {"event": "order.delivered"})
    audience: Conditions = key("About the customer; all lines must hold at entry.", {"customer.country": "TR"})
    reentry: Text | None = key("How often one customer may enter: once, every time, after 90 days.", "once")
    backfill: Length | None = key("Reach back that far when the journey goes live.", "14 days")
    exit: Annotated[Any, Editor(ref("Exit"))] = key("Who leaves early.", {"on": ["return.requested"]})
    goal: Annotated[Any, Editor(ref("Goal"))] = key(
        "What counts as success; only measured.", {"event": "order.placed", "within": "30 days"}
    )
    holdout: Share | None = key("The share that is measured and never written to.", "10%")
    steps: Steps = key("What happens, from top to bottom.", [{"email": "welcome"}])
    whenever: Annotated[list[Any] | None, PlainValidator(read_list), Editor(list_of("Whenever"))] = key(
        "What happens each time an event comes, wherever the customer stands.",
        [{"event": "ticket.state_changed", "steps": [{"message": "complaint-state"}]}],
    )


class EventTrigger(Form):
    """The customer of each event; its object (order, delivery, return, …) is at hand in every step."""

    required = ("event",)

    event: Text = key("The event that brings the customer in.", "order.delivered", "")
    where: Conditions = key("Only about the trigger's own object.", {"order.total": ">= 250"})


class DateTrigger(Form):
    """Once a year on a day that the CRM knows; `trigger.date` is this year's day."""

    required = ("date",)

    date: Text = key("A field that holds a day or a moment.", "customer.birth_date", "")
    offset: DayOffset | None = key("Days before (-) or after that day.", "-3 days")
    at: Clock = key("The time of day, on the customer's own clock.", "09:00", time(9))


class SegmentTrigger(Form):
    """Who has come into the segment since the last run."""

    required = ("segment",)

    segment: Text = key("A segment of config/segments.yaml.", "lapsed", "")


class EveryTrigger(Form):
    """The whole audience, each time: newsletters."""

    required = ("every", "at")

    every: Period = key("day, week or month.", "month", "day")
    on: Any = key("The day: tuesday in a week; first tuesday, last friday, 15 or last day in a month.", "first tuesday")
    at: Clock | None = key("The time of day.", "10:00")
    zone: Text | None = key("The time zone; the shop's own unless said.", "Europe/Istanbul")


class CronTrigger(Form):
    """The whole audience at each time that a cron line names."""

    required = ("cron",)

    cron: Text = key("Five fields: minute, hour, day of the month, month, day of the week.", "0 10 * * MON", "")
    zone: Text | None = key("The time zone; the shop's own unless said.", "Europe/Istanbul")


class EnteredTrigger(Form):
    """Only whom another journey sends here; the object travels along."""

    required = ("entered",)

    entered: YesNo = key("yes.", "yes", True)


class ExitForm(Form):
    """Who leaves early, and where to."""

    on: Annotated[Any, Editor(ref("EventList"))] = key("Events that make the customer leave.", ["return.requested"])
    unless: Conditions = key(
        "Leave when this no longer holds; looked at before every message.", {"customer.country": "TR"}
    )
    then: Annotated[Any, Editor(ref("Then"))] = key("The journey that takes over.", {"enter": "return-care"})


class ThenForm(Form):
    """Where those go who leave early."""

    required = ("enter",)

    enter: Name = key("The journey that takes over.", "return-care", "")


class GoalForm(Form):
    """What counts as success, from entry on: the customer's, whatever object it is about."""

    required = ("event", "within")

    event: Text = key("The event that counts.", "order.placed", "")
    within: Length | None = key("How long after entry.", "30 days")


class EventForm(Form):
    """An event with more to say about it."""

    required = ("event",)

    event: Text = key("The event.", "ticket.opened", "")
    of: Of | None = key("customer: any of the customer's, not only the trigger's own object.", "customer")


class WheneverForm(Form):
    """What happens at once, each time the event comes, to those inside."""

    required = ("event", "steps")

    event: Text = key("The event.", "ticket.state_changed", "")
    of: Of | None = key("customer: any of the customer's, not only the trigger's own object.", "customer")
    steps: Steps | None = key("What happens then; nothing here waits.", [{"message": "complaint-state"}])


class HappenedForm(EventForm):
    """`happened`, widened."""

    within: Length | None = key("Reach back that far from now.", "1 year")
    times: Any = key("How often.", ">= 2")


TRIGGER_FORMS: dict[str, type[Form]] = {
    "event": EventTrigger,
    "date": DateTrigger,
    "segment": SegmentTrigger,
    "every": EveryTrigger,
    "cron": CronTrigger,
    "entered": EnteredTrigger,
}


def key_names(form: type[Form]) -> tuple[str, ...]:
    """The keys as they are written."""
    return tuple(declared.alias or name for name, declared in form.model_fields.items())
