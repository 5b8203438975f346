"""What no provider would take, found before anything goes over a wire: the message's own fault, surely not sent."""

from __future__ import annotations

import re
from collections.abc import Mapping

from vefa.channels.base import Denied, Email, Refused, Sms

#: written by us or by the provider; a message may not bring its own
RESERVED_HEADERS = frozenset(
    [
        *("from", "to", "cc", "bcc", "subject", "date", "sender", "reply-to", "message-id", "mime-version"),
        *("received", "return-path", "dkim-signature", "content-type", "content-transfer-encoding"),
        *("x-sg-id", "x-sg-eid"),
    ]
)
SMS_LONGEST = 1600

_ADDRESS = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_UNQUOTED = re.compile(r'[(),:;<>\[\]\\"]')
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")


def is_address(address: str) -> bool:
    """An address that goes over the wire as it is: ASCII, one @, nothing that would need quoting."""
    return bool(_ADDRESS.fullmatch(address)) and not _UNQUOTED.search(address)


def email_fault(message: Email) -> Refused | Denied | None:
    """Why this e-mail can go by no channel, or None."""
    if not is_address(message.sender.address) or not (message.reply_to is None or is_address(message.reply_to)):
        return Denied("bad sender", "sender_email and reply_to in the settings must be plain ASCII addresses")
    if not is_address(message.to):
        return Refused("bad address", "an e-mail address must be plain ASCII with one @", suppress=True)
    if not message.subject.strip():
        return Refused("no subject")
    if not (message.html or message.text):
        return Refused("no content")
    return _header_fault(message.headers)


def sms_fault(message: Sms) -> Refused | None:
    """Why this SMS can go by no channel, or None."""
    if not _PHONE.fullmatch(message.to):
        return Refused("bad number", "a phone number must be written as +905321234567", suppress=True)
    if not message.text.strip():
        return Refused("no content")
    if len(message.text) > SMS_LONGEST:
        return Refused("too long", f"{len(message.text)} characters; at most {SMS_LONGEST} go")
    return None


def _header_fault(headers: Mapping[str, str]) -> Refused | None:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in RESERVED_HEADERS:
            return Refused("bad header", f'a message may not set the header "{name[:76]}"')
        if not value.isascii() or not value.isprintable():
            return Refused("bad header", f'the header "{name}" must be one line of plain ASCII')
    return None
