"""What a check finds, whatever file it is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing to mend. `shown` is the place with the culprit marked, where the file's reader knows it."""

    severity: Severity
    place: str
    says: str
    shown: str = ""

    def render(self) -> str:
        """The place and what is wrong there."""
        return self.shown or f"{self.place}\n  {self.says}"
