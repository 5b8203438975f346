"""What can be wrong with words: found at the check (a problem), or with one message (an error)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vefa.errors import UserError, VefaError
from vefa.language.problems import Problem, render

Severity = Literal["error", "warning"]


class RenderError(VefaError):
    """This one message could not be written; the sentence says why. Others are not touched."""


class TemplateMissing(UserError):  # named by what is the case, as other rooms know it
    """No template of this name and medium stands in journeys/templates."""


class TemplateBroken(UserError):  # named by what is the case, as other rooms know it
    """A template cannot be compiled; the sentence names its first problem with file and line."""


class BrandError(UserError):
    """config/brand.yaml cannot be used: all its mistakes, each with its place."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(render(self.problems))


@dataclass(frozen=True)
class TemplateProblem:
    """One mistake in a template file. `line` is 0 where the whole file is meant."""

    file: Path
    line: int
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{place}: {self.message}"
