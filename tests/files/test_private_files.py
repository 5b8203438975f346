"""Files with personal data or keys: for their owner only, and whole whatever happens to the disk."""

from __future__ import annotations

import logging
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from vefa.channels.base import Sms
from vefa.channels.outbox import Outbox
from vefa.errands.outbox import keep_event
from vefa.errors import ChannelError, SettingsError
from vefa.files import create_private, write_private
from vefa.foresight.preview.sheet import Sheet
from vefa.logs import DayFiles
from vefa.secret_key import secret_of
from vefa.settings import Settings
from vefa.store import open_store

NOON = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


def sms(number: int, text: str = "Merhaba") -> Sms:
    return Sms(
        ref=f"{number}.1",
        journey="thanks",
        step="sms",
        sender="ORNEK",
        to=f"+9053211100{number % 100:02d}",
        text=text,
    )


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The system refuses to let any file grow beyond `size` bytes, as a disk does that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def umask_of_nothing() -> Iterator[None]:
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


def rows_on_the_page(outbox: Path) -> list[int]:
    """The numbers of the messages that the page's scripts list; every line must be whole."""
    found = []
    for script in sorted((outbox / "data").glob("list-*.js")):
        for line in script.read_bytes().splitlines():
            assert line.startswith(b"vefa.row(") and line.endswith(b");"), line[:80]
            found.append(orjson.loads(line[9:-2])[0])
    return found


def test_whatever_holds_customers_is_for_its_owner_only(settings: Settings) -> None:
    var = settings.root / "var"

    with umask_of_nothing():
        open_store(settings).dispose()
        Outbox(var / "outbox", "sms").deliver([sms(1)])
        keep_event(var / "outbox", 7, "{}")
        secret_of(settings.model_copy(update={"secret_key": type(settings.secret_key)("")}))
        Sheet.fresh(var / "preview", {}).write("Messages", "a shop")
        DayFiles(var / "log").emit(logging.makeLogRecord({"msg": "x", "name": "vefa"}))

    modes = {path.relative_to(var).as_posix(): path.stat().st_mode & 0o777 for path in var.rglob("*")}
    assert {name for name, mode in modes.items() if mode & 0o077} == set()
    assert {"vefa.db", "secret.key", "outbox/index.html", "preview/index.html"} <= set(modes)
    assert var.stat().st_mode & 0o777 == 0o700


def test_a_file_that_cannot_be_written_whole_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_private(path, b"whole")

    with files_of_at_most(10), pytest.raises(OSError, match="too large"):
        write_private(path, b"x" * 100)

    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_file_is_there_whole_or_not_at_all(settings: Settings) -> None:
    without = settings.model_copy(update={"secret_key": type(settings.secret_key)("")})

    with files_of_at_most(10), pytest.raises(SettingsError, match=r"secret\.key: the key .* cannot be kept"):
        secret_of(without)
    assert list(settings.var.iterdir()) == []

    (settings.var / "secret.key").touch()  # what an older version may have left on a full disk
    key = secret_of(without)
    assert len(key) > 40
    assert secret_of(without) == key
    assert not create_private(settings.var / "secret.key", b"another")


def test_a_full_disk_leaves_the_outbox_whole_and_every_message_comes_once_it_has_room(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox", "sms")
    outbox.deliver([sms(number) for number in range(20)])
    full = (tmp_path / "outbox" / "data" / "list-0.js").stat().st_size + 100
    more = [sms(number) for number in range(20, 40)]

    with files_of_at_most(full), pytest.raises(ChannelError, match="cannot be written"):
        outbox.deliver(more)
    assert rows_on_the_page(tmp_path / "outbox") == list(range(20))
    assert len(list((tmp_path / "outbox" / "sms").rglob("*.txt"))) == 20

    outbox.deliver(more)
    assert rows_on_the_page(tmp_path / "outbox") == list(range(40))


def test_a_line_that_a_killed_process_left_unfinished_does_not_stop_the_page(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox", "sms")
    outbox.deliver([sms(1)])
    with (tmp_path / "outbox" / "data" / "list-0.js").open("ab") as script:
        script.write(b'vefa.row([1,"","sms"')

    outbox.deliver([sms(2)])

    assert rows_on_the_page(tmp_path / "outbox") == [0, 1]
