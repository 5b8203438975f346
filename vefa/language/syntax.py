"""What is wrong with a file that is no YAML, in a marketer's words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ruamel.yaml.error import MarkedYAMLError


@dataclass(frozen=True)
class SyntaxMistake:
    """The place, counted from 0, what is wrong there, and what to write."""

    line: int
    column: int
    message: str
    hint: str = ""


def _tab(line: str, _: str) -> bool:
    return line.lstrip(" ").startswith("\t")


#: What the YAML reader stumbled over: (does it fit the line and the reader's own words, what to say, what to write).
_SYNTAX: tuple[tuple[Callable[[str, str], bool], str, str], ...] = (
    (_tab, "a tab cannot indent YAML", "Use spaces."),
    (
        lambda _, said: "chomping or indentation" in said,
        "a value that begins with > or | must be in quotes",
        'Write it so: ">= 5".',
    ),
    (
        lambda _, said: "cannot start any token" in said,
        "a value cannot begin with this sign",
        "Put the whole value in quotes.",
    ),
    (
        lambda _, said: "mapping values are not allowed" in said,
        "this line has a colon too many, or is indented wrongly",
        'Put a text that holds ": " in quotes; begin keys of one group in the same column.',
    ),
    (
        lambda _, said: "undefined alias" in said or "alphabetic or numeric" in said,
        "a value cannot begin with * or &",
        "Put the whole value in quotes.",
    ),
    (
        lambda _, said: "end of stream" in said and "quoted" in said,
        "a quotation mark is opened here and never closed",
        "Close it.",
    ),
    (
        lambda _, said: "flow sequence" in said,
        "a [ is not closed, or a comma is missing",
        "Close it with ].",
    ),
    (
        lambda _, said: "flow mapping" in said,
        "a { is not closed, or a comma is missing",
        "Close it with }.",
    ),
    (
        lambda _, said: "flow node" in said,
        "a value is missing here, or a bracket before it is not closed",
        "Close it with ] or }.",
    ),
    (
        lambda _, said: "but found another document" in said,
        "a file holds one journey only",
        "Take out the line with ---.",
    ),
    (
        lambda _, said: "block collection" in said or "block mapping" in said,
        "this line does not fit the ones above it",
        "Begin keys of one group in the same column, and every step with a dash.",
    ),
    (
        lambda _, said: "could not find expected ':'" in said,
        "a key without its colon",
        'Write "key: value".',
    ),
)

#: For these the mark that opened the trouble is the culprit, not the place where the reader gave up.
_AT_START = ("quoted", "flow sequence", "flow mapping", "block scalar")


def syntax_mistake(error: MarkedYAMLError, lines: list[str]) -> SyntaxMistake:
    """One mistake: nothing else can be known of a file that is no YAML."""
    said = f"{error.context or ''} {error.problem or ''}"
    mark = error.problem_mark or error.context_mark
    if error.context_mark and any(word in said for word in _AT_START):
        mark = error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    text = lines[line] if line < len(lines) else ""
    if _tab(text, said):
        column = len(text) - len(text.lstrip(" "))
    for fits, message, hint in _SYNTAX:
        if fits(text, said):
            return SyntaxMistake(line, column, message, hint)
    return SyntaxMistake(line, column, f"not valid YAML: {error.problem or error.context}")
