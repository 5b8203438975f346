"""`config/brand.yaml` read: every mistake at once, each with its line, what is wrong and what to write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vefa.content.brand import Brand
from vefa.content.contrast import READABLE, faint_pairs
from vefa.content.problems import BrandError, TemplateProblem
from vefa.language.problems import did_you_mean
from vefa.language.source import Source, Trail, read_file


def load_brand(path: Path, shop_name: str) -> Brand:
    """The brand in `path`; BrandError with every mistake in it."""
    if not path.exists():
        return Brand(name=shop_name)
    source = read_file(path, path.parent.parent)
    brand = _read(source, shop_name) if source.usable else None
    if brand is None or source.problems:
        raise BrandError(source.problems)
    return brand


def brand_problems(path: Path, brand: Brand) -> list[TemplateProblem]:
    """What can be used but not well: colours that are hard to read upon each other."""
    source = read_file(path, path.parent.parent) if path.exists() else Source(path.name, [])
    found = []
    for faint in faint_pairs(brand):
        trail: Trail = (faint.mode, faint.color)
        line = source.span(trail).line + 1 if trail in source.places else 0
        says = (
            f"{faint.mode}.{faint.color} on {faint.mode}.{faint.behind} ({faint.what}) has a contrast of "
            f"{faint.ratio:.1f}; from {READABLE} on everybody can read it"
        )
        found.append(TemplateProblem(path, line, says, "warning"))
    return found


def _read(source: Source, shop_name: str) -> Brand | None:
    if not isinstance(source.value, dict):
        source.report((), "must hold `key: value` lines", "Write name: and the name of your shop.")
        return None
    try:
        return Brand(**{"name": shop_name, **source.value})
    except ValidationError as error:
        for each in error.errors():
            _tell(source, each)
        return None


def _tell(source: Source, error: ErrorDetails) -> None:
    trail: Trail = error["loc"]
    kind, given = error["type"], error.get("input")
    if not source.clean(trail):
        return
    if kind == "extra_forbidden":
        known = _keys_at(trail[:-1])
        hint = did_you_mean(str(trail[-1]), known, f"There are: {', '.join(known)}.")
        source.report(trail, f'unknown key "{trail[-1]}"', hint, "key", at="key")
    elif kind == "missing":
        source.report(trail[:-1], f'"{trail[-1]}" is missing', f"Write {trail[-1]}: and its value.")
    elif given is None:
        hint = "A # begins a remark: put what holds one in quotes." if _is_color(trail) else 'Write "" for none.'
        source.report(trail, f'"{trail[-1]}" is empty', hint, at="key")
    elif kind == "string_type" and isinstance(given, int | float):
        source.report(trail, f"{trail[-1]} is read as a number", f'Put it in quotes: "{given}" with all its digits.')
    else:
        says, _, hint = error["msg"].removeprefix("Value error, ").partition(". ")
        shown = f'"{given}" {says}' if kind == "value_error" and isinstance(given, str) else f"{trail[-1]}: {says}"
        source.report(trail, shown, f"{hint}." if hint else "")


def _is_color(trail: Trail) -> bool:
    return trail[0] in ("colors", "dark")


def _keys_at(trail: Trail) -> list[str]:
    """The keys that may stand there."""
    form: Any = Brand
    for part in trail:
        if isinstance(part, int):
            continue
        annotation = form.model_fields[part].annotation
        arguments = getattr(annotation, "__args__", ())
        form = next((each for each in (annotation, *arguments) if _is_form(each)), None)
        if form is None:
            return []
    return list(form.model_fields)


def _is_form(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
