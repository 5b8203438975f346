"""The reference manual of steps: every key of every step declared once."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import PlainValidator

from vefa.language.coupon_rules import WorthForm
from vefa.language.loyalty import PointsOrRule
from vefa.language.schema import Form, key
from vefa.language.values import (
    Clock,
    Conditions,
    Editor,
    Length,
    Measure,
    Moment,
    Name,
    OnFailure,
    Prefix,
    Purpose,
    Recommendations,
    Sender,
    Share,
    ShopHours,
    Steps,
    Text,
    VariantNames,
    VariantWords,
    Weekdays,
    Words,
    YesNo,
    list_of,
    read_list,
    ref,
)


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

    purpose: Purpose | None = key("commercial or transactional, if other than the journey's.", "transactional")
    not_after: Text | None = key("Pointless after that: a field's moment, or same day.", "order.delivered_at + 5 days")
    unless: Conditions = key("Not to whom this holds for.", {"happened": "review.posted"})
    survey: Name | None = key("The survey that it asks: csat, nps, or a name of config/surveys.yaml.", "csat")
    on_failure: OnFailure = key("continue (go on all the same), or exit (leave).", "continue", "continue")
    test: Annotated[Any, Editor(ref("Variants"))] = key(
        "Try variants on a part; the rest gets the one that did best.",
        {
            "subjects": {"a": {"tr": "…", "en": "…"}, "b": {"tr": "…", "en": "…"}},
            "on": "20%",
            "decide": "4 hours",
            "by": "clicked",
        },
    )


class VariantsForm(Form):
    """A test: two to five subjects, or templates, on a part of the customers; the rest gets the one that did best."""

    required = ("on", "decide", "by")

    subjects: VariantWords | None = key("The subject line of each variant.", {"a": {"tr": "…", "en": "…"}})
    templates: VariantNames | None = key("The template of each variant.", {"a": "welcome", "b": "welcome-short"})
    on: Share | None = key("On how many it is tried, in equal parts.", "20%")
    decide: Length | None = key("How long after the first of them went out it is decided.", "4 hours")
    by: Measure | None = key("What counts: clicked, opened or goal.", "clicked")


class WrittenForm(SendForm):
    """What e-mail has besides."""

    instead = MappingProxyType({"subject": ("test", "subjects")})

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


class CouponTerms(WorthForm):
    """What a coupon is worth, and how long. One of percent, amount, free_shipping, pool; one of valid, valid_until."""

    pool: Name | None = key("A code of the checkout's own, from that pool of config/coupons.yaml.", "spring")
    valid_until: Moment | None = key("The moment until which it is good.", "trigger.date + 7 days")
    prefix: Prefix = key("What the code begins with.", "DOGUM", "")


class PointsStep(StepForm):
    """Points for the customer, once."""

    verb = "points"
    required = ("points",)

    points: PointsOrRule | None = key("So many, or a reward of config/loyalty.yaml by its name.", 50)


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


class WebhookStep(StepForm):
    """A signed POST to an outside tool; the customer does not wait for it."""

    verb = "webhook"
    required = ("webhook",)

    webhook: Name = key("The tool, from config/tools.yaml.", "board", "")


class NotifyStep(StepForm):
    """A word to the shop's own staff; the customer does not wait for it."""

    verb = "notify"
    required = ("notify",)

    notify: Annotated[Any, Editor(ref("Notify"))] = key(
        "Whom to tell, and what.", {"to": "care-team", "say": "Order {{ order.number }} is late."}
    )


class NotifyTerms(Form):
    """Whom to tell, what, and whether it waits for the shop's opening hours."""

    required = ("to", "say")

    to: Name = key("A team of config/staff.yaml.", "care-team", "")
    say: Text = key("The words, with any field in them.", "Order {{ order.number }} is late.", "")
    hours: ShopHours = key("shop: it waits until the shop is open.", "shop")


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
        PointsStep,
        TagStep,
        UntagStep,
        EnterStep,
        GoToStep,
        WebhookStep,
        NotifyStep,
        StopStep,
    )
}
