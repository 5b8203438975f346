"""A journey's nested steps as a flat tuple with targets: after the last step of a list comes what follows around it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from vefa.language.catalogue import FIELDS, FILLED_BY, OBJECT_KINDS
from vefa.language.conditions import Condition, Duration, Everything
from vefa.language.durations import Offset, quoted, read_duration, read_moment
from vefa.language.loader import JourneyDraft, StepDraft
from vefa.language.parser import ConditionParser
from vefa.language.problems import Mistake, did_you_mean
from vefa.language.schema import (
    CouponTerms,
    EnterStep,
    GoToStep,
    IfStep,
    OtherwiseArm,
    SendForm,
    SplitArm,
    TagStep,
    UntagStep,
    WaitFor,
    WaitUntil,
    WhenArm,
    WrittenForm,
)
from vefa.language.source import Trail
from vefa.plan import steps as plan
from vefa.plan.names import StepName
from vefa.plan.surroundings import AtHand, Neighbours

WHOLE = 10_000


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
        self.source.report((*trail, *mistake.inside), mistake.message, mistake.hint, mistake.code, at=at)

    def moment(self, trail: Trail, offset: Offset) -> plan.FieldMoment | None:
        """The field's moment, if there is such a field here and it holds one."""
        try:
            known = self.parser.around.check_field(offset.field)
            if known.type not in {"time", "date"}:
                timely = [f.name for f in FIELDS.values() if f.type in {"time", "date"}]
                raise Mistake(f"{known.name} is no moment", did_you_mean(known.name, timely), "moment")
        except Mistake as mistake:
            self.told(trail, mistake)
            return None
        return plan.FieldMoment(offset.field, offset.length)

    def may_be_empty(self, name: str) -> bool:
        """Whether the field may have no value (yet) for somebody in this journey."""
        if name in FILLED_BY.get(self.hand.event or "", ()):
            return False
        known = FIELDS[name]
        foreign = known.home in OBJECT_KINDS and known.home != self.hand.own
        return known.nullable or (foreign and self.hand.own != "delivery")

    def first(self, inside: tuple[StepDraft, ...], follow: str | None) -> str | None:
        """Where a nested list begins; an empty one is passed at once."""
        return self.names[inside[0].trail].key if inside else follow

    def wait(self, step: StepDraft, follow: str | None) -> None:
        match step.detail:
            case WaitUntil() as until:
                self._until(step, until, follow)
            case WaitFor() as detail:
                self._for(step, detail.length, follow, detail)
            case _ if not isinstance(self.source.get((*step.trail, "wait")), dict):
                self._plain_wait(step, follow)

    def _plain_wait(self, step: StepDraft, follow: str | None) -> None:
        trail = (*step.trail, "wait")
        given = self.source.get(trail)
        length = None
        try:
            length = read_duration(given) if given is not None else None
        except Mistake as mistake:
            is_event = isinstance(given, str) and given in self.around.events
            write = f"Write wait: {{until: {given}, at_most: 7 days}}."
            self.told(trail, Mistake(f"{quoted(given)} is an event", write, "duration") if is_event else mistake)
        self._for(step, length, follow, None)

    def _for(self, step: StepDraft, length: Duration | None, follow: str | None, detail: WaitFor | None) -> None:
        name = self.names[step.trail]
        at, on = (detail.at if detail else None), (detail.on if detail else ())
        self.steps.append(plan.WaitFor(name.key, name.id, follow, length or Duration(), at, on))

    def _until(self, step: StepDraft, until: WaitUntil, follow: str | None) -> None:
        inside = step.lists.get("otherwise", ())
        otherwise = self.first(inside, follow)
        trail = (*step.trail, "wait", "until")
        if not until.until:
            self.whole = False
        elif until.until in self.around.events:
            self._until_event(step, until, follow, otherwise)
        else:
            self._until_moment(step, until, follow, otherwise, trail)
        self.lay(inside, follow)

    def _until_event(self, step: StepDraft, until: WaitUntil, follow: str | None, otherwise: str | None) -> None:
        name, trail = self.names[step.trail], (*step.trail, "wait")
        for key in ("at", "on"):
            if self.source.get((*trail, key)) is not None:
                hint = "Put a step wait: {for: 1 day, at: …} after it."
                message = f'"{key}" has no place where an event is waited for'
                self.source.report((*trail, key), message, hint, "unknown-key", at="key")
        if self.source.get((*trail, "at_most")) is None:
            message = f"{until.until} may never come, and nobody would go on"
            self.source.report((*trail, "until"), message, "Add at_most, such as at_most: 7 days.", "at-most")
        scope = self.parser.around.scope(until.until, of_customer=False)
        at_most = until.at_most or Duration(days=1)
        self.steps.append(plan.WaitUntilEvent(name.key, name.id, follow, scope, at_most, otherwise))

    def _until_moment(
        self, step: StepDraft, until: WaitUntil, follow: str | None, otherwise: str | None, trail: Trail
    ) -> None:
        name = self.names[step.trail]
        moment = None
        try:
            offset = read_moment(until.until)
            if offset.field not in FIELDS and not until.until.count(" "):
                self._tell_neither(trail, until.until)
            else:
                moment = self.moment(trail, offset)
        except Mistake as mistake:
            self.told(trail, mistake)
        inner = (*step.trail, "wait")
        if moment and self.source.get((*inner, "at_most")) is None:
            self._tell_of_empty(trail, moment.field, inner)
        self.steps.append(
            plan.WaitUntilTime(
                name.key,
                name.id,
                follow,
                moment or plan.FieldMoment("trigger.at"),
                otherwise,
                until.at,
                until.on,
                until.at_most,
            )
        )

    def _tell_neither(self, trail: Trail, word: str) -> None:
        timely = [f.name for f in FIELDS.values() if f.type in {"time", "date"}]
        hint = did_you_mean(word, (*self.around.events, *timely), "Write an event, or a field that holds a moment.")
        self.source.report(trail, f'"{word}" is neither an event nor a field', hint, "unknown-event")

    def _tell_of_empty(self, trail: Trail, field: str, inner: Trail) -> None:
        if self.may_be_empty(field):
            hint = "Add at_most, such as at_most: 14 days."
            self.source.report(trail, f"{field} may be empty, and nobody would go on", hint, "at-most")
        elif self.source.get((*inner, "otherwise")) is not None:
            message = f'"otherwise" never happens: {field} is never empty here, and there is no at_most'
            self.source.report((*inner, "otherwise"), message, "Take it out.", "otherwise", at="key")

    def send(self, step: StepDraft, follow: str | None) -> None:
        form, name = step.form, self.names[step.trail]
        assert isinstance(form, SendForm)  # noqa: S101 - the verb chose the form
        written = form if isinstance(form, WrittenForm) else None
        self.steps.append(
            plan.Message(
                name.key,
                name.id,
                follow,
                medium={"email": "email", "sms": "sms"}.get(step.verb),  # type: ignore[arg-type] # message: None
                template=getattr(form, step.verb) or "",
                purpose=form.purpose or self.draft.form.purpose,
                subject=self._words(step, "subject") if written else {},
                preheader=self._words(step, "preheader") if written else {},
                recommend=written.recommend if written else 0,
                sender=written.sender if written else None,
                reply_to=written.reply_to if written else None,
                not_after=self._not_after((*step.trail, "not_after"), form.not_after),
                unless=self.condition((*step.trail, "unless")),
                on_failure=form.on_failure,
            )
        )

    def _words(self, step: StepDraft, key: str) -> dict[str, str]:
        given = getattr(step.form, key)
        trail, locales = (*step.trail, key), self.around.locales
        if given is None:
            return {}
        if isinstance(given, str):
            if len(locales) > 1:
                example = ", ".join(f'{locale}: "…"' for locale in locales)
                self.source.report(trail, f'"{key}" is in one language only', f"Write {{{example}}}.", "locale")
            return {locales[0]: given}
        for locale in given:
            if locale not in locales:
                hint = did_you_mean(locale, locales, f"Languages are {', '.join(locales)}.")
                self.source.report((*trail, locale), f'"{locale}" is no language of the shop', hint, "locale", at="key")
        if lacking := [locale for locale in locales if locale not in given]:
            hint = f'Add {lacking[0]}: "…".'
            self.source.report(trail, f'"{key}" lacks the language {", ".join(lacking)}', hint, "locale", at="key")
        return {locale: given[locale] for locale in locales if locale in given}

    def _not_after(self, trail: Trail, text: str | None) -> plan.Moment | None:
        if text is None:
            return None
        if text == "same day":
            return plan.SameDay()
        try:
            return self.moment(trail, read_moment(text))
        except Mistake as mistake:
            self.told(trail, mistake)
            return None

    def two_ways(self, step: StepDraft, follow: str | None) -> None:
        form, name = step.form, self.names[step.trail]
        assert isinstance(form, IfStep)  # noqa: S101 - the verb chose the form
        then, otherwise = step.lists.get("then", ()), step.lists.get("else", ())
        when = self.condition((*step.trail, "if")) or Everything()
        arms = (plan.Arm(when, self.first(then, follow)),)
        self.steps.append(plan.Branch(name.key, name.id, self.first(otherwise, follow), arms))
        self.lay(then, follow)
        self.lay(otherwise, follow)

    def branch(self, step: StepDraft, follow: str | None) -> None:
        name, trail = self.names[step.trail], (*step.trail, "branch")
        arms: list[plan.Arm] = []
        rest = follow
        for index, arm in enumerate(step.arms):
            target = self.first(arm.steps, follow)
            if isinstance(arm.form, WhenArm):
                arms.append(plan.Arm(self.condition((*arm.trail, "when")) or Everything(), target))
            elif isinstance(arm.form, OtherwiseArm):
                rest = target
                if index < len(step.arms) - 1:
                    hint = "Move it to the end."
                    self.source.report((*arm.trail, "otherwise"), '"otherwise" comes last', hint, "branch", at="key")
        if not any(isinstance(arm.form, WhenArm) for arm in step.arms):
            hint = "Add one, such as - when: {orders.count: 1}."
            self.source.report(trail, "a branch needs at least one way with a when", hint, "branch", at="key")
        self.steps.append(plan.Branch(name.key, name.id, rest, tuple(arms)))
        for arm in step.arms:
            self.lay(arm.steps, follow)

    def split(self, step: StepDraft, follow: str | None) -> None:
        name, trail = self.names[step.trail], (*step.trail, "split")
        forms = [(arm, arm.form) for arm in step.arms if isinstance(arm.form, SplitArm)]
        arms = [plan.SplitArm(form.name or "", form.share or 0, self.first(arm.steps, follow)) for arm, form in forms]
        self._check_shares(trail, arms)
        self.steps.append(plan.Split(name.key, name.id, tuple(arms)))
        for arm in step.arms:
            self.lay(arm.steps, follow)

    def _check_shares(self, trail: Trail, arms: list[plan.SplitArm]) -> None:
        seen: set[str] = set()
        for index, arm in enumerate(arms):
            if arm.name in seen:
                message = f'two arms are called "{arm.name}"'
                self.source.report((*trail, index, "name"), message, "Give each a name of its own.", "split")
            seen.add(arm.name)
        total = sum(arm.share for arm in arms)
        if total != WHOLE and all(arm.share for arm in arms):
            shown = f"{Decimal(total) / 100:f}".rstrip("0").rstrip(".") if total % 100 else str(total // 100)
            hint = "Make them add up to 100%."
            self.source.report(trail, f"the shares add up to {shown}%", hint, "shares", at="key")

    def coupon(self, step: StepDraft, follow: str | None) -> None:
        terms, name, trail = step.detail, self.names[step.trail], (*step.trail, "coupon")
        if not isinstance(terms, CouponTerms):
            self.whole = False
            return
        given = self.source.get(trail)
        self._one_of(trail, given, ("percent", "amount", "free_shipping"), "what it is worth", "percent: 15", "pool")
        self._one_of(trail, given, ("valid", "valid_until"), "how long it is good for", "valid: 14 days")
        until = self.moment((*trail, "valid_until"), terms.valid_until) if terms.valid_until else None
        self.steps.append(
            plan.Coupon(
                name.key,
                name.id,
                follow,
                percent=terms.percent,
                amount=terms.amount.amount if terms.amount else None,
                currency=terms.amount.currency if terms.amount else None,
                free_shipping=terms.free_shipping,
                minimum=terms.minimum.amount if terms.minimum else None,
                minimum_currency=terms.minimum.currency if terms.minimum else None,
                prefix=terms.prefix,
                valid=terms.valid,
                valid_until=until,
            )
        )

    def _one_of(
        self, trail: Trail, given: dict[str, object], keys: tuple[str, ...], what: str, example: str, later: str = ""
    ) -> None:
        said = [key for key in keys if key in given]
        if len(said) > 1:
            self.source.report(
                (*trail, said[1]), f"a coupon has one of {' and '.join(said)}", "Keep one.", "coupon", at="key"
            )
        elif not said and later not in given:
            message = f"the coupon does not say {what}"
            self.source.report(trail, message, f"Add {example}.", "coupon", at="key")
        elif said == ["free_shipping"] and given["free_shipping"] in {"no", False}:
            self.source.report(trail, f"the coupon does not say {what}", f"Add {example}.", "coupon", at="key")

    def tag(self, step: StepDraft, follow: str | None) -> None:
        name, form = self.names[step.trail], step.form
        if isinstance(form, TagStep):
            self.steps.append(plan.Tag(name.key, name.id, follow, form.tag))
        elif isinstance(form, UntagStep):
            self.steps.append(plan.Tag(name.key, name.id, follow, form.untag, add=False))

    def enter(self, step: StepDraft, follow: str | None) -> None:
        name, form = self.names[step.trail], step.form
        if isinstance(form, EnterStep):
            self.check_journey((*step.trail, "enter"), form.enter)
            self.steps.append(plan.Enter(name.key, name.id, follow, form.enter))
        elif isinstance(form, GoToStep):
            self.check_journey((*step.trail, "go_to"), form.go_to)
            self.steps.append(plan.Enter(name.key, name.id, None, form.go_to, leave=True))

    def check_journey(self, trail: Trail, journey: str) -> None:
        if journey and journey not in self.around.journeys:
            hint = did_you_mean(journey, self.around.journeys, "Journeys are the files in journeys/.")
            self.source.report(trail, f'there is no journey "{journey}"', hint, "unknown-journey")

    def stop(self, step: StepDraft, follow: str | None) -> None:
        name = self.names[step.trail]
        self.steps.append(plan.Stop(name.key, name.id))


_LAYERS: dict[str, Callable[[Layout, StepDraft, str | None], None]] = {
    "wait": Layout.wait,
    "email": Layout.send,
    "sms": Layout.send,
    "message": Layout.send,
    "if": Layout.two_ways,
    "branch": Layout.branch,
    "split": Layout.split,
    "coupon": Layout.coupon,
    "tag": Layout.tag,
    "untag": Layout.tag,
    "enter": Layout.enter,
    "go_to": Layout.enter,
    "stop": Layout.stop,
}
