"""Where events for tools go that are not to leave this machine: into files, one for each."""

from __future__ import annotations

from pathlib import Path

from vefa.files import make_private_folder, write_private


def keep_event(folder: Path, number: int, body: str) -> None:
    """Write it into the outbox. OSError where that cannot be done."""
    path = folder / "tools" / f"{ref(number)}.json"
    make_private_folder(path.parent)
    write_private(path, (body + "\n").encode())


def ref(number: int) -> str:
    """What files and e-mails of an errand are called."""
    return f"errand-{number}"
