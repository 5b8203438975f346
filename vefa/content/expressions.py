"""What a template asks for: its tags, the names in them, and the filters. Read, never run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from minijinja import Environment, TemplateError

from vefa.content.environments import BUILTIN_NAMES

_STRING = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"""
TAG = re.compile(
    rf"\{{#.*?#\}}|\{{\{{(?:{_STRING}|[^'\"}}]|\}}(?!\}}))*\}}\}}|\{{%(?:{_STRING}|[^'\"%]|%(?!\}}))*%\}}", re.S
)
_PATH = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_FILTERED = re.compile(
    rf"(?P<kept>{_STRING}|\|\s*\w+)|(?<![\w.\])])(?P<path>{_PATH})(?=\s*\|\s*(?!(?:default|d)\b)[A-Za-z_])"
)
_NAMES = re.compile(rf"{_STRING}|(?<![\w.\])])({_PATH})")
_FILTER = re.compile(rf"{_STRING}|\|\s*([A-Za-z_]\w*)")
_FOR = re.compile(rf"\{{%-?\s*for\s+(\w+)\s+in\s+({_PATH})")
_STATEMENT = re.compile(r"\{%[-+]?\s*(\w+)")

#: fields of the things in a list, so that a slip inside a loop is seen as well
LIST_FIELDS: Mapping[str, frozenset[str]] = {
    "ticket.messages": frozenset({"author", "who", "when", "text"}),
    "order.lines": frozenset(
        {"name", "quantity", "price", "image_url", "url", "guide_url", "product", "variant", "gift_card"}
    ),
    "recommendations": frozenset({"name", "price", "url", "image_url", "category", "because"}),
    "guides": frozenset({"name", "url"}),
    "brand.social": frozenset({"name", "url"}),
}
FORBIDDEN_STATEMENTS = frozenset({"include", "import", "from", "extends"})


@dataclass(frozen=True)
class Slip:
    """Something wrong in a template's tags, and the line (from 1) where it stands."""

    line: int
    message: str


def strict_filters(source: str) -> str:
    """The same template, in which a name that is missing is an error in front of a filter too.

    The engine gives a missing name to a filter as none; asking for its truth first makes it complain.
    """

    def guard(match: re.Match[str]) -> str:
        path = match["path"]
        return match["kept"] if path is None else f"({path} if {path} else {path})"

    return TAG.sub(lambda tag: tag[0] if tag[0].startswith("{#") else _FILTERED.sub(guard, tag[0]), source)


def variables_in(environment: Environment, source: str) -> frozenset[str]:
    """Dotted names that the template needs from outside; what a loop or a set makes is not among them."""
    names = environment.undeclared_variables_in_str(source, nested=True)
    return frozenset(name for name in names if name.split(".")[0] not in BUILTIN_NAMES)


def slips_in(environment: Environment, source: str) -> list[Slip]:
    """Syntax, unknown filters, forbidden statements, and fields that the things of a list do not have."""
    try:
        environment.undeclared_variables_in_str(source)
    except TemplateError as error:
        return [Slip(error.line or 1, error.detail or error.message)]
    return sorted(
        [*_unknown_filters(environment, source), *_forbidden(source), *_wrong_list_fields(source)],
        key=lambda slip: slip.line,
    )


def line_at(source: str, position: int) -> int:
    """The line, from 1, of a place in the text."""
    return source.count("\n", 0, position) + 1


def _tags(source: str) -> Iterator[tuple[int, str]]:
    for match in TAG.finditer(source):
        if not match[0].startswith("{#"):
            yield line_at(source, match.start()), match[0]


def _unknown_filters(environment: Environment, source: str) -> Iterator[Slip]:
    for line, tag in _tags(source):
        for match in _FILTER.finditer(tag):
            if match[1] and not _has_filter(environment, match[1]):
                yield Slip(line, f'there is no filter "{match[1]}"')


def _has_filter(environment: Environment, name: str) -> bool:
    try:
        environment.eval_expr(f"''|{name}")
    except TemplateError as error:
        return error.kind != "UnknownFilter"
    except Exception:
        return True  # it exists, and did not like an empty text
    return True


def _forbidden(source: str) -> Iterator[Slip]:
    for line, tag in _tags(source):
        statement = _STATEMENT.match(tag)
        if statement and statement[1] in FORBIDDEN_STATEMENTS:
            yield Slip(line, f"{{% {statement[1]} %}} is not available; write <!-- vefa:include NAME --> instead")


def _wrong_list_fields(source: str) -> Iterator[Slip]:
    loops: list[tuple[str, str]] = []
    for line, tag in _tags(source):
        statement = _STATEMENT.match(tag)
        if statement and statement[1] == "endfor" and loops:
            loops.pop()
        if statement and statement[1] == "for":
            match = _FOR.match(tag)
            loops.append((match[1], match[2]) if match else ("", ""))
            continue
        yield from _wrong_names(tag, line, dict(loops))


def _wrong_names(tag: str, line: int, loops: Mapping[str, str]) -> Iterator[Slip]:
    for match in _NAMES.finditer(tag):
        root, _, field = (match[1] or "").partition(".")
        known = LIST_FIELDS.get(loops.get(root, ""))
        if field and known and field not in known:
            yield Slip(line, f'{loops[root]} has no "{field}"; it has {", ".join(sorted(known))}')
