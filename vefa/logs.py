"""One line for each thing that happened, for machines (JSON) and for people; never an address, a name, a text or a key.

What may stand in a line is a table: a key that is not in `FIELDS`, or a value that is not of its form, does not come
in. A message is a constant sentence; of its arguments only numbers are written. What other libraries say of an error is
left out, because it may quote what they were given.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Literal, ParamSpec, TypeVar

from vefa.errors import VefaError
from vefa.files import make_private_folder, open_private

Given = ParamSpec("Given")
Result = TypeVar("Result")
Sink = Literal["file", "stderr", "json", "none"]

#: All loggers of ours are below this one: `vefa.delivery`, `vefa.run`, …
ROOT = "vefa"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 _.-]{0,79}")
_OWNER = re.compile(r"[\w.-]{1,64}:\d{1,10}:[0-9a-f]{8}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HASH = re.compile(r"[0-9a-f]{6,64}")
_PLACE = re.compile(r"[\w/.-]{1,120}:\d{1,6}")
_NUMBER = re.compile(r"")

#: What a line may hold, in the order in which it is written, and the form of each value. Numbers are no secret.
FIELDS: Mapping[str, re.Pattern[str]] = {
    **dict.fromkeys(("journey", "step", "table", "medium", "channel", "state", "kind", "error"), _NAME),
    "run": _OWNER,
    "flow_run": _UUID,
    "plan": _HASH,
    "place": _PLACE,
    **dict.fromkeys(
        (
            *("batch", "incident", "entered", "holdout", "handled", "sent", "held", "deferred", "failed", "unknown"),
            *("left", "finished", "waiting", "queued", "returned", "removed", "rows", "bytes", "seconds", "attempt"),
            *("bounced", "complained", "attempts", "limit", "port", "times", "customers", "moves", "tiers"),
        ),
        _NUMBER,
    ),
}

_context: ContextVar[Mapping[str, object]] = ContextVar("vefa_log_context", default=MappingProxyType({}))


@contextmanager
def about(**fields: object) -> Iterator[None]:
    """Inside, every line of this thread and of the tasks it starts bears these fields."""
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)


def carried(work: Callable[Given, Result]) -> Callable[Given, Result]:
    """The same work for another thread, with the fields of this one. A thread of a pool begins without any."""
    context = copy_context()

    def carrying(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        return context.run(work, *args, **kwargs)

    return carrying


class _Context(logging.Filter):
    """Notes the fields in the record where it is made, as another thread may write it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "vefa_fields"):
            record.vefa_fields = fields_of(record)
        return True


def fields_of(record: logging.LogRecord) -> dict[str, str | int | float]:
    """What of the record and its surroundings may be written."""
    given = {**_context.get(), **{key: value for key, value in vars(record).items() if key in FIELDS}}
    told = {key: _allowed(key, given[key]) for key in FIELDS if given.get(key) is not None}
    return {**told, **_fault(record)}


def _allowed(key: str, value: object) -> str | int | float:
    if isinstance(value, bool | int | float):
        return round(value, 3) if isinstance(value, float) else value
    return value if isinstance(value, str) and FIELDS[key].fullmatch(value) and value else "?"


def _fault(record: logging.LogRecord) -> dict[str, str]:
    """An error's kind and the place in our code where it came up; its own words may quote anything."""
    error = record.exc_info[1] if record.exc_info else None
    return {} if error is None else {"error": type(error).__name__, "place": place_of(error)}


