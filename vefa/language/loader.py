"""A journey's file as forms, with the trail of each step: read, not yet understood.

What cannot be read is told of and left out, and the rest is read all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from vefa.language.durations import quoted
from vefa.language.forms import read_form
from vefa.language.problems import did_you_mean
from vefa.language.schema import (
    TRIGGER_FORMS,
    EnteredTrigger,
    ExitForm,
    Form,
    GoalForm,
    JourneyForm,
    ThenForm,
    WheneverForm,
    key_names,
)
from vefa.language.source import Source, Trail, read_file
from vefa.language.steps import (
    STEP_FORMS,
    CouponTerms,
    NotifyTerms,
    OtherwiseArm,
    SplitArm,
    StepForm,
    VariantsForm,
    WaitFor,
    WaitUntil,
    WhenArm,
)

#: Words for steps that other tools use.
OTHER_WORDS = {
    "mail": "email",
    "send": "message",
    "text": "sms",
    "delay": "wait",
    "sleep": "wait",
    "pause": "wait",
    "condition": "if",
    "goto": "go_to",
    "end": "stop",
    "exit": "stop",
    "switch": "branch",
    "case": "branch",
    "ab": "split",
    "voucher": "coupon",
    "point": "points",
    "bonus": "points",
    "label": "tag",
}
LABELS = frozenset(STEP_FORMS)


F = TypeVar("F", bound=StepForm)


@dataclass(frozen=True)
class ArmDraft:
    """One way of a branch or a split."""

    trail: Trail
    form: Form | None
    steps: tuple[StepDraft, ...]


@dataclass(frozen=True)
class StepDraft:
    """A step as it stands in the file. `detail` is the form inside its verb; None: it cannot be read."""

    trail: Trail
    verb: str
    form: StepForm | None
    detail: Form | None = None
    lists: dict[str, tuple[StepDraft, ...]] = field(default_factory=dict)
    arms: tuple[ArmDraft, ...] = ()

    def form_as(self, kind: type[F]) -> F:
        """The form, which is of that kind: the verb chose it."""
        if not isinstance(self.form, kind):
            raise TypeError(f"{self.verb} has no {kind.__name__}")
        return self.form

    @property
    def children(self) -> Iterator[tuple[StepDraft, ...]]:
        """Every list of steps inside, in the order of reading."""
        yield from self.lists.values()
        yield from (arm.steps for arm in self.arms)


@dataclass(frozen=True)
class WheneverDraft:
    """An entry of `whenever` as it stands in the file."""

    trail: Trail
    form: WheneverForm | None
    steps: tuple[StepDraft, ...]


@dataclass(frozen=True)
class JourneyDraft:
    """A journey's file as it stands."""

    id: str
    source: Source
    form: JourneyForm
    trigger: Form | None
    exit: ExitForm | None
    then: ThenForm | None
    goal: GoalForm | None
    steps: tuple[StepDraft, ...]
    whenever: tuple[WheneverDraft, ...] = ()

    def walk(self) -> Iterator[StepDraft]:
        """Every step, the outer before the inner, in the order of reading; those of `whenever` last."""
        yield from _walk(self.steps)
        for each in self.whenever:
            yield from _walk(each.steps)


#: Reads the step at that place, by its verb.
Reader = Callable[[Source, Trail, str], StepDraft]


def _walk(steps: tuple[StepDraft, ...]) -> Iterator[StepDraft]:
    for step in steps:
        yield step
        for inner in step.children:
            yield from _walk(inner)


def load_journey(path: Path, root: Path) -> tuple[Source, JourneyDraft | None]:
    """The file read as a journey. The draft is None where there is nothing to read."""
    source = read_file(path, root, LABELS)
    return source, draft_journey(source, path.stem)


def draft_journey(source: Source, journey: str) -> JourneyDraft | None:
    """The same for a source at hand."""
    if not source.usable:
        return None
    if source.value is None:
        source.report((), "the file is empty", "A journey has name, trigger and steps.", "empty")
        return None
    form = read_form(source, JourneyForm, ())
    if form is None:
        return None
    exit_form = read_form(source, ExitForm, ("exit",)) if form.exit is not None else None
    return JourneyDraft(
        journey,
        source,
        form,
        _trigger(source, form),
        exit_form,
        read_form(source, ThenForm, ("exit", "then")) if exit_form and exit_form.then is not None else None,
        read_form(source, GoalForm, ("goal",)) if form.goal is not None else None,
        _steps(source, ("steps",)),
        tuple(_whenever(source, form.whenever or [])),
    )


def _whenever(source: Source, given: list[object]) -> Iterator[WheneverDraft]:
    for index in range(len(given)):
        trail = ("whenever", index)
        yield WheneverDraft(trail, read_form(source, WheneverForm, trail), _steps(source, (*trail, "steps")))


def _trigger(source: Source, form: JourneyForm) -> Form | None:
    given = form.trigger
    if given is None:
        return None
    if given == "entered":
        return EnteredTrigger()
    if not isinstance(given, dict):
        source.report(
            ("trigger",),
            f"{quoted(given)} is no trigger",
            "Write a key and its value, such as trigger: {event: order.delivered}.",
            "trigger",
        )
        return None
    kinds = [key for key in given if key in TRIGGER_FORMS]
    if len(kinds) == 1:
        return read_form(source, TRIGGER_FORMS[kinds[0]], ("trigger",))
    if kinds:
        source.report(
            ("trigger", kinds[1]),
            f"a trigger is one thing only, and here are {' and '.join(kinds)}",
            f'Keep "{kinds[0]}", or make a second journey.',
            "trigger",
            at="key",
        )
        return None
    hint = f"A trigger has one of {', '.join(TRIGGER_FORMS)}."
    named = next(iter(given), "")
    at = ("trigger", named) if given else ("trigger",)
    source.report(at, "this is no trigger", did_you_mean(named, TRIGGER_FORMS, hint), "trigger", at="key")
    return None


