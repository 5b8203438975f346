"""E-mail through a mail server of the shop's own: one connection a call, the bytes from our own MIME code."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Sequence
from datetime import datetime

from vefa.channels.admission import email_fault
from vefa.channels.base import Accepted, Busy, Denied, Doubtful, Email, Outcome, Outgoing, Refused
from vefa.channels.bounces import is_mailbox_full
from vefa.channels.mime import encode_email, message_id
from vefa.crm.lifting import SOFT_BOUNCE
from vefa.plan.steps import Medium
from vefa.settings import Smtp

RETRY_AFTER = 60.0

#: enhanced status codes of addresses that nobody will ever read: no such mailbox, moved away, takes no mail
_GONE = frozenset({"5.1.1", "5.1.6", "5.1.10", "5.2.1"})


class SmtpChannel:
    """Messages one after another over one connection; `clock` gives each its Date."""

    name = "smtp"
    medium: Medium = "email"
    batch_size = 100

    def __init__(self, server: Smtp, password: str, *, clock: Callable[[], datetime], timeout: float = 15.0) -> None:
        self._server = server
        self._password = password
        self._clock = clock
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"<SmtpChannel {self._server.host}:{self._server.port}>"

    def deliver(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]:
        """One outcome a message, in order. Once the connection is lost the rest is Busy: it was surely not sent."""
        faults = [_fault(message) for message in messages]
        if all(faults):
            return [fault for fault in faults if fault is not None]
        connection = self._connect()
        if not isinstance(connection, smtplib.SMTP):
            return [fault or connection for fault in faults]
        try:
            return self._deliver_over(connection, messages, faults)
        finally:
            _hang_up(connection)

    def close(self) -> None:
        """Nothing is kept between calls."""

    def _deliver_over(
        self, connection: smtplib.SMTP, messages: Sequence[Outgoing], faults: Sequence[Outcome | None]
    ) -> list[Outcome]:
        outcomes: list[Outcome] = []
        over: Outcome | None = None
        for message, fault in zip(messages, faults, strict=True):
            outcome = fault or over or self._send(connection, message)
            if isinstance(outcome, Denied):
                over = outcome
            elif connection.sock is None:
                over = Busy("connection lost", RETRY_AFTER)
            outcomes.append(outcome)
        return outcomes

    def _connect(self) -> smtplib.SMTP | Outcome:
        """A connection that is encrypted and logged in as the settings want, or why there is none."""
        connection: smtplib.SMTP | None = None
        try:
            connection = self._dial()
            self._introduce(connection)
        except ssl.SSLCertVerificationError as error:
            return _given_up(connection, Denied("no trusted connection", error.verify_message))
        except smtplib.SMTPNotSupportedError:
            return _given_up(connection, Denied("no trusted connection", "the mail server knows no STARTTLS or log-in"))
        except (smtplib.SMTPException, OSError) as error:
            if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code // 100 == 5:
                return _given_up(connection, Denied("log-in failed", f"{error.smtp_code}"))
            return _given_up(connection, Busy(f"cannot connect: {type(error).__name__}", RETRY_AFTER))
        return connection

    def _introduce(self, connection: smtplib.SMTP) -> None:
        connection.ehlo()
        if self._server.security == "starttls":
            connection.starttls(context=ssl.create_default_context())
            connection.ehlo()
        if self._server.user:
            connection.login(self._server.user, self._password)

    def _dial(self) -> smtplib.SMTP:
        server = self._server
        if server.security == "tls":
            return smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._timeout, context=ssl.create_default_context()
            )
        return smtplib.SMTP(server.host, server.port, timeout=self._timeout)

    def _send(self, connection: smtplib.SMTP, message: Outgoing) -> Outcome:
        if not isinstance(message, Email):
            return Refused("wrong medium")
        begun = False
        try:
            if (refusal := _envelope(connection, message)) is not None:
                _begin_anew(connection)
                return refusal
            begun = True
            code, reply = connection.data(encode_email(message, self._clock()))
        except smtplib.SMTPDataError as error:  # the server did not want to begin
            return _refusal(error.smtp_code, _text(error.smtp_error))
        except (smtplib.SMTPException, OSError) as error:
            connection.close()
            lost = type(error).__name__
            return Doubtful("connection lost", lost) if begun else Busy(f"connection lost: {lost}", RETRY_AFTER)
        return Accepted(message_id(message)) if code // 100 == 2 else _refusal(code, _text(reply))


def _fault(message: Outgoing) -> Outcome | None:
    if not isinstance(message, Email):
        return Refused("wrong medium", "this channel carries e-mail")
    return email_fault(message)


def _envelope(connection: smtplib.SMTP, message: Email) -> Outcome | None:
    """Name sender and recipient; None when the server takes both."""
    code, reply = connection.mail(message.sender.address)
    if code // 100 != 2:
        text = _text(reply)
        return Denied("the sender is refused", text) if code // 100 == 5 else Busy(text, RETRY_AFTER)
    code, reply = connection.rcpt(message.to)
    return None if code // 100 == 2 else _refusal(code, _text(reply))


def _refusal(code: int, text: str) -> Outcome:
    if code // 100 == 5:
        detail = f"{code} {text}"
        if is_mailbox_full(code, text):
            return Refused("refused by the mail server", detail, suppress=True, stop=SOFT_BOUNCE)
        return Refused("refused by the mail server", detail, suppress=text.partition(" ")[0] in _GONE)
    return Busy(f"{code} {text}", RETRY_AFTER)


def _text(reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return " ".join(text.split())[:300]


def _given_up(connection: smtplib.SMTP | None, outcome: Outcome) -> Outcome:
    if connection is not None:
        connection.close()
    return outcome


def _begin_anew(connection: smtplib.SMTP) -> None:
    """Forget the envelope; where even that fails, the connection is lost and the next message finds it so."""
    try:
        connection.rset()
    except (smtplib.SMTPException, OSError):
        connection.close()


def _hang_up(connection: smtplib.SMTP) -> None:
    try:
        connection.quit()
    except (smtplib.SMTPException, OSError):
        connection.close()
