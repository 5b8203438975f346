"""Journeys by every channel, in good and in bad days: whatever is logged holds no address, name, text or key."""

from __future__ import annotations

import io
import logging
import re
import socket
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from tests.acceptance.conftest import provider
from tests.acceptance.small_shop import HOUR, KEY, NOON
from tests.acceptance.troubled_shop import HASTY, texts, troubled
from vefa.channels.fakes.behaviours import Answer, Behaviour, Drop, Hang, busy
from vefa.cli.walking import Hand, Span, walk
from vefa.logs import DayFiles, logging_to
from vefa.settings import Channels, Smtp

__all__ = ["provider", "texts", "troubled"]

#: Customers' names, addresses and numbers, the words they get, our keys.
PRIVATE = re.compile(rf"Name\d|ornek\.example|90532\d|Hello|Something that|We have your|{re.escape(KEY)}|of tests only")
BEHAVIOURS: list[Behaviour | None] = [
    None,
    busy(1),
    Answer(401, b'{"errors":[{"message":"key SG.a-key-of-tests-only of c1@ornek.example"}]}'),
    Answer(400, b'{"errors":[{"message":"c1@ornek.example is no address","field":"personalizations.0.to"}]}'),
    Answer(500, b"c1@ornek.example", keeps=True),
    Answer(200, b"Name1 c1@ornek.example"),
    Drop(keeps=True),
    Hang(HASTY * 2),
]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """Everything that was logged so far: our lines, the day's file, and what other libraries would put on a screen."""
    stream, folder = io.StringIO(), tmp_path / "log"
    monkeypatch.setattr(sys, "stderr", stream)
    caplog.set_level(logging.WARNING)

    def everything() -> str:
        written = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*"))
        others = "".join(record.getMessage() for record in caplog.records)
        return stream.getvalue() + written + others

    with logging_to("json", folder, DayFiles(folder)):
        yield everything


def walked(shop: Any) -> None:
    """Two hours of the journey."""
    hand, span = Hand(NOON), Span(NOON, NOON + 2 * HOUR, timedelta(minutes=30))
    list(walk(shop.shop, hand, span))


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=str)
def test_by_sendgrid(troubled: Any, provider: Any, said: Any, behaviour: Behaviour | None) -> None:
    provider.script.queue(*[behaviour] * 3)

    walked(troubled(provider_timeout_seconds=HASTY))

    assert '"message": "journey walked", "journey": "order-news"' in said()
    assert PRIVATE.findall(said()) == []


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=str)
def test_by_twilio(troubled: Any, texts: Any, said: Any, behaviour: Behaviour | None) -> None:
    texts.script.queue(*[behaviour] * 3)

    walked(troubled("order-texts", provider_timeout_seconds=HASTY))

    assert '"journey": "order-texts"' in said()
    assert PRIVATE.findall(said()) == []


def test_by_the_outbox(troubled: Any, said: Any) -> None:
    walked(troubled(channels=Channels(email="outbox", sms="outbox")))

    assert '"sent": 60' in said()
    assert PRIVATE.findall(said()) == []


class Grumpy:
    """A mail server that quotes whom it refuses."""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        return f"550 there is no {address} here"


def test_by_a_mail_server_that_quotes_addresses(troubled: Any, said: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(Grumpy(), hostname="127.0.0.1", port=port)
    server.start()
    try:
        smtp = Smtp(host="127.0.0.1", port=port, security="none")
        walked(troubled(channels=Channels(email="smtp"), smtp=smtp))
    finally:
        server.stop()

    assert '"failed": 60' in said()
    assert PRIVATE.findall(said()) == []
