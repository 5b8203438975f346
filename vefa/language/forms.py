"""Reads a group of keys into its form, and tells of every key that does not fit, each at its own place."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from vefa.language.durations import quoted
from vefa.language.problems import Mistake, did_you_mean
from vefa.language.schema import STEP_FORMS, Form, StepForm, key_names
from vefa.language.source import Source, Trail

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
        if value is None and key in names:
            source.report((*trail, key), f'"{key}" is empty', _example(form, key), "empty", at="key")
    strange = [key for key in given if key not in names]
    for key in form.required:
        # a misspelt key is told of as such, not as missing besides
        if key not in given and not any(did_you_mean(other, [key]) for other in strange):
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
        if source.get((*trail, key)) is None:
            return  # told of as empty
        source.report((*trail, key, *mistake.inside), mistake.message, mistake.hint, mistake.code)
        return
    source.report((*trail, key), str(details["msg"]))


def _tell_of_unknown(source: Source, form: type[Form], trail: Trail, key: str) -> None:
    names = key_names(form)
    if key in form.later:
        source.report((*trail, key), f'"{key}" is not available yet', "Take it out for now.", "later", at="key")
        return
    known = [name for name in names if name not in (source.get(trail) or {})] or list(names)
    otherwise = f"Keys are {', '.join(names)}."
    if issubclass(form, StepForm):
        homes = [verb for verb, other in STEP_FORMS.items() if key in key_names(other)]
        otherwise = f"It belongs to {' or '.join(homes)}." if homes else f"{form.verb} has {', '.join(names[1:])}."
        if homes:
            source.report(
                (*trail, key), f'"{key}" has no place in a step "{form.verb}"', otherwise, "unknown-key", at="key"
            )
            return
    source.report((*trail, key), f'unknown key "{key}"', did_you_mean(key, known, otherwise), "unknown-key", at="key")
