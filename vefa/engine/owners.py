"""Letters to a journey's owner about what a person must see to.

What they are about is a row of ours that says whether its owner knows (`told_at`). That is noted before the request: an
owner is told twice by nobody, and again only where surely nothing went out.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.channels.base import Busy, Denied, Outcome, Sender
from vefa.database import reading, writing
from vefa.engine.plans import journey_row, pinned
from vefa.engine.shop import Shop
from vefa.errands.letters import About, mail
from vefa.errors import ChannelError, SettingsError

logger = logging.getLogger("vefa.owners")
_ADDRESS = re.compile(r"[^\s<>@,;]+@[^\s<>@,;]+\.\w+")


@dataclass(frozen=True)
class Word:
    """One letter. `table` has the row that it is about, which `row` chooses; `told` is what the log says of it."""

    about: About
    ref: str
    subject: str
    paragraphs: Sequence[str]
    table: sa.Table
    row: sa.ColumnElement[bool]
    told: Mapping[str, Any]


def tell(shop: Shop, words: Iterable[Word], now: datetime) -> int:
    """Write to the owners who can be written to. Never raises for a channel; how many letters went."""
    with reading(shop.database) as connection:
        found = [(word, owner_of(connection, word.about.journey)) for word in words]
    return sum(_tell(shop, word, owner, now) for word, owner in found if owner)


def owner_of(connection: Connection, journey: str) -> str | None:
    """The owner's address, where the journey's file names one."""
    row = journey_row(connection, journey)
    owner = pinned(connection, row.plan_id).plan.owner if row.plan_id is not None else None
    found = _ADDRESS.search(owner or "")
    return found[0] if found else None


def _tell(shop: Shop, word: Word, owner: str, now: datetime) -> bool:
    note = sa.update(word.table).where(word.row)
    with writing(shop.database) as connection:
        if not connection.execute(note.where(word.table.c.told_at.is_(None)).values(told_at=now)).rowcount:
            return False
    if isinstance(_sent(shop, word, owner), Busy | Denied):
        with writing(shop.database) as connection:
            connection.execute(note.values(told_at=None))
        logger.warning("owner could not be told yet", extra=dict(word.told))
        return False
    logger.info("owner told", extra=dict(word.told))
    return True


def _sent(shop: Shop, word: Word, owner: str) -> Outcome:
    sender = Sender(shop.settings.sender_email, shop.settings.sender_name)
    letter = mail(word.subject, "\n\n".join(word.paragraphs) + "\n", word.ref, owner, sender, word.about)
    try:
        (outcome,) = shop.channels["email"].deliver([letter])
    except (ChannelError, SettingsError) as error:
        return Busy(type(error).__name__)
    return outcome
