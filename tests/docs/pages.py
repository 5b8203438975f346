"""The project's files and pages, as a reader of the repository finds them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
#: What a run leaves behind; everything else is the project.
LEFT_BEHIND = {"var", "build", "dist", "__pycache__"}

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`\n]+)`")


def files() -> Iterator[Path]:
    """Every file of the project: no environment, no caches, nothing that a run has left."""
    for folder, rooms, names in os.walk(REPOSITORY):
        rooms[:] = [room for room in rooms if _is_ours(room)]
        yield from (Path(folder) / name for name in names)


def _is_ours(room: str) -> bool:
    return room == ".ci" or not (room.startswith(".") or room in LEFT_BEHIND or room.endswith(".egg-info"))


@dataclass(frozen=True)
class Page:
    """One page of Markdown."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(REPOSITORY).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """Without its blocks of code."""
        return _FENCE.sub("", self.text)

    def blocks(self, *languages: str) -> list[str]:
        """Its blocks of code in these languages; all without any."""
        return [body for language, body in _FENCE.findall(self.text) if not languages or language in languages]

    @property
    def spans(self) -> list[str]:
        """What stands between backticks in a sentence or a table."""
        return _SPAN.findall(self.prose)


PAGES = sorted((Page(path) for path in files() if path.suffix == ".md"), key=lambda page: page.name)
README, CONTRIBUTING = Page(REPOSITORY / "README.md"), Page(REPOSITORY / "CONTRIBUTING.md")
