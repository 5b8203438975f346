"""Files that hold personal data or keys: their owner alone reads them, and none is ever half written.

What this module makes gets the modes 0600 (files) and 0700 (folders), whatever the process's umask says. What is there
already keeps its mode, so that an operator may let a group read it on purpose.
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import get_ident
from typing import IO, Any

FILE_MODE, FOLDER_MODE = 0o600, 0o700


def make_private_folder(path: Path) -> Path:
    """Make the folder and those above it that are missing, for their owner only. Returns the folder."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(FOLDER_MODE, exist_ok=True)
    return path


def open_private(path: Path, mode: str, **options: Any) -> IO[Any]:
    """Open a file as `Path.open` does; one that is new is made for its owner only."""
    return open(path, mode, opener=_private, **options)


def make_private_file(path: Path) -> None:
    """Make an empty file for its owner only, where there is none."""
    if not path.exists():
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, FILE_MODE))


def write_private(path: Path, content: bytes) -> None:
    """Write a whole file into its place, for its owner only.

    A reader finds the file as it was before or as it is afterwards. On an OSError, such as a full disk, it stays as it
    was, and nothing is left beside it.
    """
    half = _beside(path)
    try:
        with open_private(half, "wb") as file:
            file.write(content)
        half.replace(path)
    except OSError:
        half.unlink(missing_ok=True)
        raise


def create_private(path: Path, content: bytes) -> bool:
    """The same for a file that must not be there yet. False where it is: somebody else has made it, whole.

    The content is on the disk before the file has its name, so that no crash and no full disk leaves an empty one.
    """
    half = _beside(path)
    try:
        with open_private(half, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(half, path)
    except FileExistsError:
        return False
    finally:
        half.unlink(missing_ok=True)
    return True


def _beside(path: Path) -> Path:
    """A hidden name in the same folder that no other thread or process writes to."""
    return path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, FILE_MODE)
