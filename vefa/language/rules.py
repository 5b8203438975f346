"""The reference manual of `config/policy.yaml`: every key declared once."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainValidator

from vefa.language.schema import Form, key
from vefa.language.values import Clock, Editor, Length, Limit, Medium, Name, Purpose, YesNo, list_of, read_list, ref


class PolicyForm(Form):
    """What may be said to whom, and when."""

    commercial: Annotated[Any, Editor(ref("Media"))] = key(
        "Rules for commercial messages.", {"email": {"consent": "yes"}}
    )
    transactional: Annotated[Any, Editor(ref("Media"))] = key(
        "Rules for transactional messages.", {"email": {"consent": "no"}}
    )
    caps: Annotated[list[Any] | None, PlainValidator(read_list), Editor(list_of("Cap"))] = key(
        "How many messages at most.", [{"name": "weekly", "at_most": 2, "within": "7 days", "purpose": "commercial"}]
    )
    open_ticket: Annotated[Any, Editor(ref("OpenTicket"))] = key(
        "Commercial messages while a complaint or question of theirs is open: defer, skip, {drop_after: 3 days} "
        "(unless said otherwise), or send.",
        {"drop_after": "3 days"},
    )
    priority: Annotated[list[Any] | None, PlainValidator(read_list), Editor({"type": "array"})] = key(
        "Which journey goes first where not all may.", ["onboarding", "win-back"]
    )


class MediaForm(Form):
    """The rules of one purpose for each channel."""

    email: Annotated[Any, Editor(ref("Rule"))] = key("Rules for e-mail.", {"consent": "yes"})
    sms: Annotated[Any, Editor(ref("Rule"))] = key("Rules for SMS.", {"consent": "yes"})


class RuleForm(Form):
    """For one purpose and channel."""

    required = ("consent",)

    consent: YesNo = key("Whether the customer must have agreed.", "yes", True)
    quiet: Annotated[Any, Editor(ref("Quiet"))] = key(
        "When nothing may be sent, on the customer's own clock.", {"from": "22:00", "to": "08:00", "then": "defer"}
    )


class QuietForm(Form):
    """Quiet hours; they may cross midnight."""

    required = ("from", "to")

    start: Clock | None = key("The first quiet minute.", "22:00", alias="from")
    to: Clock | None = key("The first minute that is not quiet any more.", "08:00")
    then: Annotated[Any, Editor(ref("Withhold"))] = key("defer, skip, or {drop_after: 12 hours}.", "defer")


class CapForm(Form):
    """At most so many messages to one customer in a rolling span, over all journeys."""

    required = ("name", "at_most", "within")

    name: Name | None = key("What the cap is called in reports.", "weekly")
    at_most: Limit | None = key("How many.", 2)
    within: Length | None = key("In how long.", "7 days")
    purpose: Purpose | None = key("Only messages of that purpose.", "commercial")
    channel: Medium | None = key("Only messages by that channel.", "sms")
    then: Annotated[Any, Editor(ref("Withhold"))] = key(
        "defer, skip, or {drop_after: 3 days}.", {"drop_after": "3 days"}
    )


class DropForm(Form):
    """Wait, and drop the message when it has waited too long."""

    required = ("drop_after",)

    drop_after: Length | None = key("How long it may wait.", "3 days")
