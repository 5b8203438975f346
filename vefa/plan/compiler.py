"""A journey's file to its plan: all defaults filled, all targets and segments resolved, everything checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from vefa.language import schema as forms
from vefa.language.conditions import Condition, EventScope, Everything
from vefa.language.durations import quoted
from vefa.language.forms import read_form
from vefa.language.loader import JourneyDraft, StepDraft
from vefa.language.parser import ConditionParser, Surroundings, Where
from vefa.language.problems import Mistake, did_you_mean
from vefa.language.source import Trail
from vefa.plan.calendar import RUNS_BY_DEFAULT, read_reentry, read_runs
from vefa.plan.layout import Layout
from vefa.plan.names import StepName, name_steps
from vefa.plan.plans import Exits, Goal, Plan
from vefa.plan.surroundings import AtHand, Neighbours, asks_survey, at_hand
from vefa.plan.triggers import compile_trigger
from vefa.plan.ways_in import DateTrigger, EnteredTrigger, EveryTrigger, Trigger
from vefa.plan.whenever import check_whenever, lay_whenever

T = TypeVar("T")
MESSAGES = {"email", "sms", "message"}


def compile_journey(draft: JourneyDraft, around: Neighbours) -> Plan | None:
    """The plan, or None where the file, or a segment that it uses, holds mistakes; they are in the draft's source."""
    return _Compiler(draft, around).compile()


