"""Mistakes in template files, all at once, each with its file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from minijinja import Environment, TemplateError

from vefa.content.expressions import TAG, line_at, slips_in, variables_in
from vefa.content.markup import markup_slips
from vefa.content.messages import GMAIL_CLIPS_AT
from vefa.content.names import CONTEXT_NAMES, OWN_NAMES
from vefa.content.problems import TemplateBroken, TemplateProblem
from vefa.content.sources import CONTENT_MARKER, ENDS, INCLUDE, Folder, TemplateFile
from vefa.plan.steps import Medium

if TYPE_CHECKING:
    from vefa.content.templates import TemplateStore

#: Templates of commercial messages, by medium; None where nobody says which.
Commercial = frozenset[tuple[Medium, str]] | None

_SET = re.compile(r"\{%-?\s*set\s+(\w+)")

#: what a layout may weigh before the customer's own data come in
HEAVY = GMAIL_CLIPS_AT * 4 // 5


def check_templates(
    store: TemplateStore, commercial: Commercial, known: frozenset[str] | None
) -> list[TemplateProblem]:
    """Problems in the order of files and lines."""
    found = list(store.folder.problems)
    for file in store.folder.files.values():
        found += _in_file(store, file)
        found += _unknown_names(store, file, known | CONTEXT_NAMES) if known is not None else ()
    for name in sorted(store.names("email")):
        found += _in_email(
            store, name, commercial is None or ("email", name) in commercial, {problem.file for problem in found}
        )
    found += _missing_locales(store)
    found += _missing_identity(store, commercial)
    return sorted(set(found), key=lambda problem: (str(problem.file), problem.line, problem.message))


def _in_file(store: TemplateStore, file: TemplateFile) -> Iterator[TemplateProblem]:
    plain = file.kind in ("sms", "text")
    locale = file.locale or store.locales[0]
    environment = store.text_environment(locale) if plain else store.html_environment(locale)
    for slip in slips_in(environment, file.source):
        yield TemplateProblem(file.path, slip.line, slip.message)
    yield from _wrong_brand_names(store, file)
    if file.path.suffix == ".mjml":
        for slip in markup_slips(file.source):
            yield TemplateProblem(file.path, slip.line, slip.message)
    yield from _missing_includes(store.folder, file, store.locales)
    if file.name == "_layout" and not CONTENT_MARKER.search(file.source):
        yield TemplateProblem(file.path, 0, "has no <!-- vefa:content -->, so no message would stand in this layout")


def _missing_includes(folder: Folder, file: TemplateFile, locales: tuple[str, ...]) -> Iterator[TemplateProblem]:
    for match in INCLUDE.finditer(file.source):
        for locale in (file.locale,) if file.locale else locales:
            if folder.partial("_" + match[1], locale) is None:
                line = line_at(file.source, match.start())
                yield TemplateProblem(
                    file.path, line, f"includes {match[1]}, but there is no _{match[1]}.{locale}.mjml"
                )


def _unknown_names(store: TemplateStore, file: TemplateFile, known: frozenset[str]) -> Iterator[TemplateProblem]:
    environment = store.text_environment(store.locales[0])
    made = _names_made(store.folder)
    try:
        names = variables_in(environment, file.source)
    except TemplateError:
        return  # already told as a syntax error
    for name in sorted(names):
        root = name.split(".")[0]
        if root in OWN_NAMES | made or name in known or any(field.startswith(name + ".") for field in known):
            continue
        close = get_close_matches(name, known, 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        yield TemplateProblem(file.path, _line_of(file.source, name), f"there is no {name}{hint}")


def _names_made(folder: Folder) -> frozenset[str]:
    """Names that parts set for those who include them, such as `words`."""
    parts = (file.source for file in folder.files.values() if file.kind == "partial")
    return frozenset(name for source in parts for name in _SET.findall(source))


def _line_of(source: str, name: str) -> int:
    asked = re.compile(rf"(?<![\w.]){re.escape(name)}(?![\w])")
    places = (tag.start() + found.start() for tag in TAG.finditer(source) if (found := asked.search(tag[0])))
    return line_at(source, next(places, 0))


def _wrong_brand_names(store: TemplateStore, file: TemplateFile) -> Iterator[TemplateProblem]:
    environment = store.text_environment(store.locales[0])
    for match in TAG.finditer(file.source):
        tag = match[0]
        if "brand" not in tag or not tag.startswith("{{"):
            continue
        for name in _readable_names(environment, tag):
            if name.startswith("brand.") and not _has(store.brand.names(), name.split(".")[1:]):
                line = line_at(file.source, match.start())
                yield TemplateProblem(file.path, line, f"config/brand.yaml has no {name[6:]}")


def _readable_names(environment: Environment, tag: str) -> frozenset[str]:
    try:
        return variables_in(environment, tag)
    except TemplateError:
        return frozenset()  # already told as a syntax error


def _has(values: object, path: list[str]) -> bool:
    for part in path:
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return True


def _in_email(store: TemplateStore, name: str, commercial: bool, told: AbstractSet[Path]) -> Iterator[TemplateProblem]:
    """What shows only when an e-mail is put together; files in `told` have their mistakes already."""
    for locale in sorted(store.folder.locales("email", name)):
        file = store.folder.email(name, locale)
        if file is None:
            continue
        try:
            email = store.email(name, locale)
        except TemplateBroken as error:
            if file.path not in told:
                yield TemplateProblem(file.path, 0, str(error).removeprefix(f"{file.path}: "))
            continue
        if commercial and "links.unsubscribe" not in email.html_source:
            yield TemplateProblem(
                file.path, 0, "is commercial, but neither it nor its layout has {{ links.unsubscribe }}"
            )
        if len(email.html_source) > HEAVY:
            size = len(email.html_source) // 1024
            yield TemplateProblem(
                file.path, 0, f"compiles to {size} KB; Gmail cuts off what is beyond 102 KB", "warning"
            )


def _missing_locales(store: TemplateStore) -> Iterator[TemplateProblem]:
    for medium, end in ENDS.items():
        for name in sorted(store.folder.names(medium)):
            there = store.folder.locales(medium, name)
            for locale in store.locales:
                if locale not in there:
                    path = store.folder.path / f"{name}.{locale}.{end}"
                    yield TemplateProblem(path, 0, f'is missing: "{name}" is written in {_list(there)} only')


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _missing_identity(
    store: TemplateStore, commercial: frozenset[tuple[Medium, str]] | None
) -> Iterator[TemplateProblem]:
    """In Türkiye a commercial message names its sender and says how to refuse."""
    if store.country != "TR":
        return
    for field, meaning in (
        ("trade_name", "the trade name"),
        ("mersis", "the MERSİS number"),
        ("address", "an address"),
    ):
        if not getattr(store.brand, field):
            yield TemplateProblem(
                store.brand_path, 0, f"has no {field}: commercial messages must bear {meaning}", "warning"
            )
    for (kind, name, _), file in store.folder.files.items():
        if kind == "sms" and ("sms", name) in (commercial or ()) and "brand.sms.stop" not in file.source:
            yield TemplateProblem(
                file.path, 0, "is commercial, but does not say how to refuse: {{ brand.sms.stop }}", "warning"
            )
