"""Reads a group of keys into its form, and tells of every key that does not fit, each at its own place."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from vefa.language.durations import quoted
from vefa.language.problems import Mistake, did_you_mean
from vefa.language.schema import Form, key_names
from vefa.language.source import Source, Trail
from vefa.language.steps import (
    STEP_FORMS,
    CouponTerms,
    NotifyTerms,
    SendForm,
    StepForm,
    VariantsForm,
    WaitFor,
    WaitUntil,
)
from vefa.language.values import either

F = TypeVar("F", bound=Form)


def read_form(source: Source, form: type[F], trail: Trail) -> F | None:
    """The form there, without the keys that are wrong (they are told of). None where there is no group of keys."""
    given = source.get(trail)
    if not isinstance(given, dict):
        source.report(
            trail,
            f"this must be a group of keys, not {quoted(given)}",
            f"Keys are {', '.join(key_names(form))}.",
            "type",
        )
        return None
    _tell_of_missing(source, form, trail, given)
    try:
        return form.model_validate(given)
    except ValidationError as error:
        wrong = {details["loc"][0] for details in error.errors()}
        for details in error.errors():
            _tell(source, form, trail, details)
    return form.model_validate({key: value for key, value in given.items() if key not in wrong})


def _tell_of_missing(source: Source, form: type[Form], trail: Trail, given: dict[str, Any]) -> None:
    """A key without a value says nothing, and a required one that does not stand says less."""
    names = key_names(form)
    for key, value in given.items():
        if value is None and key in names and source.clean((*trail, key)):
            source.report((*trail, key), f'"{key}" is empty', _example(form, key), "empty", at="key")
    strange = [key for key in given if key not in names]
    for key in form.required:
        # a misspelt key is told of as such, not as missing besides
        misspelt = strange if len(names) == 1 else [other for other in strange if did_you_mean(other, [key])]
        stands_for_it = source.get((*trail, *form.instead.get(key, ("",)))) is not None
        if key not in given and not misspelt and not stands_for_it:
            source.report(trail, f'"{key}" is missing', _example(form, key), "missing")


def _example(form: type[Form], key: str) -> str:
    declared = next(f for name, f in form.model_fields.items() if (f.alias or name) == key)
    return f"Write {key}: {_yaml((declared.examples or [''])[0])}"


def _yaml(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {_yaml(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(_yaml(item) for item in value) + "]"
        case str() if value[:1] in "<>=!" or value == "…":
            return f'"{value}"'
    return str(value)


def _tell(source: Source, form: type[Form], trail: Trail, details: ErrorDetails) -> None:
    key = str(details["loc"][0])
    if details["type"] == "extra_forbidden":
        _tell_of_unknown(source, form, trail, key)
        return
    mistake = details.get("ctx", {}).get("error")
    if isinstance(mistake, Mistake):
        if source.get((*trail, key)) is None or not source.clean((*trail, key, *mistake.inside)):
            return  # told of already
        source.report((*trail, key, *mistake.inside), mistake.message, mistake.hint, mistake.code)
        return
    source.report((*trail, key), str(details["msg"]))


def _tell_of_unknown(source: Source, form: type[Form], trail: Trail, key: str) -> None:
    at = (*trail, key)
    if issubclass(form, StepForm) and (home := _home(form, key)):
        source.report(at, f'"{key}" has no place in a step "{form.verb}"', home, "unknown-key", at="key")
        return
    names = key_names(form)
    free = [name for name in names if name not in (source.get(trail) or {})]
    hint = did_you_mean(key, free or names, f"Keys are {', '.join(names)}.")
    source.report(at, f'unknown key "{key}"', hint, "unknown-key", at="key")


def _home(form: type[StepForm], key: str) -> str:
    """Where a key belongs that this step does not have."""
    if issubclass(form, SendForm) and key in OF_A_TEST:
        return f"It belongs inside test: {{…, {key}: …}}."
    if any(key in key_names(inner) for inner in INSIDE.get(form.verb, ())):
        return f"It belongs inside, {form.verb}: {{…, {key}: …}}."
    homes = [verb for verb, other in STEP_FORMS.items() if key in key_names(other)]
    return f"It belongs to {either(tuple(homes))}." if homes else ""


#: Forms that stand inside a step's verb.
INSIDE: dict[str, tuple[type[Form], ...]] = {
    "wait": (WaitFor, WaitUntil),
    "coupon": (CouponTerms,),
    "notify": (NotifyTerms,),
}
#: Keys of a message's test, which are easily written beside it.
OF_A_TEST = frozenset(key_names(VariantsForm))
