"""The default channel: every message becomes a file that a person can open, and `index.html` shows them all.

A file is written beside its place and renamed into it, so a reader never sees half of one. Nothing is forced to the
disk (no fsync): an outbox is for looking, and a power cut costs at most its last messages, never a customer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from shutil import rmtree
from urllib.parse import quote

from vefa.channels.admission import email_fault, sms_fault
from vefa.channels.base import Accepted, Email, Outcome, Outgoing, Refused, Sms
from vefa.channels.mime import encode_email
from vefa.channels.outbox_index import Entry, OutboxIndex
from vefa.errors import ChannelError
from vefa.files import make_private_folder, write_private
from vefa.plan.steps import Medium

_PARTS = ("email", "sms", "tools", "data", "index.html", ".lock")
_SHELF = 1000  # messages in one folder


class Outbox:
    """Messages of one medium in a folder; e-mail and SMS share the folder and its page.

    The same ref is the same file, so a message that comes again takes its own place.
    """

    name = "outbox"
    batch_size = 1000

    def __init__(self, path: Path, medium: Medium, *, clock: Callable[[], datetime] | None = None) -> None:
        self.medium: Medium = medium
        self.path = path
        self._clock = clock
        self._index = OutboxIndex(path)
        self._shelves: set[Path] = set()

    def __repr__(self) -> str:
        return f"<Outbox {self.path} {self.medium}>"

    def deliver(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]:
        """Write them all, then put the new ones on the page.

        Raises ChannelError where the folder cannot be written, as when the disk is full; then none of the new ones is
        there, and all of them come again.
        """
        moment = self._clock() if self._clock else None
        fresh: list[Entry] = []
        try:
            outcomes = [self._put(message, moment, fresh) for message in messages]
            self._index.append(fresh)
        except OSError as error:
            for entry in fresh:
                (self.path / entry.place).unlink(missing_ok=True)
            raise ChannelError(f"the outbox at {self.path} cannot be written: {error.strerror}") from error
        return outcomes

    def close(self) -> None:
        """Nothing is kept open between calls."""

    def _put(self, message: Outgoing, moment: datetime | None, fresh: list[Entry]) -> Outcome:
        if message.medium != self.medium:
            return Refused("wrong medium", f"this channel carries {self.medium}")
        if (fault := _fault(message)) is not None:
            return fault
        path = self._place(message)
        known = path.exists()
        self._write(path, _content(message, moment))
        if not known:
            fresh.append(Entry(message, path.relative_to(self.path).as_posix(), moment))
        return Accepted(path.name)

    def _place(self, message: Outgoing) -> Path:
        name = quote(message.ref, safe=" +@,=")
        if len(name) > 120:
            name = name[:80] + "-" + blake2b(message.ref.encode(), digest_size=12).hexdigest()
        number = name.partition(".")[0]
        shelf = f"{int(number) // _SHELF:06d}" if number.isdecimal() else "other"
        folder = self.path / self.medium / shelf
        if folder not in self._shelves:
            make_private_folder(folder)
            self._shelves.add(folder)
        return folder / (name + (".eml" if self.medium == "email" else ".txt"))

    def _write(self, path: Path, content: bytes) -> None:
        try:
            write_private(path, content)
        except FileNotFoundError:  # somebody emptied the outbox meanwhile
            make_private_folder(path.parent)
            write_private(path, content)


def reset_outbox(path: Path) -> None:
    """Empty the outbox: take away what an outbox writes, and nothing else that may lie in the folder."""
    for part in _PARTS:
        place = path / part
        if place.is_dir() and not place.is_symlink():
            rmtree(place)
        else:
            place.unlink(missing_ok=True)


def remove_messages(path: Path, addresses: Collection[str], refs: Collection[str] = ()) -> int:
    """Take away what went to these addresses, or bears these refs, from the folder and from its page. Returns how many
    messages."""
    places = OutboxIndex(path).remove(addresses, refs)
    for ref in refs:
        (path / "tools" / f"{ref}.json").unlink(missing_ok=True)
    for place in places:
        (path / place).unlink(missing_ok=True)
    return len(places)


def _fault(message: Outgoing) -> Outcome | None:
    return email_fault(message) if isinstance(message, Email) else sms_fault(message)


def _content(message: Outgoing, moment: datetime | None) -> bytes:
    if isinstance(message, Email):
        return encode_email(message, moment, traced=True)
    return _sms_text(message, moment).encode("utf-8", "replace")


def _sms_text(message: Sms, moment: datetime | None) -> str:
    lines = [f"From: {message.sender}", f"To: {message.to}"]
    if moment is not None:
        lines.append(f"Date: {moment.isoformat(timespec='seconds')}")
    lines += [f"{name}: {value}" for name, value in (("Journey", message.journey), ("Step", message.step)) if value]
    return "\n".join([*lines, f"Ref: {message.ref}", "", message.text, ""])
