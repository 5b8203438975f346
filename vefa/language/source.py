"""A YAML file as plain values, with the place of every key and value beside them.

YAML 1.2, read more narrowly than the standard: text stays text unless it is a number, true or false; `yes` and `no`
become booleans only where a boolean is wanted, so a country may be NO. Tags, anchors and merges are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from vefa.language.problems import Problem
from vefa.language.syntax import syntax_mistake

Trail = tuple[str | int, ...]
T = TypeVar("T")

_INT = re.compile(r"[-+]?\d{1,18}")
_DECIMAL = re.compile(r"[-+]?\d{1,18}\.\d{1,9}")
_CONSTANTS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_OWN_TAGS = "tag:yaml.org,2002:"
#: Deeper than any journey; beyond it the reader itself would run out of stack.
DEEPEST = 60


@dataclass(frozen=True)
class Span:
    """A stretch of one line, counted from 0."""

    line: int
    column: int
    length: int


@dataclass(frozen=True)
class Place:
    """Where a value stands, and its key where it has one."""

    value: Span
    key: Span | None = None


@dataclass
class Source:
    """One file: its values, their places, and the problems found in it so far."""

    file: str
    lines: list[str]
    value: Any = None
    places: dict[Trail, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    usable: bool = True
    labels: Collection[str] = ()
    _told: set[Trail] = field(default_factory=set)

    def report(self, trail: Trail, message: str, hint: str = "", code: str = "value", *, at: str = "value") -> None:
        """Note a problem at the value (`at="key"`: at its key)."""
        self._told.add(trail)
        self.note(self.span(trail, at), self.breadcrumb(trail), message, hint, code)

    def clean(self, trail: Trail) -> bool:
        """Whether nothing there, or inside, has been told of; what is, brings no second problem."""
        return not any(told[: len(trail)] == trail for told in self._told)

    def note(self, span: Span, where: str, message: str, hint: str, code: str) -> None:
        """Note a problem at a stretch of the text."""
        line = self.lines[span.line] if span.line < len(self.lines) else ""
        told = Problem(self.file, span.line + 1, span.column + 1, max(1, span.length), where, message, hint, code, line)
        if told not in self.problems:
            self.problems.append(told)

    def span(self, trail: Trail, at: str = "value") -> Span:
        """The stretch of that key or value, else of the nearest thing around it."""
        while trail and trail not in self.places:
            trail, at = trail[:-1], "key"
        place = self.places.get(trail) or Place(Span(0, 0, 1))
        return place.key if at == "key" and place.key else place.value

    def get(self, trail: Trail) -> Any:
        """The value there; None where there is none."""
        value = self.value
        for part in trail:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def breadcrumb(self, trail: Trail) -> str:
        """`steps[3] (if) > then[0] (email) > subject`."""
        crumbs: list[str] = []
        for depth, part in enumerate(trail, 1):
            if isinstance(part, str):
                crumbs.append(part)
                continue
            item_value = self.get(trail[:depth])
            kinds = [key for key in item_value if key in self.labels] if isinstance(item_value, dict) else []
            item = f"[{part}] ({kinds[0]})" if kinds else f"[{part}]"
            crumbs[-1:] = [crumbs[-1] + item] if crumbs else [item]
        return " > ".join(crumbs)


def read_file(path: Path, root: Path, labels: Collection[str] = ()) -> Source:
    """The file's values and places; what cannot be read at all is a problem in it, never an exception."""
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return _unusable(name, "the file is not UTF-8 text", "Save it as UTF-8.")
    except OSError as error:
        return _unusable(name, f"the file cannot be read: {error.strerror}", "")
    return read_text(text, name, labels)


def read_optional(root: Path, name: str) -> Source:
    """The file of that name under `root`, or an empty one where the shop has none."""
    path = root / name
    return read_file(path, root) if path.exists() else Source(name, [])


class Watched(Generic[T]):
    """What `read` makes of a file as it stands now: read anew when it has changed; `without` where there is none. Safe
    to use from several threads."""

    def __init__(self, root: Path, name: str, read: Callable[[Source], T], without: T) -> None:
        self._root, self._path, self._read, self._without = root, root / name, read, without
        self._seen: tuple[tuple[int, int], T] | None = None

    def __call__(self) -> T:
        try:
            found = self._path.stat()
        except OSError:
            return self._without
        stamp, seen = (found.st_mtime_ns, found.st_size), self._seen
        if seen is None or seen[0] != stamp:
            self._seen = seen = stamp, self._read(read_file(self._path, self._root))
        return seen[1]