def place_of(error: BaseException) -> str:
    """`vefa/engine/tick.py:120`: the innermost line of ours that the error came through, else of anybody's."""
    frames = [(_short(frame.filename), frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    ours = [each for each in frames if each[0].partition("/")[0] in ("vefa", "flows", "tasks")]
    file, line = (ours or frames or [("unknown", 0)])[-1]
    return f"{file}:{line}"


def _short(filename: str) -> str:
    """The file's path from its package on: where it is installed is nobody's business."""
    parts = Path(filename).parts
    known = [place for place, part in enumerate(parts) if part in ("vefa", "flows", "tasks", "site-packages")]
    rest = parts[known[-1] :] if known else parts[-1:]
    return re.sub(r"[^\w/.-]", "_", "/".join(rest).removeprefix("site-packages/"))


def message_of(record: logging.LogRecord) -> str:
    """The sentence, with numbers put in and anything else left out."""
    sentence = str(record.msg)
    if record.args:
        given = record.args if isinstance(record.args, tuple) else ()
        safe = tuple(each if isinstance(each, int | float) else "…" for each in given)
        try:
            sentence %= safe
        except (TypeError, ValueError):
            sentence = "…"
    return masked(" ".join(sentence.split()))


#: Addresses, numbers and passwords of URLs that somebody may have put into words.
_PRIVATE = (
    (re.compile(r"[^\s'\"<>(),;]+@[^\s'\"<>(),;]+\.\w+"), "<e-mail>"),
    (re.compile(r"\+\d{8,15}\b"), "<number>"),
    (re.compile(r"(://[^:/\s]+:)[^@/\s]+@"), r"\1<password>@"),
    (re.compile(r"\b(SG\.[\w.-]{10,}|AC[0-9a-f]{32})\b"), "<key>"),
)


def masked(text: str) -> str:
    """The text without what looks like an address, a number, a password or a key."""
    for pattern, instead in reversed(_PRIVATE):
        text = pattern.sub(instead, text)
    return text


def words_of(error: BaseException) -> str:
    """An error in words that may be shown: our own sentences as they are, of the database its first line, of others
    their kind and the place."""
    if isinstance(error, VefaError):
        return masked(str(error))
    said = getattr(error, "orig", None)
    more = f": {masked(str(said).splitlines()[0])}" if said and str(said) else ""
    return f"{type(error).__name__} at {place_of(error)}{more}"


def traced(error: BaseException) -> str:
    """The whole way of an error, and of those behind it, each in its words as above."""
    chain: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in chain:
        chain.append(each)
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    ways = ["".join(traceback.format_tb(each.__traceback__)) + words_of(each) for each in reversed(chain)]
    return "Traceback\n" + "\n\nThen:\n\n".join(ways)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        head = {"time": moment, "level": record.levelname.lower(), "logger": record.name, "message": message_of(record)}
        return json.dumps({**head, **_fields(record)}, ensure_ascii=False)


class HumanLines(logging.Formatter):
    """The same for people: `10:00:03 batch settled  journey=win-back sent=100`."""

    def __init__(self, *, clock: bool = True) -> None:
        super().__init__()
        self._clock = clock

    def format(self, record: logging.LogRecord) -> str:
        fields = "  ".join(f"{key}={value}" for key, value in _fields(record).items() if key not in ("run", "flow_run"))
        moment = f"{datetime.fromtimestamp(record.created, UTC):%H:%M:%S} " if self._clock else ""
        warn = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        return f"{moment}{warn}{message_of(record)}{'  ' if fields else ''}{fields}"


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    noted = getattr(record, "vefa_fields", None)
    return noted if isinstance(noted, dict) else fields_of(record)


class DayFiles(logging.Handler):
    """Lines into one file a day, which several processes write at once; a file is made with its first line."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            day = datetime.fromtimestamp(record.created, UTC)
            path = make_private_folder(self._folder) / f"vefa-{day:%Y-%m-%d}.log"
            with open_private(path, "a", encoding="utf-8") as file:
                file.write(self.format(record) + "\n")
        except OSError:
            self.handleError(record)


def _handler(sink: Sink, folder: Path, stream: IO[str]) -> logging.Handler | None:
    if sink == "none":
        return None
    if sink == "file":
        return DayFiles(folder)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(HumanLines() if sink == "stderr" and stream.isatty() else JsonLines())
    return handler


@contextmanager
def logging_to(sink: Sink, folder: Path, *more: logging.Handler) -> Iterator[None]:
    """Inside, what vefa says goes there and to the handlers given, and to nobody else: other libraries' handlers know
    nothing of our table. Inside another such block its sink stays the one."""
    ours = logging.getLogger(ROOT)
    inside_another = any(_CONTEXT in each.filters for each in ours.handlers)
    own = None if inside_another else _handler(sink, folder, sys.stderr)
    handlers = [each for each in (own, *more) if each is not None]
    before = ours.level, ours.propagate
    ours.setLevel(logging.INFO)
    ours.propagate = False
    for handler in handlers:
        handler.addFilter(_CONTEXT)
        ours.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            ours.removeHandler(handler)
            handler.close()
        ours.setLevel(before[0])
        ours.propagate = before[1]


_CONTEXT = _Context()
