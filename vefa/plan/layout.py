"""A journey's nested steps as a flat tuple with targets: after the last step of a list comes what follows around it."""

from __future__ import annotations

from collections.abc import Callable

from vefa.language.catalogue import FIELDS
from vefa.language.conditions import Condition
from vefa.language.durations import Offset
from vefa.language.loader import JourneyDraft, StepDraft
from vefa.language.parser import ConditionParser
from vefa.language.problems import Mistake, did_you_mean
from vefa.language.source import Trail
from vefa.language.steps import EnterStep, GoToStep, PointsStep, TagStep, UntagStep
from vefa.plan import steps as plan
from vefa.plan.coupons import coupon
from vefa.plan.errands import notify, webhook
from vefa.plan.forks import branch, split, two_ways
from vefa.plan.messages import send
from vefa.plan.names import StepName
from vefa.plan.surroundings import AtHand, Neighbours
from vefa.plan.waits import wait


class Layout:
    """Lays the steps of one journey out. What is wrong goes to the draft's source; its place is filled all the same."""

    def __init__(
        self,
        draft: JourneyDraft,
        names: dict[Trail, StepName],
        parser: ConditionParser,
        around: Neighbours,
        hand: AtHand,
    ) -> None:
        self.draft, self.names, self.parser, self.around, self.hand = draft, names, parser, around, hand
        self.source = draft.source
        self.steps: list[plan.Step] = []
        self.whole = True

    def lay(self, drafts: tuple[StepDraft, ...], follow: str | None) -> None:
        """The steps in order; `follow` comes after the last one."""
        for place, step in enumerate(drafts, 1):
            following = self.first(drafts[place:], follow)
            if step.form is None:
                self.whole = False
                continue
            _LAYERS[step.verb](self, step, following)

    def condition(self, trail: Trail) -> Condition | None:
        """The condition there; None where none stands or it cannot be read."""
        return self.parser.parse(trail) if self.source.get(trail) is not None else None

    def told(self, trail: Trail, mistake: Mistake, at: str = "value") -> None:
        """Note the mistake at that place, or inside it where the mistake says so."""
        self.source.report((*trail, *mistake.inside), mistake.message, mistake.hint, mistake.code, at=at)

    def moment(self, trail: Trail, offset: Offset) -> plan.FieldMoment | None:
        """The field's moment, if there is such a field here and it holds one."""
        try:
            known = self.parser.around.check_field(offset.field)
            if known.type not in {"time", "date"}:
                timely = [f.name for f in FIELDS.values() if f.type in {"time", "date"} and f.home == known.home]
                raise Mistake(f"{known.name} is no moment", f"Moments are {', '.join(timely)}.", "moment")
        except Mistake as mistake:
            self.told(trail, mistake)
            return None
        return plan.FieldMoment(offset.field, offset.length)

    def first(self, inside: tuple[StepDraft, ...], follow: str | None) -> str | None:
        """Where a nested list begins; an empty one is passed at once."""
        return self.names[inside[0].trail].key if inside else follow

    def tag(self, step: StepDraft, follow: str | None) -> None:
        """A mark put on or taken off."""
        name, form = self.names[step.trail], step.form
        if isinstance(form, TagStep):
            self.steps.append(plan.Tag(name.key, name.id, follow, form.tag))
        elif isinstance(form, UntagStep):
            self.steps.append(plan.Tag(name.key, name.id, follow, form.untag, add=False))

    def points(self, step: StepDraft, follow: str | None) -> None:
        """So many points, or as many as the reward of that name brings."""
        name, form = self.names[step.trail], step.form
        given = form.points if isinstance(form, PointsStep) else None
        rules = self.around.loyalty.rules
        if isinstance(given, str) and given not in rules:
            known = (
                f"Rewards are {', '.join(rules)}." if rules else "Rewards stand in config/loyalty.yaml, under rules."
            )
            hint = did_you_mean(given, rules, known)
            self.source.report((*step.trail, "points"), f'there is no reward "{given}"', hint, "unknown-reward")
        elif isinstance(given, str):
            self.steps.append(plan.Points(name.key, name.id, follow, rules[given], given))
        elif given is not None:
            self.steps.append(plan.Points(name.key, name.id, follow, given))
        self.whole = self.whole and given is not None and (isinstance(given, int) or given in rules)

    def enter(self, step: StepDraft, follow: str | None) -> None:
        """Into another journey; `go_to` leaves this one."""
        name, form = self.names[step.trail], step.form
        if isinstance(form, EnterStep):
            self.check_journey((*step.trail, "enter"), form.enter)
            self.steps.append(plan.Enter(name.key, name.id, follow, form.enter))
        elif isinstance(form, GoToStep):
            self.check_journey((*step.trail, "go_to"), form.go_to)
            self.steps.append(plan.Enter(name.key, name.id, None, form.go_to, leave=True))

    def check_journey(self, trail: Trail, journey: str) -> None:
        """There must be such a journey."""
        if journey and journey not in self.around.journeys:
            hint = did_you_mean(journey, self.around.journeys, "Journeys are the files in journeys/.")
            self.source.report(trail, f'there is no journey "{journey}"', hint, "unknown-journey")

    def stop(self, step: StepDraft, follow: str | None) -> None:
        """The end for who comes here; what follows is not theirs."""
        name = self.names[step.trail]
        self.steps.append(plan.Stop(name.key, name.id))


_LAYERS: dict[str, Callable[[Layout, StepDraft, str | None], None]] = {
    "wait": wait,
    "email": send,
    "sms": send,
    "message": send,
    "if": two_ways,
    "branch": branch,
    "split": split,
    "coupon": coupon,
    "points": Layout.points,
    "tag": Layout.tag,
    "untag": Layout.tag,
    "enter": Layout.enter,
    "go_to": Layout.enter,
    "webhook": webhook,
    "notify": notify,
    "stop": Layout.stop,
}
