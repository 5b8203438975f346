"""What no provider would take, found before anything goes over a wire: the message's own fault, surely not sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from vefa.channels.base import BulkEmail, Denied, Email, Refused, Sms
from vefa.skeletons import Parts, fill

#: written by us or by the provider; a message may not bring its own
RESERVED_HEADERS = frozenset(
    [
        *("from", "to", "cc", "bcc", "subject", "date", "sender", "reply-to", "message-id", "mime-version"),
        *("received", "return-path", "dkim-signature", "content-type", "content-transfer-encoding"),
        *("x-sg-id", "x-sg-eid"),
    ]
)
SMS_LONGEST = 1600

#: ASCII, one @, nothing that would need quoting
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+\-./=?^_`{|}~]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")


def is_address(address: str) -> bool:
    """An address that goes over the wire as it is: ASCII, one @, nothing that would need quoting."""
    return _ADDRESS.fullmatch(address) is not None


def email_fault(message: Email) -> Refused | Denied | None:
    """Why this e-mail can go by no channel, or None."""
    if not _is_sender(message.sender.address, message.reply_to):
        return Denied("bad sender", "sender_email and reply_to in the settings must be plain ASCII addresses")
    if not is_address(message.to):
        return Refused("bad address", "an e-mail address must be plain ASCII with one @", suppress=True)
    if not message.subject.strip():
        return Refused("no subject")
    if not (message.html or message.text):
        return Refused("no content")
    return _header_fault(message.headers)


def bulk_faults(bulk: BulkEmail) -> Mapping[int, Refused | Denied]:
    """What `email_fault` says of each recipient's e-mail, where it says something.

    Looks along columns, and writes out the e-mails of those only in whose row something looks amiss.
    """
    suspects = set(range(len(bulk))) if not _is_sender(bulk.sender.address, bulk.reply_to) else _suspects(bulk)
    faults = {row: email_fault(bulk.email(row)) for row in sorted(suspects)}
    return {row: fault for row, fault in faults.items() if fault}


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
        if not _is_free(name):
            return Refused("bad header", f'a message may not set the header "{name[:76]}"')
        if not _is_plain(value):
            return Refused("bad header", f'the header "{name}" must be one line of plain ASCII')
    return None


def _suspects(bulk: BulkEmail) -> set[int]:
    suspects = {row for row, found in enumerate(map(_ADDRESS.fullmatch, bulk.to)) if found is None}
    for name, column in bulk.headers.items():
        if not _is_free(name):
            return set(range(len(bulk)))
        if not _is_plain("".join(column)):
            suspects.update(row for row, value in enumerate(column) if not _is_plain(value))
    skeleton = bulk.skeleton
    suspects.update(_blank(bulk, [skeleton.subject]))
    suspects.update(_blank(bulk, [skeleton.html, skeleton.text]))
    return suspects


def _blank(bulk: BulkEmail, texts: Sequence[Parts]) -> Iterator[int]:
    """Who would find nothing in any of these texts; nobody, where the skeleton itself has words in one."""
    parts = [part for text in texts for part in text]
    if not any(isinstance(part, str) and part.strip() for part in parts):
        for row in range(len(bulk)):
            if not fill(tuple(parts), [column[row] for column in bulk.pieces]).strip():
                yield row


def _is_sender(address: str, reply_to: str | None) -> bool:
    return is_address(address) and (reply_to is None or is_address(reply_to))


@lru_cache(64)
def _is_free(name: str) -> bool:
    """Whether a message may set this header."""
    return bool(_HEADER_NAME.fullmatch(name)) and name.lower() not in RESERVED_HEADERS


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isprintable()
