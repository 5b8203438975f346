"""Where events for tools go that are not to leave this machine: into files, one for each."""

from __future__ import annotations

import os
from pathlib import Path
from threading import get_ident


def keep_event(folder: Path, number: int, body: str) -> None:
    """Write it into the outbox. OSError where that cannot be done."""
    path = folder / "tools" / f"{ref(number)}.json"
    half = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    half.write_text(body + "\n", encoding="utf-8")
    half.replace(path)


def ref(number: int) -> str:
    """What files and e-mails of an errand are called."""
    return f"errand-{number}"
