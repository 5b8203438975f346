"""Bulk e-mails to SendGrid: the skeleton once a request, with tags for its slots, and each recipient's pieces apart.

Substitution replaces text wherever it stands, in an order that nobody promises. So every tag begins with a mark that
no literal and no piece of the request holds, and no tag begins another: what the provider assembles is then, to the
letter, what `BulkEmail.email` says. Whose pieces hold the mark, or weigh too much, goes alone and whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from vefa.channels.base import BulkEmail
from vefa.channels.sendgrid_requests import (
    MOST_BYTES,
    MOST_PEOPLE,
    MOST_SUBSTITUTED,
    EmailRequest,
    Request,
    common_part,
    ids_in_common,
    layers,
)
from vefa.skeletons import Parts, fill

#: one of these begins every tag of a request: the first that nothing in it holds
MARKS = "~^|`¦¤"
MOST_TAGS = 100  # substitutions of one recipient


@dataclass(frozen=True)
class _Form:
    """What all recipients share: the bodies with tags in place of slots, and which pieces each of them brings."""

    common: Mapping[str, Any]
    tags: Mapping[int, str]
    own_subject: bool


@dataclass(frozen=True)
class BulkRequest(Request):
    """Recipients of one skeleton. `bulk` holds them and nobody else."""

    bulk: BulkEmail
    form: _Form

    def body(self) -> bytes:
        return orjson.dumps({"personalizations": _people(self.bulk, self.form), **self.form.common})

    def only(self, indices: Sequence[int]) -> BulkRequest:
        return BulkRequest([self.positions[index] for index in indices], self.bulk.only(indices), self.form)


@dataclass(frozen=True)
class WholeRequest(Request):
    """One recipient of a bulk e-mail whose pieces cannot be substituted: written out whole, at the last moment."""

    bulk: BulkEmail

    def body(self) -> bytes:
        return EmailRequest(self.positions, "alone", (self.bulk.email(0),)).body()

    def only(self, indices: Sequence[int]) -> WholeRequest:
        return WholeRequest([self.positions[index] for index in indices], self.bulk.only(indices))


def build_bulk_requests(bulk: BulkEmail, rows: Sequence[int]) -> Iterator[Request]:
    """The e-mail to these of its rows, in as few requests as the provider's rules let it be."""
    part = bulk.only(rows)
    mark, form = _form(part)
    alone = _unfit(part, mark, form)
    fit = [index for index in range(len(part)) if index not in alone]
    most = _most_people(part, form)
    for layer in layers([part.to[index] for index in fit]):
        for start in range(0, len(layer), most):
            indices = [fit[index] for index in layer[start : start + most]]
            yield BulkRequest([rows[index] for index in indices], part.only(indices), form)
    for index in sorted(alone):
        yield WholeRequest([rows[index]], part.only([index]))


def _form(bulk: BulkEmail) -> tuple[str, _Form]:
    skeleton = bulk.skeleton
    mark = _mark(bulk)
    in_bodies = _slots(skeleton.html, skeleton.text)
    in_subject = _slots(skeleton.subject)
    own_subject = bool(in_subject) and not in_bodies
    tags = {slot: f"{mark}{slot};" for slot in (in_bodies and sorted({*in_bodies, *in_subject}))}
    subject = None if own_subject else _tagged(skeleton.subject, tags)
    common = common_part(bulk, subject, _tagged(skeleton.text, tags), _tagged(skeleton.html, tags))
    return mark, _Form(common, tags, own_subject)


def _mark(bulk: BulkEmail) -> str:
    """A mark that nothing in the e-mail holds; else one that its literals do not; else none."""
    skeleton = bulk.skeleton
    literals = [part for part in (*skeleton.subject, *skeleton.html, *skeleton.text) if isinstance(part, str)]
    # the provider substitutes in the reply-to as well, and who knows where else
    shared = "".join([*literals, bulk.reply_to or "", bulk.sender.address, bulk.sender.name, bulk.journey, bulk.step])
    free = [mark for mark in MARKS if mark not in shared]
    columns = ["".join(column) for column in _columns(bulk)]
    return next((mark for mark in free if not any(mark in column for column in columns)), "".join(free[:1]))


def _unfit(bulk: BulkEmail, mark: str, form: _Form) -> set[int]:
    """Whose e-mail substitution would spoil, or the provider not take."""
    if not form.tags:
        return set()
    if not mark or len(form.tags) > MOST_TAGS:
        return set(range(len(bulk)))
    return {*_too_heavy(bulk, form.tags), *_marked(bulk, mark), *_hollow(bulk)}


def _too_heavy(bulk: BulkEmail, tags: Mapping[int, str]) -> Iterable[int]:
    columns = [bulk.pieces[slot] for slot in tags]
    own = sum(len(tag.encode()) for tag in tags.values())
    if own + 4 * sum(max(map(len, column), default=0) for column in columns) <= MOST_SUBSTITUTED:
        return ()  # even the longest of each together, in the longest letters that UTF-8 has
    sizes = (sum(len(piece.encode("utf-8", "replace")) for piece in row) for row in zip(*columns, strict=True))
    return (index for index, size in enumerate(sizes) if own + size > MOST_SUBSTITUTED)


def _marked(bulk: BulkEmail, mark: str) -> Iterable[int]:
    for column in _columns(bulk):
        if mark in "".join(column):
            yield from (index for index, words in enumerate(column) if mark in words)


def _hollow(bulk: BulkEmail) -> Iterable[int]:
    """Of whose body nothing is left: a letter with an empty part is not a letter without that part."""
    for parts in (bulk.skeleton.html, bulk.skeleton.text):
        if parts and not any(part for part in parts if isinstance(part, str)):
            filled = zip(*(bulk.pieces[slot] for slot in _slots(parts)), strict=True)
            yield from (index for index, pieces in enumerate(filled) if not any(pieces))


def _most_people(bulk: BulkEmail, form: _Form) -> int:
    """How many recipients a request may have, should each be as heavy as the heaviest could be."""
    headers = sum(len(name) + max(map(len, column), default=0) for name, column in bulk.headers.items())
    pieces = MOST_SUBSTITUTED if form.tags else sum(max(map(len, column), default=0) for column in bulk.pieces)
    return min(MOST_PEOPLE, max(1, MOST_BYTES // (600 + headers + pieces)))


def _people(bulk: BulkEmail, form: _Form) -> list[dict[str, Any]]:
    more = ids_in_common(bulk)
    person: dict[str, Iterable[Any]] = {
        "to": [[{"email": address}] for address in bulk.to],
        "custom_args": [{"send_id": ref, **more} for ref in bulk.refs],
    }
    if bulk.headers:
        person["headers"] = _rows(tuple(bulk.headers), bulk.headers.values())
    if form.tags:
        person["substitutions"] = _rows(tuple(form.tags.values()), [bulk.pieces[slot] for slot in form.tags])
    if form.own_subject:
        pieces = zip(*bulk.pieces, strict=True)
        person["subject"] = [fill(bulk.skeleton.subject, row) for row in pieces]
    return _rows(tuple(person), person.values())


def _rows(names: Sequence[str], columns: Iterable[Iterable[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _columns(bulk: BulkEmail) -> list[Sequence[str]]:
    return [*bulk.pieces, *bulk.headers.values()]


def _slots(*parts: Parts) -> list[int]:
    return sorted({part for each in parts for part in each if isinstance(part, int)})


def _tagged(parts: Parts, tags: Mapping[int, str]) -> str:
    return "".join(part if isinstance(part, str) else tags[part] for part in parts)