def _steps(source: Source, trail: Trail) -> tuple[StepDraft, ...]:
    given = source.get(trail)
    if not isinstance(given, list):
        return ()  # told of by the form, or not written
    if not given:
        source.report(
            trail, "there are no steps here", "Write at least one, such as - email: welcome.", "empty", at="key"
        )
    steps = (_step(source, (*trail, index)) for index in range(len(given)))
    return tuple(step for step in steps if step is not None)


def _step(source: Source, trail: Trail) -> StepDraft | None:
    given = source.get(trail)
    if given == "stop":
        return StepDraft(trail, "stop", STEP_FORMS["stop"]())
    if not source.clean(trail) and given is None:
        return None
    if not isinstance(given, dict) or not given:
        source.report(trail, f"{quoted(given)} is no step", _colon(given), "step")
        return None
    verbs = [key for key in given if key in STEP_FORMS]
    if not verbs:
        _tell_of_no_verb(source, trail, list(given))
        return None
    if len(verbs) > 1:
        source.report(
            (*trail, verbs[1]),
            f"two steps in one: {' and '.join(verbs)}",
            "Begin each step with a dash of its own.",
            "two-verbs",
            at="key",
        )
        return None
    return _READERS.get(verbs[0], _plain)(source, trail, verbs[0])


def _colon(given: object) -> str:
    word, _, rest = given.partition(" ") if isinstance(given, str) else ("", "", "")
    if word in STEP_FORMS:
        return f"Write it with a colon: {word}: {rest}"
    return "Write a verb and its value, such as - wait: 3 days."


def _tell_of_no_verb(source: Source, trail: Trail, keys: list[str]) -> None:
    """At the key that is most like a verb, else at the first."""
    options = {name for form in STEP_FORMS.values() for name in key_names(form)}
    strange = [key for key in keys if key not in options]
    if not strange:
        source.report(
            (*trail, keys[0]),
            "this step does not say what to do",
            f"It needs one of {', '.join(STEP_FORMS)}.",
            "no-verb",
            at="key",
        )
        return
    word = strange[0]
    near = OTHER_WORDS.get(word.lower())
    hint = f'Did you mean "{near}"?' if near else did_you_mean(word, STEP_FORMS, f"Steps are {', '.join(STEP_FORMS)}.")
    source.report((*trail, word), f'there is no step "{word}"', hint, "no-verb", at="key")


def _plain(source: Source, trail: Trail, verb: str) -> StepDraft:
    return StepDraft(trail, verb, read_form(source, STEP_FORMS[verb], trail))


def _wait(source: Source, trail: Trail, verb: str) -> StepDraft:
    form = read_form(source, STEP_FORMS[verb], trail)
    inside = (*trail, verb)
    given = source.get(inside)
    if not isinstance(given, dict):
        return StepDraft(trail, verb, form)
    until = "until" in given or ("for" not in given and ("at_most" in given or "otherwise" in given))
    detail = read_form(source, WaitUntil if until else WaitFor, inside)
    lists = {"otherwise": _steps(source, (*inside, "otherwise"))} if until else {}
    return StepDraft(trail, verb, form, detail, lists)


def _if(source: Source, trail: Trail, verb: str) -> StepDraft:
    form = read_form(source, STEP_FORMS[verb], trail)
    return StepDraft(trail, verb, form, lists={key: _steps(source, (*trail, key)) for key in ("then", "else")})


def _branch(source: Source, trail: Trail, verb: str) -> StepDraft:
    form = read_form(source, STEP_FORMS[verb], trail)
    arms = []
    for index, given in enumerate(_arms(source, (*trail, verb))):
        at = (*trail, verb, index)
        last = isinstance(given, dict) and "otherwise" in given
        arm = read_form(source, OtherwiseArm if last else WhenArm, at)
        arms.append(ArmDraft(at, arm, _steps(source, (*at, "otherwise" if last else "steps"))))
    return StepDraft(trail, verb, form, arms=tuple(arms))


def _split(source: Source, trail: Trail, verb: str) -> StepDraft:
    form = read_form(source, STEP_FORMS[verb], trail)
    arms = []
    for index, _ in enumerate(_arms(source, (*trail, verb))):
        at = (*trail, verb, index)
        arms.append(ArmDraft(at, read_form(source, SplitArm, at), _steps(source, (*at, "steps"))))
    return StepDraft(trail, verb, form, arms=tuple(arms))


def _arms(source: Source, trail: Trail) -> list[object]:
    given = source.get(trail)
    return given if isinstance(given, list) else []


def _with_terms(terms: type[Form], key: str | None = None) -> Reader:
    """A step with a form of its own inside: under that key, else under its verb."""

    def read(source: Source, trail: Trail, verb: str) -> StepDraft:
        form, inside = read_form(source, STEP_FORMS[verb], trail), (*trail, key or verb)
        detail = read_form(source, terms, inside) if source.get(inside) is not None else None
        return StepDraft(trail, verb, form, detail)

    return read


_READERS: dict[str, Reader] = {
    "wait": _wait,
    "if": _if,
    "branch": _branch,
    "split": _split,
    "coupon": _with_terms(CouponTerms),
    "notify": _with_terms(NotifyTerms),
    "email": _with_terms(VariantsForm, "test"),
    "sms": _with_terms(VariantsForm, "test"),
    "message": _with_terms(VariantsForm, "test"),
}
