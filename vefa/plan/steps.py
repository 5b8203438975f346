"""The plan: a journey with everything resolved, frozen, and addressed by what it says.

A plan is a flat tuple of steps. Each step has a `key`, unique in the plan, that tells where a customer stands,
and an `id` that names it in the ledger, in reports and in the Prefect UI (arms of a split may share an id, then
their keys differ). Targets are keys; None is the end. Every target lies further down, so one walk through the
steps in order moves everybody as far as they can go.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, time
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from vefa.language.conditions import Condition, Duration, EventScope, Everything

Purpose = Literal["commercial", "transactional"]
Medium = Literal["email", "sms"]
MEDIA: tuple[Medium, ...] = ("email", "sms")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Status = Literal["draft", "live", "paused", "closing"]


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


@dataclass(frozen=True)
class EventTrigger:
    """The customer of each event; the event's object is at hand in every step."""

    event: str
    object_kind: str | None
    where: Condition = Everything()
    kind: Literal["event"] = "event"


@dataclass(frozen=True)
class DateTrigger:
    """Once a year on the day of `field` moved by `offset` days, at `at` on the customer's own clock."""

    field: str
    offset: int
    at: time
    kind: Literal["date"] = "date"


@dataclass(frozen=True)
class SegmentTrigger:
    """Who has come into the segment since the last run."""

    name: str
    condition: Condition
    kind: Literal["segment"] = "segment"


@dataclass(frozen=True)
class EveryTrigger:
    """The whole audience at each occurrence of a cron line (5 fields) in `zone` (None: the shop's)."""

    cron: str
    zone: str | None
    kind: Literal["every"] = "every"


@dataclass(frozen=True)
class EnteredTrigger:
    """Only whom another journey sends here."""

    kind: Literal["entered"] = "entered"


Trigger = Annotated[
    EventTrigger | DateTrigger | SegmentTrigger | EveryTrigger | EnteredTrigger, Field(discriminator="kind")
]


@dataclass(frozen=True)
class Runs:
    """When the journey ticks: at once (seconds; every minute by schedule), every `minutes`, or daily at `at`."""

    at_once: bool = False
    minutes: int | None = None
    at: time | None = None


@dataclass(frozen=True)
class Reentry:
    """`once` ever; or again only `after` that long. None on the plan: once per entry key."""

    once: bool = False
    after: Duration | None = None


@dataclass(frozen=True)
class Exits:
    """Who leaves early: on an event, or when `unless` no longer holds; and where to."""

    on: tuple[EventScope, ...] = ()
    unless: Condition | None = None
    then_enter: str | None = None


@dataclass(frozen=True)
class Whenever:
    """What happens at once each time an event comes, to those inside, wherever they stand.

    `id` names it in the database: the event, with an ordinal among equals, never its place in the file (rule 21).
    """

    id: str
    scope: EventScope
    first: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Goal:
    """What counts as success, from entry on. Only measured."""

    scope: EventScope
    within: Duration


@dataclass(frozen=True)
class Plan:
    """A journey ready to run."""

    journey: str
    name: str
    trigger: Trigger
    steps: tuple[Step, ...]
    purpose: Purpose = "commercial"
    description: str = ""
    owner: str | None = None
    status: Status = "live"
    runs: Runs = Runs(minutes=15)
    audience: Condition = Everything()
    reentry: Reentry | None = None
    exits: Exits = Exits()
    goal: Goal | None = None
    holdout: int = 0
    backfill: Duration | None = None
    topic: str | None = None
    whenever: tuple[Whenever, ...] = ()

    def step(self, key: str) -> Step:
        """The step of that key. KeyError if the plan has none."""
        return self.by_key[key]

    @property
    def by_key(self) -> dict[str, Step]:
        return {step.key: step for step in self.steps}

    @property
    def first(self) -> str | None:
        """Where everybody begins; None for a journey without steps."""
        return next((step.key for step in self.steps if step.key not in self.aside), None)

    @cached_property
    def aside(self) -> frozenset[str]:
        """Keys of the steps that stand in `whenever`: nobody comes to them by walking the journey's own steps."""
        return frozenset(key for each in self.whenever for key in each.keys)

    @property
    def own_steps(self) -> tuple[Step, ...]:
        """The journey's own steps, without those of `whenever`."""
        return tuple(step for step in self.steps if step.key not in self.aside)

    def after(self, step: Step) -> tuple[str | None, ...]:
        """Every key a customer can be at next."""
        match step:
            case Branch():
                return (*(arm.target for arm in step.arms), step.next)
            case Split():
                return tuple(arm.target for arm in step.arms)
            case WaitUntilTime() | WaitUntilEvent():
                return (step.next, step.otherwise)
            case Stop():
                return ()
            case _:
                return (step.next,)