class _Compiler:
    """One journey on its way to a plan."""

    def __init__(self, draft: JourneyDraft, around: Neighbours) -> None:
        self.draft, self.around, self.source = draft, around, draft.source
        self.hand: AtHand = at_hand(draft, around)
        self.names: dict[Trail, StepName] = name_steps(draft)

    def compile(self) -> Plan | None:
        form = self.draft.form
        trigger = compile_trigger(self.draft, self.around, self.parser("where"))
        layout = Layout(self.draft, self.names, self.parser("journey"), self.around, self.hand)
        layout.lay(self.draft.steps, None)
        whenever = lay_whenever(layout, self._scope)
        audience = self.condition("audience", ("audience",))
        plan = Plan(
            journey=self.draft.id,
            name=form.name,
            trigger=trigger or EnteredTrigger(),
            steps=tuple(layout.steps),
            purpose=form.purpose,
            topic=form.topic,
            description=form.description or "",
            owner=form.owner,
            status=form.status,
            runs=self._read(("runs",), lambda: read_runs(form.runs)) or RUNS_BY_DEFAULT,
            audience=audience or Everything(),
            reentry=self._read(("reentry",), lambda: read_reentry(form.reentry)),
            exits=self._exits(layout),
            goal=self._goal(),
            holdout=form.holdout or 0,
            backfill=form.backfill,
            whenever=whenever,
        )
        self._check_whole(plan, trigger)
        if layout.whole and not self.source.problems:
            self._tell_of_unreachable(plan)
        usable = trigger is not None and layout.whole and not self.source.problems and not self._waits_for_segment
        return plan if usable else None

    @property
    def _waits_for_segment(self) -> bool:
        """A segment used here holds mistakes of its own, told of in its own file."""
        return self._used_broken

    _used_broken = False

    def parser(self, where: Where) -> ConditionParser:
        """What may be spoken of differs by place."""
        return ConditionParser(
            self.source,
            Surroundings(
                where,
                self.around.events,
                self._segment,
                tuple(self.around.segments),
                objects=self.hand.objects,
                own=self.hand.own,
                tiers=tuple(level.name for level in self.around.loyalty.levels),
                trigger_dates=self.hand.dates,
                has_survey=asks_survey(self.draft),
                has_coupon=any(step.verb == "coupon" for step in self.draft.walk()),
                messages={self.names[step.trail].id: step.verb for step in self.draft.walk() if step.verb in MESSAGES},
            ),
        )

    def _segment(self, name: str) -> Condition | None:
        condition = self.around.segments[name]
        self._used_broken |= condition is None
        return condition

    def condition(self, where: Where, trail: Trail) -> Condition | None:
        return self.parser(where).parse(trail) if self.source.get(trail) is not None else None

    def _read(self, trail: Trail, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Mistake as mistake:
            self.source.report((*trail, *mistake.inside), mistake.message, mistake.hint, mistake.code)
            return None

    def _exits(self, layout: Layout) -> Exits:
        if self.draft.exit is None:
            return Exits()
        unless = self.condition("journey", ("exit", "unless"))
        then = self.draft.then.enter if self.draft.then else None
        if then:
            layout.check_journey(("exit", "then", "enter"), then)
        given = self.source.get(("exit", "on"))
        if given is None and self.source.get(("exit", "unless")) is None:
            hint = "Add on, such as on: [return.requested]."
            self.source.report(("exit",), '"exit" does not say when', hint, "exit", at="key")
        trails: list[Trail] = [("exit", "on", index) for index in range(len(given))] if isinstance(given, list) else []
        if given is not None and not isinstance(given, list):
            trails = [("exit", "on")]
        scopes = [self._event(trail) for trail in trails]
        return Exits(tuple(scope for scope in scopes if scope), unless, then or None)

    def _event(self, trail: Trail) -> EventScope | None:
        given = self.source.get(trail)
        of_customer = False
        if isinstance(given, dict):
            form = read_form(self.source, forms.EventForm, trail)
            if form is None or not form.event:
                return None
            given, of_customer, trail = form.event, form.of == "customer", (*trail, "event")
        if not isinstance(given, str):
            message = f"this must be an event, not {quoted(given)}"
            self.source.report(trail, message, "Write one such as return.requested.", "type")
            return None
        return self._scope(trail, given, of_customer)

    def _scope(self, trail: Trail, event: str, of_customer: bool) -> EventScope | None:
        around = self.parser("journey").around

        def read() -> EventScope:
            around.check_event(event)
            return around.scope(event, of_customer)

        return self._read(trail, read)

    def _goal(self) -> Goal | None:
        goal = self.draft.goal
        if goal is None or not goal.event:
            return None
        # A success is the customer's, whatever it is about: the order that a thank-you leads to is another one.
        # A coupon's use is another matter: that of this journey's own coupon is meant.
        scope = self._scope(("goal", "event"), goal.event, goal.event != "coupon.redeemed")
        return Goal(scope, goal.within) if scope and goal.within else None

    def _check_topic(self, plan: Plan) -> None:
        """A topic is one of the shop's, and of messages that customers may refuse."""
        if plan.topic is not None and plan.topic not in self.around.topics:
            hint = "Topics stand in config/topics.yaml."
            message = f'there is no topic "{plan.topic}"'
            self.source.report(("topic",), message, did_you_mean(plan.topic, self.around.topics, hint), "topic")
        elif plan.topic is not None and plan.purpose == "transactional":
            message = "a transactional journey has no topic: its messages cannot be refused"
            self.source.report(("topic",), message, "Take it out.", "topic", at="key")

    def _check_whole(self, plan: Plan, trigger: Trigger | None) -> None:
        """What single keys cannot tell: keys that contradict one another."""
        self._check_topic(plan)
        check_whenever(self.draft, plan, self.around.events, self.hand)
        if plan.holdout and plan.purpose == "transactional":
            message = "a transactional journey cannot have a holdout: everybody is owed its messages"
            self.source.report(("holdout",), message, "Take it out.", "holdout", at="key")
        elif plan.holdout >= 10_000:
            message = "with a holdout of 100% nobody is ever written to"
            self.source.report(("holdout",), message, "Write less, such as 10%.", "holdout")
        if isinstance(trigger, DateTrigger) and plan.reentry and plan.reentry.after:
            message = "a date comes once a year by itself"
            self.source.report(("reentry",), message, "Take it out, or write once.", "reentry")
        if plan.backfill and isinstance(trigger, EnteredTrigger | EveryTrigger):
            message = "there is nothing to reach back to with this trigger"
            self.source.report(("backfill",), message, "Take it out.", "backfill", at="key")

    def _tell_of_unreachable(self, plan: Plan) -> None:
        """The first step of each list that nobody can come to."""
        reached, todo = set(), [plan.first, *(each.first for each in plan.whenever)]
        while todo:
            key = todo.pop()
            if key is not None and key not in reached:
                reached.add(key)
                todo.extend(plan.after(plan.step(key)))
        for steps in (self.draft.steps, *(each.steps for each in self.draft.whenever)):
            self._tell_of_stranded(steps, reached)

    def _tell_of_stranded(self, steps: tuple[StepDraft, ...], reached: set[str]) -> None:
        for step in steps:
            if self.names[step.trail].key not in reached:
                hint = "Take it out, or move it before the step that leaves."
                self.source.report(step.trail, "nobody ever comes to this step", hint, "unreachable")
                return
            for inner in step.children:
                self._tell_of_stranded(inner, reached)
