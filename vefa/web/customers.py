"""What pages and clicks of customers have in common: their link is their only key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import sqlalchemy as sa
from fastapi import Request
from sqlalchemy.engine import Connection

from vefa.content.links import LinkKind, TokenRefused, UnsubscribeClaim
from vefa.crm.tables import customers
from vefa.database import reading
from vefa.web.service import Service

T = TypeVar("T")

#: Of a form no more is read than this.
FORM_BYTES = 16_384


@dataclass(frozen=True)
class Visitor:
    """A customer as their link names them."""

    id: int
    purpose: str
    language: str | None


def proved(service: Service, token: str, kind: LinkKind) -> UnsubscribeClaim | None:
    """What the token claims; None where it is not ours, was made for something else, or is too old."""
    try:
        return service.links.verify(token, kind, service.clock())
    except TokenRefused:
        return None


def visitor(connection: Connection, claim: UnsubscribeClaim) -> Visitor | None:
    """The customer of the claim; None where nobody has that number, or they were forgotten."""
    c = customers.c
    known = sa.and_(c.id == claim.customer_id, c.forgotten_at.is_(None))
    row = connection.execute(sa.select(c.language).where(known)).one_or_none()
    return None if row is None else Visitor(claim.customer_id, claim.purpose, row.language)


def path_to(service: Service, kind: LinkKind, customer_id: int, purpose: str) -> str:
    """The path of a link, also where the service lives below a folder of the shop's site."""
    return urlsplit(service.links.url(kind, customer_id, purpose)).path


def look(service: Service, ask: Callable[[Connection], T]) -> T:
    """Read something; the caller runs in a thread."""
    with reading(service.database) as connection:
        return ask(connection)


async def form_of(request: Request) -> dict[str, list[str]]:
    """The fields of a form. What is no form, or too long for one, has none."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES:
            return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return {}
    try:
        return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=200)
    except ValueError:
        return {}
