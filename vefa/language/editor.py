"""The JSON Schema of a journey file, for editors: completion, and a red line before anybody runs `check`.

Made from the same declarations as the loader's forms: `python -m vefa.language.editor > config/journey.schema.json`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, get_args

from pydantic.fields import FieldInfo

from vefa.language import schema as forms
from vefa.language import steps
from vefa.language.catalogue import FIELDS, Field, FieldType
from vefa.language.schema import TRIGGER_FORMS, Form
from vefa.language.steps import STEP_FORMS
from vefa.language.values import Editor, list_of, ref

_TEXT = {"type": "string", "minLength": 1}
_ONE = {"type": ["string", "number", "boolean"]}
_EVENT = {"type": "string", "pattern": r"^[a-z_]+(\.[a-z_]+)+$"}

#: What may stand after a field of each type; the rest of the check is the loader's.
_VALUES: dict[FieldType, tuple[str, ...]] = {
    "text": ("string",),
    "number": ("string", "number"),
    "money": ("string", "number"),
    "time": ("string",),
    "date": ("string",),
    "bool": ("string", "boolean"),
    "list": ("string", "number"),
}

_NESTED: dict[str, type[Form]] = {
    "Exit": forms.ExitForm,
    "Then": forms.ThenForm,
    "Goal": forms.GoalForm,
    "Whenever": forms.WheneverForm,
    "Coupon": steps.CouponTerms,
    "Notify": steps.NotifyTerms,
    "Variants": steps.VariantsForm,
    "SplitArm": steps.SplitArm,
}


def json_schema() -> dict[str, Any]:
    """The whole schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "vefa journey",
        **_form(forms.JourneyForm),
        "$defs": dict(sorted(_definitions())),
    }


def _definitions() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "Condition", _condition()
    for kind, types in _VALUES.items():
        yield f"value-{kind}", _value(*types)
    yield "Event", {"anyOf": [_EVENT, _form(forms.EventForm)]}
    yield "EventList", {"anyOf": [ref("Event"), list_of("Event")]}
    for name, form in _NESTED.items():
        yield name, _form(form)
    yield "BranchArm", {"anyOf": [_form(steps.WhenArm), _form(steps.OtherwiseArm)]}
    yield "Wait", {"anyOf": [_told(steps.WaitFor.model_fields["length"]), _form(steps.WaitFor), _form(steps.WaitUntil)]}
    for verb, form in STEP_FORMS.items():
        yield f"step-{verb}", _form(form)
    yield "Step", _by_key({verb: f"step-{verb}" for verb in STEP_FORMS}, "stop")
    for key, trigger in TRIGGER_FORMS.items():
        yield f"trigger-{key}", _form(trigger)
    yield "Trigger", _by_key({key: f"trigger-{key}" for key in TRIGGER_FORMS}, "entered")


def _by_key(definitions: dict[str, str], word: str) -> dict[str, Any]:
    """One word alone, or the definition chosen by the key that stands; so an editor complains about the right one."""
    return {
        "anyOf": [{"const": word}, {"type": "object", "anyOf": [{"required": [key]} for key in definitions]}],
        "allOf": [
            {"if": {"type": "object", "required": [key]}, "then": ref(name)} for key, name in definitions.items()
        ],
    }


def _form(form: type[Form]) -> dict[str, Any]:
    properties = {
        declared.alias or name: {
            **_told(declared),
            "description": declared.description,
            "examples": list(declared.examples or ()),
        }
        for name, declared in form.model_fields.items()
    }
    told: dict[str, Any] = {
        "type": "object",
        "description": (form.__doc__ or "").strip(),
        "properties": properties,
        "additionalProperties": False,
    }
    always = [name for name in form.required if name not in form.instead]
    either = [{"anyOf": [{"required": [name]}, {"required": [path[0]]}]} for name, path in form.instead.items()]
    if either and set(form.instead) <= set(form.required):
        told["allOf"] = either
    return {**told, "required": always} if always else told


def _told(declared: FieldInfo) -> dict[str, Any]:
    """The value's own schema: beside the annotation, or inside `… | None`."""
    inside = (note for kind in get_args(declared.annotation) for note in getattr(kind, "__metadata__", ()))
    return next((note.schema for note in (*declared.metadata, *inside) if isinstance(note, Editor)), {})


def _condition() -> dict[str, Any]:
    groups: dict[str, Any] = {
        "any": {**list_of("Condition"), "description": "At least one holds."},
        "none": {**list_of("Condition"), "description": "Not one holds."},
        "not": {**ref("Condition"), "description": "It does not hold."},
        "segment": {**_TEXT, "description": "In a segment of config/segments.yaml."},
        "happened": {"anyOf": [_EVENT, _form(forms.HappenedForm)], "description": "The event has come."},
        "opened": {**_TEXT, "description": "A message of this journey, by its id, was opened."},
        "clicked": {**_TEXT, "description": "A link in a message of this journey was clicked."},
    }
    fields = {field.name: _field(field) for field in FIELDS.values()}
    return {"type": "object", "minProperties": 1, "properties": {**groups, **fields}, "additionalProperties": False}


def _field(field: Field) -> dict[str, Any]:
    return {**ref(f"value-{field.type}"), "description": f"{field.meaning} ({field.type})"}


def _value(*types: str) -> dict[str, Any]:
    one: dict[str, Any] = {"type": types[0] if len(types) == 1 else list(types)}
    many = {"type": "array", "minItems": 1, "items": one}
    wrapped = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {"contains": _ONE, "in": many},
        "additionalProperties": False,
    }
    return {"anyOf": [one, many, wrapped]}


def main() -> None:
    """Prints the schema."""
    json.dump(json_schema(), sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
