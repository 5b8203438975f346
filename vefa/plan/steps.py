"""The steps of a plan: a closed union, frozen, with every default and duration resolved.

Each step has a `key`, unique in the plan, that tells where a customer stands, and an `id` that names it in the
ledger, in reports and in the Prefect UI (arms of a split may share an id, then their keys differ). Targets are keys;
None is the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from vefa.language.conditions import Condition, Duration, EventScope

Purpose = Literal["commercial", "transactional"]
Medium = Literal["email", "sms"]
MEDIA: tuple[Medium, ...] = ("email", "sms")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


@dataclass(frozen=True)
class FieldMoment:
    """`order.delivered_at + 5 days`."""

    field: str
    offset: Duration = Duration()
    kind: Literal["field"] = "field"


@dataclass(frozen=True)
class SameDay:
    """The end of the day (the customer's own) on which the step was reached."""

    kind: Literal["same_day"] = "same_day"


Moment = Annotated[FieldMoment | SameDay, Field(discriminator="kind")]


@dataclass(frozen=True)
class WaitFor:
    """Stay for `length`; then to the first `at` not before it (whole days: that day at `at`), then on to `on`."""

    key: str
    id: str
    next: str | None
    length: Duration
    at: time | None = None
    on: tuple[Weekday, ...] = ()
    kind: Literal["wait_for"] = "wait_for"


@dataclass(frozen=True)
class WaitUntilTime:
    """Stay until a field's moment. While the field is empty, until `at_most` after the arrival: then `otherwise`."""

    key: str
    id: str
    next: str | None
    until: FieldMoment
    otherwise: str | None
    at: time | None = None
    on: tuple[Weekday, ...] = ()
    at_most: Duration | None = None
    kind: Literal["wait_until_time"] = "wait_until_time"


@dataclass(frozen=True)
class WaitUntilEvent:
    """Stay until the event (go on at `next`), at most so long (go on at `otherwise`)."""

    key: str
    id: str
    next: str | None
    scope: EventScope
    at_most: Duration
    otherwise: str | None
    kind: Literal["wait_until_event"] = "wait_until_event"


@dataclass(frozen=True)
class Variant:
    """One of the things that a test compares: a subject of its own, or a template of its own."""

    name: str
    subject: dict[str, str] = field(default_factory=dict)
    template: str | None = None


@dataclass(frozen=True)
class Trial:
    """A test: its variants go to `share` (hundredths of a per cent) of the customers, in equal parts; the others wait
    until `decide` after it began, and get what did best."""

    variants: tuple[Variant, ...]
    share: int
    decide: Duration
    by: Literal["clicked", "opened", "goal"]

    def variant(self, name: str | None) -> Variant | None:
        """The variant of that name."""
        return next((variant for variant in self.variants if variant.name == name), None)


@dataclass(frozen=True)
class Message:
    """Words to the customer. `medium` None takes the preferred channel, the other where that one cannot be used."""

    key: str
    id: str
    next: str | None
    medium: Medium | None
    template: str
    purpose: Purpose
    subject: dict[str, str] = field(default_factory=dict)
    preheader: dict[str, str] = field(default_factory=dict)
    recommend: int = 0
    sender: str | None = None
    reply_to: str | None = None
    not_after: Moment | None = None
    unless: Condition | None = None
    on_failure: Literal["continue", "exit"] = "continue"
    survey: str | None = None
    test: Trial | None = None
    kind: Literal["message"] = "message"

    def of(self, variant: str | None) -> Message:
        """The same message with that variant's words; as it stands where there is no such variant."""
        found = self.test.variant(variant) if self.test else None
        if found is None:
            return self
        subject, template = found.subject or self.subject, found.template or self.template
        return replace(self, subject=subject, template=template, test=None)

    @property
    def media(self) -> tuple[Medium, ...]:
        """The media that it may go by."""
        return MEDIA if self.medium is None else (self.medium,)

    @property
    def versions(self) -> tuple[Message, ...]:
        """The message as it may be read: with each variant's words, else as it stands."""
        return tuple(self.of(variant.name) for variant in self.test.variants) if self.test else (self,)

    @property
    def templates(self) -> tuple[str, ...]:
        """Every template that the message may go with."""
        return tuple(dict.fromkeys(version.template for version in self.versions))


@dataclass(frozen=True)
class Arm:
    """One way of a branch."""

    when: Condition
    target: str | None


@dataclass(frozen=True)
class Branch:
    """The first arm that holds, else `next`. `if` is a branch with one arm."""

    key: str
    id: str
    next: str | None
    arms: tuple[Arm, ...]
    kind: Literal["branch"] = "branch"


@dataclass(frozen=True)
class SplitArm:
    """`share` in hundredths of a per cent; all shares of a split add up to 10,000."""

    name: str
    share: int
    target: str | None


@dataclass(frozen=True)
class Split:
    """By a stable hash of the customer, the journey and the step's id (rule 11)."""

    key: str
    id: str
    arms: tuple[SplitArm, ...]
    kind: Literal["split"] = "split"


@dataclass(frozen=True)
class Coupon:
    """One unique code per enrolment and step. Exactly one of `percent`, `amount`, `free_shipping` is given.

    `pool`: the code is one that the checkout has made, taken from that pool; it is good until the end of the day `ends`
    on the shop's clock at most.
    """

    key: str
    id: str
    next: str | None
    percent: Decimal | None = None
    amount: Decimal | None = None
    currency: str | None = None
    free_shipping: bool = False
    minimum: Decimal | None = None
    minimum_currency: str | None = None
    prefix: str = ""
    valid: Duration | None = None
    valid_until: FieldMoment | None = None
    pool: str | None = None
    ends: date | None = None
    kind: Literal["coupon"] = "coupon"


@dataclass(frozen=True)
class Points:
    """So many points, once per enrolment and step; `rule` is the reward's name in config/loyalty.yaml, if any."""

    key: str
    id: str
    next: str | None
    points: int
    rule: str | None = None
    kind: Literal["points"] = "points"


@dataclass(frozen=True)
class Tag:
    """Put a mark on the customer, or take it off."""

    key: str
    id: str
    next: str | None
    tag: str
    add: bool = True
    kind: Literal["tag"] = "tag"


@dataclass(frozen=True)
class Enter:
    """Put the customer into another journey; `leave` this one (`go_to`) or stay."""

    key: str
    id: str
    next: str | None
    journey: str
    leave: bool = False
    kind: Literal["enter"] = "enter"


@dataclass(frozen=True)
class Webhook:
    """A signed POST to a tool of config/tools.yaml; the customer goes on at once."""

    key: str
    id: str
    next: str | None
    tool: str
    kind: Literal["webhook"] = "webhook"


@dataclass(frozen=True)
class Notify:
    """Words to a team of config/staff.yaml; the customer goes on at once."""

    key: str
    id: str
    next: str | None
    team: str
    say: str
    shop_hours: bool = False
    kind: Literal["notify"] = "notify"


@dataclass(frozen=True)
class Stop:
    """Leave here."""

    key: str
    id: str
    kind: Literal["stop"] = "stop"


Step = Annotated[
    WaitFor
    | WaitUntilTime
    | WaitUntilEvent
    | Message
    | Branch
    | Split
    | Coupon
    | Points
    | Tag
    | Enter
    | Webhook
    | Notify
    | Stop,
    Field(discriminator="kind"),
]
