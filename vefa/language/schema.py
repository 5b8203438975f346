"""The reference manual of a journey file: every key declared once, with what it means and an example.

Forms are closed: a key that is not declared is a mistake. What a form holds raw (nested forms, conditions, steps) is
read by the loader with its own place, so that one mistake never hides another.
"""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from vefa.language.values import (
    Clock,
    Conditions,
    DayOffset,
    Editor,
    Length,
    Moment,
    Money,
    Name,
    Of,
    OnFailure,
    Period,
    Prefix,
    Purpose,
    Rate,
    Recommendations,
    Sender,
    Share,
    Status,
    Steps,
    Text,
    Weekdays,
    Words,
    YesNo,
    list_of,
    read_list,
    ref,
)


class Form(BaseModel):
    """A group of keys. `required` keys must stand; they are optional for pydantic, so that the rest is read anyway."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    required: ClassVar[tuple[str, ...]] = ()
    #: keys that a later version brings
    later: ClassVar[frozenset[str]] = frozenset()


def key(says: str, example: Any, default: Any = None, alias: str | None = None) -> Any:
    """A declared key: what it says, and an example."""
    return Field(default, alias=alias, description=says, examples=[example])


class JourneyForm(Form):
    """One journey: who enters, when they leave, and what happens to them."""

    required = ("name", "trigger", "steps")
    later = frozenset({"whenever"})

    name: Text = key("What the journey is called.", "Delivery thank-you", "")
    description: Text | None = key("What it is for, in a sentence or two.", "Thank the customer.")
    owner: Text | None = key("Who looks after it.", "retention@ornek.example")
    status: Status = key("draft, live, paused, or closing (those inside finish, nobody enters).", "live", "live")
    purpose: Purpose = key(
        "commercial or transactional: decides consent, quiet hours and caps; a step may differ.",
        "commercial",
        "commercial",
    )
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
    """What counts as success, from entry on."""

    required = ("event", "within")

    event: Text = key("The event that counts.", "order.placed", "")
    within: Length | None = key("How long after entry.", "30 days")
    of: Of | None = key("customer: any of the customer's, not only the trigger's own object.", "customer")


class EventForm(Form):
    """An event with more to say about it."""

    required = ("event",)

    event: Text = key("The event.", "ticket.opened", "")
    of: Of | None = key("customer: any of the customer's, not only the trigger's own object.", "customer")


class HappenedForm(EventForm):
    """`happened`, widened."""

    within: Length | None = key("Reach back that far from now.", "1 year")
    times: Any = key("How often.", ">= 2")


class StepForm(Form):
    """A step. Its verb is its first key."""

    verb: ClassVar[str]

    id: Name | None = key("A name of its own, for reports and conditions.", "thanks")


class WaitStep(StepForm):
    """Stay here."""

    verb = "wait"
    required = ("wait",)

    wait: Annotated[Any, Editor(ref("Wait"))] = key(
        "A length of time, or {for, at, on}, or {until, at, at_most, otherwise}.", "3 days"
    )


class WaitFor(Form):
    """Stay for a length of time; days are calendar days on the customer's own clock."""

    required = ("for",)

    length: Length | None = key("How long.", "1 day", alias="for")
    at: Clock | None = key("Then to that time of day.", "10:00")
    on: Weekdays = key("Only on these days of the week.", ["mon", "tue"], ())


class WaitUntil(Form):
    """Stay until an event, or until a field's moment."""

    required = ("until",)

    until: Text = key("An event, or a field's moment.", "order.delivered_at + 11 days", "")
    at: Clock | None = key("Then to that time of day.", "10:00")
    on: Weekdays = key("Only on these days of the week.", ["mon", "tue"], ())
    at_most: Length | None = key("Go on after that long in any case.", "7 days")
    otherwise: Steps | None = key("What happens first if it did not come.", [{"email": "reminder"}])


class SendForm(StepForm):
    """What all messages have."""

    later = frozenset({"test"})

    purpose: Purpose | None = key("commercial or transactional, if other than the journey's.", "transactional")
    not_after: Text | None = key("Pointless after that: a field's moment, or same day.", "order.delivered_at + 5 days")
    unless: Conditions = key("Not to whom this holds for.", {"happened": "review.posted"})
    on_failure: OnFailure = key("continue (go on all the same), or exit (leave).", "continue", "continue")


class WrittenForm(SendForm):
    """What e-mail has besides."""

    subject: Words | None = key("The subject line in each language.", {"tr": "Merhaba", "en": "Hello"})
    preheader: Words | None = key("The line that mail programs show beside it.", {"tr": "…", "en": "…"})
    recommend: Recommendations = key("So many product suggestions.", 3, 0)
    sender: Sender | None = key("Who it comes from, if not the shop.", "care@ornek.example", alias="from")
    reply_to: Sender | None = key("Where answers go, if not to the shop.", "care@ornek.example")


class EmailStep(WrittenForm):
    """An e-mail to the customer."""

    verb = "email"
    required = ("email", "subject")

    email: Name = key("The template in journeys/templates.", "delivery-thank-you", "")


