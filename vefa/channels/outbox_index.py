"""What the outbox's page reads: lists and bodies in small scripts that are appended to, never written anew.

`data/total.js` says how many messages there are. `data/list-N.js` holds a line for each of a thousand messages,
`data/body-N.js` the words of a hundred, compressed; the page loads lists as it opens and bodies as they are looked at.
Scripts, because a page opened from a file may load nothing else.
"""

from __future__ import annotations

import os
import re
import zlib
from base64 import b64encode
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from threading import Lock

import orjson

from vefa.channels.base import Email, Outgoing
from vefa.channels.mime import message_id
from vefa.files import make_private_folder, open_private, write_private

LIST_LENGTH = 1000
BODY_LENGTH = 100

_LINE = re.compile(rb"vefa\.row\((.*)\);\s*$")
_BODY = re.compile(rb"vefa\.body\((\d+),")
_TOTAL = re.compile(rb"vefa\.total\((\d+)\)")
_locks: dict[Path, Lock] = {}
_locks_lock = Lock()


@dataclass(frozen=True)
class Entry:
    """One message on the page, and its file's place beside the page."""

    message: Outgoing
    place: str
    moment: datetime | None


class OutboxIndex:
    """Appends to the page's data; safe with other threads and processes that do the same."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data = path / "data"

    def append(self, entries: Sequence[Entry]) -> None:
        """Put these behind all that are there."""
        if not entries:
            return
        make_private_folder(self._data)
        with _alone(self._path):
            total = self._total()
            scripts = _scripts(entries, total)
            with _whole_lines([self._data / name for name in scripts]):
                for name, lines in scripts.items():
                    with open_private(self._data / name, "ab") as script:
                        script.write(b"".join(lines))
                write_private(self._data / "total.js", b"vefa.total(%d);\n" % (total + len(entries)))
            if not (self._path / "index.html").exists():
                page = files("vefa.channels").joinpath("outbox.html").read_bytes()
                write_private(self._path / "index.html", page)

    def remove(self, addresses: Collection[str], refs: Collection[str] = ()) -> list[str]:
        """Take what went to these addresses, or bears these refs, off the page. Returns the places of its files."""
        if not self._data.is_dir() or not (addresses or refs):
            return []
        gone: dict[int, str] = {}
        theirs_to = {address.lower() for address in addresses}
        with _alone(self._path):
            for path in sorted(self._data.glob("list-*.js")):
                rows = [(line, _LINE.match(line)) for line in path.read_bytes().splitlines(keepends=True)]
                theirs = [orjson.loads(found[1]) for _, found in rows if found]
                gone |= {row[0]: row[7] for row in theirs if row[5].lower() in theirs_to or _ref(row[7]) in refs}
                self._keep(path, [line for line, found in rows if not (found and orjson.loads(found[1])[0] in gone)])
            for path in {self._data / f"body-{number // BODY_LENGTH}.js" for number in gone}:
                lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
                self._keep(path, [line for line in lines if not _of_body(line, gone)])
        return list(gone.values())

    def _keep(self, path: Path, lines: Sequence[bytes]) -> None:
        content = b"".join(lines)
        if path.exists() and path.stat().st_size != len(content):
            write_private(path, content)

    def _total(self) -> int:
        try:
            found = _TOTAL.search((self._data / "total.js").read_bytes())
        except FileNotFoundError:
            return 0
        return int(found[1]) if found else 0


def _ref(place: str) -> str:
    """The ref in a file's name, without its attempt."""
    return place.rpartition("/")[2].partition(".")[0]


def _of_body(line: bytes, numbers: Collection[int]) -> bool:
    found = _BODY.match(line)
    return found is not None and int(found[1]) in numbers


def _scripts(entries: Sequence[Entry], total: int) -> dict[str, list[bytes]]:
    """The lines to add, by the script that they belong to."""
    scripts: dict[str, list[bytes]] = {}
    for number, entry in enumerate(entries, start=total):
        row = orjson.dumps(_row(number, entry)).decode()
        scripts.setdefault(f"list-{number // LIST_LENGTH}.js", []).append(f"vefa.row({row});\n".encode())
        packed = b64encode(zlib.compress(orjson.dumps(_words(entry)), level=1)).decode()
        scripts.setdefault(f"body-{number // BODY_LENGTH}.js", []).append(f'vefa.body({number},"{packed}");\n'.encode())
    return scripts


def _row(number: int, entry: Entry) -> list[object]:
    message = entry.message
    moment = "" if entry.moment is None else entry.moment.isoformat(timespec="seconds")
    subject = message.subject if isinstance(message, Email) else message.text[:160]
    return [number, moment, message.medium, message.journey, message.step, message.to, subject, entry.place]


def _words(entry: Entry) -> dict[str, object]:
    message = entry.message
    if not isinstance(message, Email):
        return {"text": message.text, "headers": [["From", message.sender], ["To", message.to], ["Ref", message.ref]]}
    headers = [
        ["From", f"{message.sender.name} <{message.sender.address}>".strip()],
        ["To", f"{message.to_name} <{message.to}>".strip()],
        *([["Reply-To", message.reply_to]] if message.reply_to else []),
        ["Subject", message.subject],
        ["Message-ID", message_id(message)],
        *([name, value] for name, value in message.headers.items()),
        ["Ref", message.ref],
    ]
    return {"html": message.html, "text": message.text, "headers": headers}


@contextmanager
def _whole_lines(scripts: Sequence[Path]) -> Iterator[None]:
    """Cut what the block appends to these scripts off again where it fails, as a full disk makes it.

    A line that a killed process left unfinished goes first: half a line would stop the whole script.
    """
    lengths = {script: _length_of_lines(script) for script in scripts}
    for script, length in lengths.items():
        if script.exists() and script.stat().st_size > length:
            os.truncate(script, length)
    try:
        yield
    except OSError:
        for script, length in lengths.items():
            if script.exists():
                os.truncate(script, length)
        raise


def _length_of_lines(script: Path) -> int:
    """How many bytes the script has up to the end of its last whole line."""
    if not script.exists():
        return 0
    with script.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) == b"\n":
                return size
    return script.read_bytes().rfind(b"\n") + 1


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else appends meanwhile: no thread of ours, and where the system can lock files, no other process."""
    with _locks_lock:
        lock = _locks.setdefault(path.resolve(), Lock())
    with lock, open_private(path / ".lock", "ab") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)  # given back when the file closes
        except ImportError:
            pass
        yield
