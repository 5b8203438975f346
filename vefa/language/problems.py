"""What is wrong in a file, where exactly, and what to write instead; never one problem alone, always all."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import combining, east_asian_width

from vefa.errors import UserError

WIDTH = 110


class Mistake(ValueError):
    """A value cannot be read. It does not know yet where it stands; the loader adds that."""

    def __init__(self, message: str, hint: str = "", code: str = "value", inside: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code
        self.inside = inside


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in one file. Lines and columns count from 1; line 0 means the file as a whole."""

    file: str
    line: int
    column: int
    length: int
    where: str
    message: str
    hint: str = ""
    code: str = "value"
    source: str = ""

    def __str__(self) -> str:
        """On one line, for logs."""
        return f"{self.place}: {self.says}"

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    @property
    def says(self) -> str:
        if not self.hint:
            return self.message
        joint = " " if self.message[-1:] in ".?!" else ". "
        return f"{self.message}{joint}{self.hint}"

    def render(self) -> str:
        """The place, the line itself, a caret under the culprit, and what to write."""
        head = f"{self.place}  {self.where}".rstrip()
        if not self.line:
            return f"{head}\n  {self.says}"
        gutter = len(str(self.line))
        margin = f"  {'':{gutter}} | "
        text = self.source.replace("\t", " ").rstrip()
        before = " " * _cells(text[: self.column - 1])
        carets = "^" * max(1, _cells(text[self.column - 1 : self.column - 1 + self.length]))
        lines = [head, f"  {self.line:>{gutter}} | {text}".rstrip()]
        told = f"{margin}{before}{carets} {self.says}"
        if self.hint and len(told) > WIDTH:
            return "\n".join([*lines, f"{margin}{before}{carets} {self.message}", f"{margin}{before}{self.hint}"])
        return "\n".join([*lines, told])


class ProblemsError(UserError):
    """Files hold mistakes: all of them at once, sorted by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__(render(self.problems))


def render(problems: Iterable[Problem]) -> str:
    """All problems, one after the other in the order of their places."""
    return "\n\n".join(problem.render() for problem in sorted(set(problems)))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like the one written, or None where nothing is near."""
    by_fold = {name.lower().replace("-", "_"): name for name in known}
    found = difflib.get_close_matches(word.lower().replace("-", "_"), list(by_fold), n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """`Did you mean "subject"?`, else the other advice."""
    near = nearest(word, known)
    return f'Did you mean "{near}"?' if near else otherwise


def _cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)
