"""Requests to SendGrid: which recipients share one, and what it says. Pure: the same messages, the same bytes.

A request's bodies belong to all its recipients, so e-mails can share one in two ways. Those that say the same to all
are *shared*. Those that differ are *substituted*: the request's bodies are nothing but a tag, and each recipient brings
what stands there, while that stays within the bytes that the provider allows. Anything larger goes *alone*.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import orjson

from vefa.channels.base import BulkEmail, Email

MOST_PEOPLE = 1000
MOST_SUBSTITUTED = 10_000  # bytes of tags and values for one recipient
MOST_BYTES = 20 * 1024 * 1024  # the provider takes 30 MB; JSON escapes may add to ours
_TAGS = ("-vefa.text-", "-vefa.html-")

Shape = Literal["shared", "substituted", "alone"]


@dataclass(frozen=True)
class Request(ABC):
    """Some recipients of a call, by their positions in it, that go to the provider together."""

    positions: Sequence[int]

    def __len__(self) -> int:
        return len(self.positions)

    @abstractmethod
    def body(self) -> bytes:
        """The JSON that goes over the wire. TypeError where a text cannot be written as UTF-8."""

    @abstractmethod
    def only(self, indices: Sequence[int]) -> Self:
        """The same request for these of its recipients."""

    def without(self, indices: Collection[int]) -> Self:
        """The same request, less the recipients at these indices."""
        return self.only([index for index in range(len(self)) if index not in indices])

    def halves(self) -> tuple[Self, Self]:
        """The same recipients in two requests."""
        middle = len(self) // 2
        return self.only(range(middle)), self.only(range(middle, len(self)))


@dataclass(frozen=True)
class EmailRequest(Request):
    """Whole e-mails that go together, in a shape that lets them."""

    shape: Shape
    messages: Sequence[Email]

    def body(self) -> bytes:
        first = self.messages[0]
        substituted = self.shape == "substituted"
        text, html = _TAGS if substituted else (first.text, first.html)
        people = [_personalization(message, substituted) for message in self.messages]
        text, html = text if first.text else "", html if first.html else ""
        return orjson.dumps({"personalizations": people, **common_part(first, first.subject, text, html)})

    def only(self, indices: Sequence[int]) -> EmailRequest:
        positions = [self.positions[index] for index in indices]
        return EmailRequest(positions, self.shape, [self.messages[index] for index in indices])


def common_part(message: Email | BulkEmail, subject: str | None, text: str, html: str) -> dict[str, Any]:
    """What a request says once for all its recipients; with no `subject`, each brings their own."""
    contents = (("text/plain", text), ("text/html", html))  # text must come first
    mail: dict[str, Any] = {
        "from": _named(message.sender.address, message.sender.name),
        "subject": subject,
        "content": [{"type": kind, "value": value} for kind, value in contents if value],
        "reply_to": message.reply_to and {"email": message.reply_to},
        "categories": list(dict.fromkeys(name[:255] for name in (message.journey, message.step) if name)),
    }
    return {name: value for name, value in mail.items() if value}


def ids_in_common(message: Email | BulkEmail) -> dict[str, str]:
    """The custom arguments beside `send_id`. Ids only: the provider keeps them for long, and not as personal data."""
    given = {"journey": message.journey, "step": message.step}
    return {name: value for name, value in given.items() if value}


def build_requests(messages: Sequence[Email]) -> list[EmailRequest]:
    """All messages in as few requests as the provider's rules let them be.

    In one request no address comes twice (whatever its case), there are at most a thousand recipients, and sender,
    reply-to, journey and step are the same for all.
    """
    requests: list[EmailRequest] = []
    small: dict[Hashable, list[int]] = defaultdict(list)
    for positions in _alike(messages):
        first = messages[positions[0]]
        if len(positions) == 1 and _fits_substitutions(first):
            small[(*_envelope(first), bool(first.html), bool(first.text))].append(positions[0])
        elif len(positions) == 1:
            requests.append(EmailRequest(positions, "alone", (first,)))
        else:
            requests += _requests("shared", positions, messages)
    for positions in small.values():
        requests += _requests("substituted", positions, messages)
    return sorted(requests, key=lambda request: request.positions[0])


def layers(addresses: Sequence[str]) -> list[list[int]]:
    """The indices in layers with each address once: its first in the first layer, its second in the second."""
    lowered = [address.lower() for address in addresses]
    if len(set(lowered)) == len(lowered):
        return [list(range(len(lowered)))]
    found: list[list[int]] = []
    seen: dict[str, int] = defaultdict(int)
    for index, address in enumerate(lowered):
        if seen[address] == len(found):
            found.append([])
        found[seen[address]].append(index)
        seen[address] += 1
    return found


def _alike(messages: Sequence[Email]) -> Iterator[list[int]]:
    """The positions of those that say the same, by what is short first: long bodies are read last."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for position, message in enumerate(messages):
        groups[(*_envelope(message), message.subject, message.text, len(message.html))].append(position)
    for group in groups.values():
        if len(group) == 1:
            yield group
        else:
            bodies: dict[str, list[int]] = defaultdict(list)
            for position in group:
                bodies[messages[position].html].append(position)
            yield from bodies.values()


def _envelope(message: Email) -> tuple[Hashable, ...]:
    return message.sender.address, message.sender.name, message.reply_to, message.journey, message.step


def _fits_substitutions(message: Email) -> bool:
    """Small enough, and without a tag in it that would itself be replaced."""
    bodies = (message.subject, message.text, message.html)
    if sum(map(len, bodies)) > MOST_SUBSTITUTED:
        return False
    size = sum(len(body.encode("utf-8", "replace")) for body in (*bodies, *_TAGS))
    return size <= MOST_SUBSTITUTED and not any(tag in body for tag in _TAGS for body in bodies)


def _requests(shape: Shape, positions: Sequence[int], messages: Sequence[Email]) -> Iterator[EmailRequest]:
    for layer in layers([messages[position].to for position in positions]):
        for part in _parts(shape, [positions[index] for index in layer], messages):
            chosen = [messages[position] for position in part]
            yield EmailRequest(part, "alone" if len(part) == 1 else shape, chosen)


def _parts(shape: Shape, layer: Iterable[int], messages: Sequence[Email]) -> Iterator[list[int]]:
    part: list[int] = []
    size = 0
    for position in layer:
        weight = _weight(messages[position], whole=shape == "substituted")
        if part and (len(part) == MOST_PEOPLE or size + weight > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(position)
        size += weight
    yield part


def _weight(message: Email, *, whole: bool) -> int:
    headers = sum(len(name) + len(value) for name, value in message.headers.items())
    bodies = 2 * (len(message.html) + len(message.text)) if whole else 0
    return 600 + headers + len(message.subject) + bodies


def _personalization(message: Email, substituted: bool) -> dict[str, Any]:
    person: dict[str, Any] = {
        "to": [_named(message.to, message.to_name)],
        "custom_args": {"send_id": message.ref, **ids_in_common(message)},
    }
    if message.headers:
        person["headers"] = dict(message.headers)
    if substituted:
        pairs = zip(_TAGS, (message.text, message.html), strict=True)
        person["subject"] = message.subject
        person["substitutions"] = {tag: body for tag, body in pairs if body}
    return person


def _named(address: str, name: str) -> Mapping[str, str]:
    name = " ".join(name.replace(";", " ").replace(",", " ").split())  # the provider refuses both marks
    return {"email": address, "name": name} if name else {"email": address}
