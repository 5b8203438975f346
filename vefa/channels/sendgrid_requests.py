"""Which e-mails share one request to SendGrid, and what that request says. Pure: the same messages, the same bytes.

A request's bodies belong to all its recipients, so e-mails can share one in two ways. Those that say the same to all
are *shared*. Those that differ are *substituted*: the request's bodies are nothing but a tag, and each recipient brings
what stands there, while that stays within the bytes that the provider allows. Anything larger goes *alone*.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from vefa.channels.base import Email

MOST_PEOPLE = 1000
MOST_SUBSTITUTED = 10_000  # bytes of tags and values for one recipient
MOST_BYTES = 20 * 1024 * 1024  # the provider takes 30 MB; JSON escapes may add to ours
_TAGS = ("-vefa.text-", "-vefa.html-")

Shape = Literal["shared", "substituted", "alone"]


@dataclass(frozen=True)
class Request:
    """Some messages of a call, by their positions in it, that go to the provider together."""

    shape: Shape
    positions: tuple[int, ...]
    messages: tuple[Email, ...]

    def without(self, indices: Iterable[int]) -> Request:
        """The same request, less the recipients at these indices."""
        gone = set(indices)
        kept = [index for index in range(len(self.messages)) if index not in gone]
        return self._of(kept)

    def halves(self) -> tuple[Request, Request]:
        """The same recipients in two requests."""
        middle = len(self.messages) // 2
        return self._of(range(middle)), self._of(range(middle, len(self.messages)))

    def _of(self, indices: Iterable[int]) -> Request:
        indices = tuple(indices)
        positions = tuple(self.positions[index] for index in indices)
        return Request(self.shape, positions, tuple(self.messages[index] for index in indices))


def build_requests(messages: Sequence[Email]) -> list[Request]:
    """All messages in as few requests as the provider's rules let them be.

    In one request no address comes twice (whatever its case), there are at most a thousand recipients, and sender,
    reply-to, journey and step are the same for all.
    """
    requests: list[Request] = []
    same: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for position, message in enumerate(messages):
        same[(*_envelope(message), message.subject, message.html, message.text)].append(position)
    small: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for positions in same.values():
        first = messages[positions[0]]
        if len(positions) == 1 and _fits_substitutions(first):
            small[(*_envelope(first), bool(first.html), bool(first.text))].append(positions[0])
        elif len(positions) == 1:
            requests.append(Request("alone", (positions[0],), (first,)))
        else:
            requests += _requests("shared", positions, messages)
    for positions in small.values():
        requests += _requests("substituted", positions, messages)
    return sorted(requests, key=lambda request: request.positions[0])


def request_body(request: Request) -> bytes:
    """The JSON that goes over the wire."""
    first = request.messages[0]
    substituted = request.shape == "substituted"
    parts = (("text/plain", first.text, _TAGS[0]), ("text/html", first.html, _TAGS[1]))  # text must come first
    mail: dict[str, Any] = {
        "personalizations": [_personalization(message, substituted) for message in request.messages],
        "from": _named(first.sender.address, first.sender.name),
        "subject": first.subject,
        "content": [{"type": kind, "value": tag if substituted else body} for kind, body, tag in parts if body],
    }
    if first.reply_to:
        mail["reply_to"] = {"email": first.reply_to}
    if categories := list(dict.fromkeys(name[:255] for name in (first.journey, first.step) if name)):
        mail["categories"] = categories
    return orjson.dumps(mail)


def _envelope(message: Email) -> tuple[object, ...]:
    return message.sender, message.reply_to, message.journey, message.step


def _fits_substitutions(message: Email) -> bool:
    """Small enough, and without a tag in it that would itself be replaced."""
    bodies = (message.subject, message.text, message.html)
    if sum(map(len, bodies)) > MOST_SUBSTITUTED:
        return False
    size = sum(len(body.encode("utf-8", "replace")) for body in (*bodies, *_TAGS))
    return size <= MOST_SUBSTITUTED and not any(tag in body for tag in _TAGS for body in bodies)


def _requests(shape: Shape, positions: Sequence[int], messages: Sequence[Email]) -> Iterator[Request]:
    for layer in _layers(positions, messages):
        for part in _parts(shape, layer, messages):
            chosen = tuple(messages[position] for position in part)
            yield Request("alone" if len(part) == 1 else shape, tuple(part), chosen)


def _layers(positions: Sequence[int], messages: Sequence[Email]) -> list[list[int]]:
    """Each address once in a layer: its first message in the first, its second in the second."""
    layers: list[list[int]] = []
    seen: dict[str, int] = defaultdict(int)
    for position in positions:
        address = messages[position].to.lower()
        if seen[address] == len(layers):
            layers.append([])
        layers[seen[address]].append(position)
        seen[address] += 1
    return layers


def _parts(shape: Shape, layer: Sequence[int], messages: Sequence[Email]) -> Iterator[list[int]]:
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
        "custom_args": _custom_args(message),
    }
    if message.headers:
        person["headers"] = dict(message.headers)
    if substituted:
        pairs = zip(_TAGS, (message.text, message.html), strict=True)
        person["subject"] = message.subject
        person["substitutions"] = {tag: body for tag, body in pairs if body}
    return person


def _custom_args(message: Email) -> Mapping[str, str]:
    """Ids only: the provider keeps them for long, and not as personal data."""
    given = {"send_id": message.ref, "journey": message.journey, "step": message.step}
    return {name: value for name, value in given.items() if value}


def _named(address: str, name: str) -> dict[str, str]:
    name = " ".join(name.replace(";", " ").replace(",", " ").split())  # the provider refuses both marks
    return {"email": address, "name": name} if name else {"email": address}
