"""The links of products, read for a batch and kept for the next one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from threading import Lock
from typing import Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.recommendations.making import newest
from vefa.crm.recommendations.tables import product_links
from vefa.database import among

Kind = Literal["together", "next"]


class Link(NamedTuple):
    """What goes with a product, how surely, and how many orders say so."""

    other: int
    kind: Kind
    weight: int
    times: int


class Linked:
    """What goes with each product, as the newest making says. Safe to use from several threads.

    The same few products stand in most orders, so their links are read once; it holds those of so many products.
    """

    MOST = 4_096

    def __init__(self) -> None:
        self._lock = Lock()
        self._making: int | None = None
        self._held: dict[int, tuple[Link, ...]] = {}

    def read(self, connection: Connection, product_ids: Iterable[int], now: datetime) -> Mapping[int, tuple[Link, ...]]:
        """The links of these products, for a message of `now`; none where none were made by then."""
        making = connection.scalar(newest(now))
        with self._lock:
            if making != self._making or len(self._held) > self.MOST:
                self._making, self._held = making, {}
            held = {product: self._held[product] for product in product_ids if product in self._held}
        missing = set(product_ids) - set(held)
        if making is None or not missing:
            return held
        found = _links(connection, making, missing)
        with self._lock:
            if making == self._making:
                self._held.update(found)
        return {**held, **found}


def _links(connection: Connection, making: int, product_ids: set[int]) -> dict[int, tuple[Link, ...]]:
    p = product_links.c
    query = (
        sa.select(p.product_id, p.other_id, p.kind, p.weight, p.times)
        .where(among(p.product_id, product_ids), p.making_id == making)
        .order_by(p.product_id, p.kind, p.place)
    )
    found: dict[int, list[Link]] = {product: [] for product in product_ids}
    for product, *link in connection.execute(query):
        found[product].append(Link(*link))
    return {product: tuple(links) for product, links in found.items()}