class MessageStep(WrittenForm):
    """By the customer's preferred channel, by the other where consent or address is missing."""

    verb = "message"
    required = ("message", "subject")

    message: Name = key("The template in journeys/templates.", "review-reminder", "")


class SmsStep(SendForm):
    """An SMS to the customer."""

    verb = "sms"
    required = ("sms",)

    sms: Name = key("The template in journeys/templates.", "delivery-thank-you", "")


class IfStep(StepForm):
    """Two ways."""

    verb = "if"
    required = ("if", "then")

    when: Conditions = key("The question.", {"orders.count": ">= 2"}, alias="if")
    then: Steps | None = key("What happens if it holds.", [{"tag": "regular"}])
    otherwise: Steps | None = key("What happens if not.", [{"stop": "yes"}], alias="else")


class BranchStep(StepForm):
    """More ways; the first that holds."""

    verb = "branch"
    required = ("branch",)

    branch: Annotated[list[Any], PlainValidator(read_list), Editor(list_of("BranchArm"))] = key(
        "The ways, the last may be otherwise.", [{"when": {"customer.age": "< 30"}, "steps": [{"tag": "young"}]}]
    )


class WhenArm(Form):
    """One way of a branch."""

    required = ("when", "steps")

    when: Conditions = key("The question.", {"customer.age": "< 30"})
    steps: Steps | None = key("What happens if it holds.", [{"tag": "young"}])


class OtherwiseArm(Form):
    """The way for everybody else."""

    required = ("otherwise",)

    otherwise: Steps | None = key("What happens if no other way holds.", [{"tag": "other"}])


class SplitStep(StepForm):
    """By a stable lot; shares add up to 100 %."""

    verb = "split"
    required = ("split",)

    split: Annotated[list[Any], PlainValidator(read_list), Editor(list_of("SplitArm"))] = key(
        "The arms.", [{"name": "a", "share": "50%", "steps": [{"email": "a"}]}]
    )


class SplitArm(Form):
    """One arm of a split."""

    required = ("name", "share", "steps")

    name: Name | None = key("The arm's name.", "with-coupon")
    share: Share | None = key("Its share.", "50%")
    steps: Steps | None = key("What happens to those in it.", [{"email": "a"}])


class CouponStep(StepForm):
    """One unique code; `{{ coupon.code }}` after it."""

    verb = "coupon"
    required = ("coupon",)

    coupon: Annotated[Any, Editor(ref("Coupon"))] = key(
        "What the coupon is worth, and how long.", {"percent": 15, "valid": "14 days"}
    )


class CouponTerms(Form):
    """What a coupon is worth, and how long. One of percent, amount, free_shipping; one of valid, valid_until."""

    later = frozenset({"pool"})

    percent: Rate | None = key("So many per cent off.", 15)
    amount: Money | None = key("A sum off.", "100 TRY")
    free_shipping: YesNo = key("No shipping costs.", "yes", False)
    valid: Length | None = key("How long it is good for, from the message on.", "14 days")
    valid_until: Moment | None = key("The moment until which it is good.", "trigger.date + 7 days")
    prefix: Prefix = key("What the code begins with.", "DOGUM", "")
    minimum: Money | None = key("Only for baskets from that sum on.", "500 TRY")


class TagStep(StepForm):
    """Put a mark on the customer."""

    verb = "tag"
    required = ("tag",)

    tag: Name = key("The mark; conditions see it in customer.tags.", "vip", "")


class UntagStep(StepForm):
    """Take a mark off the customer."""

    verb = "untag"
    required = ("untag",)

    untag: Name = key("The mark.", "vip", "")


class EnterStep(StepForm):
    """Put the customer into another journey, and stay in this one."""

    verb = "enter"
    required = ("enter",)

    enter: Name = key("The other journey.", "return-care", "")


class GoToStep(StepForm):
    """Put the customer into another journey, and leave this one."""

    verb = "go_to"
    required = ("go_to",)

    go_to: Name = key("The other journey.", "win-back", "")


class StopStep(StepForm):
    """Leave here."""

    verb = "stop"
    required = ("stop",)

    stop: YesNo = key("yes; the word stop alone will do.", "yes", True)


STEP_FORMS: dict[str, type[StepForm]] = {
    form.verb: form
    for form in (
        WaitStep,
        EmailStep,
        SmsStep,
        MessageStep,
        IfStep,
        BranchStep,
        SplitStep,
        CouponStep,
        TagStep,
        UntagStep,
        EnterStep,
        GoToStep,
        StopStep,
    )
}
TRIGGER_FORMS: dict[str, type[Form]] = {
    "event": EventTrigger,
    "date": DateTrigger,
    "segment": SegmentTrigger,
    "every": EveryTrigger,
    "cron": CronTrigger,
    "entered": EnteredTrigger,
}
LATER_STEPS = frozenset({"points", "webhook", "notify"})


def key_names(form: type[Form]) -> tuple[str, ...]:
    """The keys as they are written."""
    return tuple(declared.alias or name for name, declared in form.model_fields.items())