def _unusable(name: str, message: str, hint: str) -> Source:
    problem = Problem(name, 0, 0, 0, "", message, hint, "file")
    return Source(name, [], problems=[problem], usable=False)


def read_text(text: str, file: str, labels: Collection[str] = ()) -> Source:
    """The same for text at hand."""
    source = Source(file, text.split("\n"), labels=labels)
    try:
        node = YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as error:
        source.usable = False
        wrong = syntax_mistake(error, source.lines)
        source.note(Span(wrong.line, wrong.column, 1), "", wrong.message, wrong.hint, "syntax")
    except (YAMLError, RecursionError, ValueError) as error:
        source.usable = False
        source.problems.append(
            Problem(file, 0, 0, 0, "", f"not valid YAML: {str(error).splitlines()[0]}", "", "syntax")
        )
    else:
        if node is not None:
            reader = _Reader(source)
            source.value = reader.read(node, ())
            reader.tell()
    return source


class _Reader:
    """Walks the parsed nodes once, gives plain values and notes every place."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.refused: list[tuple[Span, Trail, str, str]] = []
        self.anchors: set[str] = set()

    def tell(self) -> None:
        """The refusals as problems, once the values stand that breadcrumbs are made of."""
        for span, trail, message, hint in self.refused:
            self.source._told.add(trail)
            if message:
                self.source.note(span, self.source.breadcrumb(trail), message, hint, "yaml")

    def read(self, node: Node, trail: Trail, key: Span | None = None) -> Any:
        span = self._span(node, key)
        self.source.places[trail] = Place(span, key)
        start = Span(node.start_mark.line, node.start_mark.column, 1)
        if node.anchor is not None:
            again = node.anchor in self.anchors
            self.anchors.add(node.anchor)
            message = "" if again else "anchors (&) and aliases (*) have no place here"
            return self._refuse(start, trail, message, "Write it out.")
        if len(trail) > DEEPEST:
            return self._refuse(start, trail, "this is nested too deep", "Put a part into a journey of its own.")
        if node.ctag is not None and str(node.ctag) and not str(node.ctag).startswith(_OWN_TAGS):
            return self._refuse(start, trail, "tags (!) have no place here", "Put the value in quotes.")
        match node:
            case MappingNode():
                return self._mapping(node, trail)
            case SequenceNode():
                return [self.read(item, (*trail, index)) for index, item in enumerate(node.value)]
        return node.value if getattr(node, "style", None) else scalar(node.value)

    def _refuse(self, span: Span, trail: Trail, message: str, hint: str) -> None:
        self.refused.append((span, trail, message, hint))

    def _mapping(self, node: MappingNode, trail: Trail) -> dict[str, Any]:
        values: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            span = self._span(key, None)
            if not isinstance(key, ScalarNode):
                self._refuse(span, trail, "this is no key", _BRACES if _is_braces(node) else "Write a word.")
                continue
            name = str(key.value)
            if name in values:
                told = f'"{name}" stands twice, first on line {lines[name]}'
                self._refuse(span, (*trail, name), told, "Keep one of them.")
                continue
            lines[name] = span.line + 1
            values[name] = self.read(value, (*trail, name), span)
        return values

    def _span(self, node: Node, key: Span | None) -> Span:
        """A scalar's own stretch; of anything longer, its key, else its first key, else its first sign."""
        start, end = node.start_mark, node.end_mark
        if isinstance(node, ScalarNode):
            if start.line == end.line and end.column > start.column:
                return Span(start.line, start.column, end.column - start.column)
            if start.line == end.line and key is not None:
                return key
            rest = len(self.source.lines[start.line].rstrip()) - start.column if node.style else 1
            return Span(start.line, start.column, max(1, rest))
        if key is not None:
            return key
        if isinstance(node, MappingNode) and node.value:
            return self._span(node.value[0][0], None)
        return Span(start.line, start.column, 1)


def scalar(text: str) -> Any:
    """What an unquoted word means: a whole number, a decimal, true, false, nothing, else the text itself."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    return text


_BRACES = 'Put the whole value in quotes: "… {{ customer.first_name }} …".'


def _is_braces(node: MappingNode) -> bool:
    return any(isinstance(key, MappingNode) for key, _ in node.value)
