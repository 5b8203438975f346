"""The channel against a real SMTP server on loopback."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from vefa.channels.base import Accepted, Busy, Denied, Doubtful, Refused
from vefa.channels.smtp import SmtpChannel
from vefa.settings import Smtp

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


#: the server warns that it takes passwords without TLS: on loopback it may
without_tls = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


class Mailbox:
    """Keeps letters; says what it is told to say to a recipient, a sender or a body."""

    def __init__(self):
        self.letters = []
        self.recipients = {}
        self.sender = None
        self.body = []

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.sender:
            return self.sender
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.recipients:
            return self.recipients[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        answer = self.body.pop(0) if self.body else None
        if answer == "drop":
            server.transport.abort()
            return "250 OK"
        if answer:
            return answer
        self.letters.append((envelope.rcpt_tos[0], envelope.content))
        return "250 OK"


class _Controller(Controller):
    def _knows(self, server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == self.handler.login, handled=False)

    def factory(self):
        return SMTP(
            self.handler,
            hostname="localhost",
            auth_required=self.handler.login is not None,
            auth_require_tls=False,
            authenticator=self._knows,
        )


async def _sessions_end():
    """The library leaves open what is open when it stops."""
    sessions = asyncio.all_tasks() - {asyncio.current_task()}
    if sessions:
        await asyncio.wait(sessions, timeout=2)


@pytest.fixture
def mailbox():
    handler = Mailbox()
    handler.login = None
    with socket.socket() as free:  # the controller cannot find out a port of its own
        free.bind(("127.0.0.1", 0))
        handler.port = free.getsockname()[1]
    controller = _Controller(handler, hostname="127.0.0.1", port=handler.port)
    controller.start()
    yield handler
    asyncio.run_coroutine_threadsafe(_sessions_end(), controller.loop).result()
    controller.stop()


def channel(port, password="", timeout=1.0, **given):
    server = Smtp(host="127.0.0.1", port=port, **{"security": "none", **given})
    return SmtpChannel(server, password, clock=lambda: NOW, timeout=timeout)


def kinds(outcomes):
    return [type(outcome) for outcome in outcomes]


def test_letters_arrive_word_for_word(mailbox, email):
    text = "Merhaba,\n.nokta ile başlayan satır\n..iki nokta\nson"

    outcomes = channel(mailbox.port).deliver([email(1, text=text), email(2)])

    (to, raw), (second, _) = mailbox.letters
    letter = message_from_bytes(raw, policy=policy.default)
    assert outcomes[0] == Accepted("<vefa.1.1@ornek.example>")
    assert (to, second) == ("musteri1@ornek.example", "musteri2@ornek.example")
    assert letter["Date"].datetime == NOW
    assert letter.get_body(("plain",)).get_content().strip().splitlines() == text.splitlines()


@pytest.mark.parametrize(
    ("answer", "kind", "suppress"),
    [
        ("550 5.1.1 no such mailbox", Refused, True),
        ("550 5.7.1 not here", Refused, False),
        ("452 4.2.2 mailbox full", Busy, None),
    ],
)
def test_a_refused_recipient_does_not_stop_the_others(mailbox, email, answer, kind, suppress):
    mailbox.recipients["musteri2@ornek.example"] = answer

    outcomes = channel(mailbox.port).deliver([email(1), email(2), email(3)])

    assert kinds(outcomes) == [Accepted, kind, Accepted]
    assert getattr(outcomes[1], "suppress", None) is suppress
    assert len(mailbox.letters) == 2


@pytest.mark.parametrize(("answer", "kind"), [("554 no", Refused), ("451 later", Busy)])
def test_a_body_may_be_refused_after_it_was_read(mailbox, email, answer, kind):
    mailbox.body = [answer]

    assert kinds(channel(mailbox.port).deliver([email(1), email(2)])) == [kind, Accepted]


def test_a_connection_lost_after_the_body_is_doubtful_and_the_rest_waits(mailbox, email):
    mailbox.body = [None, "drop"]

    outcomes = channel(mailbox.port).deliver([email(1), email(2), email(3)])

    assert kinds(outcomes) == [Accepted, Doubtful, Busy]


@pytest.mark.parametrize(("answer", "kind"), [("550 not you", Denied), ("451 later", Busy)])
def test_a_refused_sender_is_nobodys_fault(mailbox, email, answer, kind):
    mailbox.sender = answer

    assert kinds(channel(mailbox.port).deliver([email(1), email(2)])) == [kind, kind]


@without_tls
def test_a_log_in_goes_through(mailbox, email):
    mailbox.login = (b"vefa", b"made-up")

    assert kinds(channel(mailbox.port, "made-up", user="vefa").deliver([email(1)])) == [Accepted]


@without_tls
def test_a_wrong_password_is_denied(mailbox, email):
    mailbox.login = (b"vefa", b"made-up")
    wrong = channel(mailbox.port, "other-word", user="vefa")

    outcomes = wrong.deliver([email(1), email(2, to="şükrü@ornek.example")])

    assert kinds(outcomes) == [Denied, Refused]
    assert "other-word" not in repr(outcomes) + repr(wrong)


def test_a_server_without_starttls_gets_nothing(mailbox, email):
    assert kinds(channel(mailbox.port, security="starttls").deliver([email(1)])) == [Denied]
    assert mailbox.letters == []


def test_nobody_listening_is_busy(email):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert kinds(channel(closed.getsockname()[1]).deliver([email(1)])) == [Busy]


def test_a_server_that_says_nothing_is_busy(email):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert kinds(channel(silent.getsockname()[1], timeout=0.2).deliver([email(1)])) == [Busy]
