"""Rows of an import that are about somebody who was erased: left out, and rejected without a word of whom.

They are looked for when rows are chosen, and again in the transaction that writes them where somebody was erased
meanwhile. What the rows say happened decides: what lies before the erasure is left out, and so is what has no day of
its own, unless the customer has come back. An order placed later brings them back, as a new customer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.forgotten import contact_key, erased, latest_erasure, order_key, person_key
from vefa.crm.importers.columns import named_address
from vefa.crm.importers.rejecting import Reject
from vefa.crm.importers.stages import Stage
from vefa.crm.importers.writing import Family
from vefa.crm.tables import contacts, customers
from vefa.database import among, to_micros
from vefa.settings import Settings

REASON = "forgotten"
#: When what a row tells of happened; targets without one have no day.
_DAYS = {
    "customers": "created_at",
    "consents": "occurred_at",
    "orders": "placed_at",
    "returns": "requested_at",
    "tickets": "opened_at",
    "ticket_messages": "said_at",
    "reviews": "posted_at",
    "survey_answers": "answered_at",
    "redemptions": "redeemed_at",
    "events": "occurred_at",
}
_TOKEN = re.compile(r"[^\s,;|\"'<>()]+")


@dataclass
class Erasures:
    """Who was erased, as far as one import names them."""

    settings: Settings
    stages: Mapping[str, Stage]
    source: str
    _seen: tuple[int, datetime | None] = field(default=(0, None))
    _begun: bool = False

    def mark(self, connection: Connection, stage: Stage) -> None:
        """Give the chosen rows that must be left out their problem."""
        if not self._begun:
            self._seen, self._begun = latest_erasure(connection), True
        numbers = self._left_out(connection, stage, sa.true()) if self._seen[0] else set()
        if numbers:
            mine = sa.update(stage.chosen).where(among(stage.chosen.c.n, numbers))
            connection.execute(mine.values(problem=REASON, detail=None))

    def drop(self, connection: Connection, family: Family, batch: int) -> dict[str, list[Reject]]:
        """Take out of a batch, in the transaction that writes it, who was erased since its rows were chosen."""
        if latest_erasure(connection) == self._seen:
            return {}
        return {
            stage.target.name: found for stage in family.stages if (found := self._dropped(connection, stage, batch))
        }

    def _dropped(self, connection: Connection, stage: Stage, batch: int) -> list[Reject]:
        c = stage.chosen.c
        self._look_anew(connection, stage, batch)
        numbers = self._left_out(connection, stage, c.batch == batch)
        if "customer_id" in c and stage.target.owner is None:
            lost = sa.and_(c.batch == batch, c.customer.is_not(None), c.customer_id.is_(None))
            numbers |= set(connection.scalars(sa.select(c.n).where(lost)))
        if not numbers:
            return []
        rows = connection.execute(sa.select(c.place, c.at_line).where(among(c.n, numbers)).order_by(c.n)).all()
        connection.execute(sa.delete(stage.chosen).where(among(c.n, numbers)))
        return [Reject(place, line, REASON, "") for place, line in rows]

    def _look_anew(self, connection: Connection, stage: Stage, batch: int) -> None:
        """A row that was found when its rows were chosen may be nobody's now, or somebody's who has come back."""
        c, k = stage.chosen.c, customers.c
        if "customer_id" not in c:
            return
        gone = sa.select(k.id).where(k.forgotten_at.is_not(None))
        now = sa.select(k.id).where(k.outside_id == c.customer).scalar_subquery()
        mine = sa.update(stage.chosen).where(c.batch == batch, c.customer_id.in_(gone))
        connection.execute(mine.values(customer_id=now))

    def _left_out(self, connection: Connection, stage: Stage, which: sa.ColumnElement[bool]) -> set[int]:
        return self._of_people(connection, stage, which) | self._of_orders(connection, stage, which)

    def _of_people(self, connection: Connection, stage: Stage, which: sa.ColumnElement[bool]) -> set[int]:
        name = _customer(stage)
        if name is None:
            return set()
        mail = self._mails(connection, stage)
        named = set(connection.scalars(sa.select(stage.chosen.c[name]).where(which).distinct())) - {None}
        keys = {text: [person_key(text), *_named_by_mail(text), *mail.get(text, ())] for text in named}
        at = erased(connection, self.settings, {key for each in keys.values() for key in each})
        if not at:
            return set()
        there = _there(connection, {text for text, each in keys.items() if any(key in at for key in each)})
        when = {text: _when(each, at, text in there) for text, each in keys.items()}
        since = {text: to_micros(moment) for text, moment in when.items() if moment is not None}
        return set(self._before(connection, stage, which, name, since, there)) if since else set()

    def _before(
        self,
        connection: Connection,
        stage: Stage,
        which: sa.ColumnElement[bool],
        name: str,
        since: Mapping[str, int],
        there: Collection[str],
    ) -> Iterator[int]:
        """Rows of these people that tell of what was before, or of nothing with a day while they are not there."""
        c, day = stage.chosen.c, _DAYS.get(stage.target.name)
        dated = c[day] if day is not None and day in c else sa.null()
        back = {*there, *self._ordered_since(connection, since)}
        for names in _parts(sorted(since)):
            rows = sa.select(c.n, c[name], dated, c.problem).where(which, c[name].in_(names))
            for number, text, moment, problem in connection.execute(rows).all():
                if stage.target.name == "customers" and text in back:
                    if moment is not None and moment <= since[text]:
                        _undate(connection, stage, number)
                elif (
                    problem is not None
                    or (moment is None and text not in back)
                    or (moment is not None and moment <= since[text])
                ):
                    yield number

    def _ordered_since(self, connection: Connection, since: Mapping[str, int]) -> set[str]:
        """Who has ordered since, by what the same import says."""
        stage = self.stages.get("orders")
        if stage is None or "placed_at" not in stage.filled or "customer" not in stage.filled:
            return set()
        c, found = stage.staged.c, set[str]()
        for names in _parts(sorted(since)):
            last = sa.select(c.customer, sa.func.max(c.placed_at)).where(c.customer.in_(names)).group_by(c.customer)
            found |= {text for text, at in connection.execute(last) if at is not None and at > since[text]}
        return found

    def _mails(self, connection: Connection, stage: Stage) -> dict[str, list[str]]:
        """The keys of the e-mail addresses that the import gives to its customers."""
        contacts = self.stages.get("contacts")
        if contacts is None or "customer" not in contacts.staged.c:
            return {}
        c = contacts.staged.c
        mails = sa.select(c.address_key).where(c.channel == "email").distinct()
        known = sorted(erased(connection, self.settings, connection.scalars(mails)))
        found: dict[str, list[str]] = {}
        for part in _parts(known):
            query = sa.select(c.customer, c.address_key).where(c.channel == "email", c.address_key.in_(part))
            for text, key in connection.execute(query):
                found.setdefault(text, []).append(key)
        return found

    def _of_orders(self, connection: Connection, stage: Stage, which: sa.ColumnElement[bool]) -> set[int]:
        """Rows of orders that were erased, whatever they tell of them."""
        name = "outside_id" if stage.target.name == "orders" else "order"
        if name not in stage.chosen.c:
            return set()
        column = stage.chosen.c[name]
        named = set(connection.scalars(sa.select(column).where(which).distinct())) - {None}
        keys = {order_key(self.source, text): text for text in named}
        gone = sorted(keys[key] for key in erased(connection, self.settings, keys))
        found: set[int] = set()
        for names in _parts(gone):
            found |= set(connection.scalars(sa.select(stage.chosen.c.n).where(which, column.in_(names))))
        return found


def discreet(connection: Connection, settings: Settings, found: Sequence[Reject]) -> list[Reject]:
    """The rejects, without their details where these name somebody who was erased."""
    words = {each: _TOKEN.findall(each.detail) for each in found if each.detail}
    keys = {key for said in words.values() for word in said for key in _keys(word)}
    at = erased(connection, settings, keys)
    if not at:
        return list(found)
    return [
        replace(each, detail="") if any(key in at for word in words.get(each, ()) for key in _keys(word)) else each
        for each in found
    ]


def _keys(word: str) -> tuple[str, str]:
    return person_key(word), contact_key(word)


def _customer(stage: Stage) -> str | None:
    """The column that names a customer."""
    if stage.target.name == "customers":
        return "outside_id"
    return "customer" if "customer" in stage.chosen.c else None


def _there(connection: Connection, names: Collection[str]) -> set[str]:
    """Which of these names a customer now: by the number, or by an address that somebody has."""
    found: set[str] = set()
    mails = {key: text for text in names for key in _named_by_mail(text)}
    for part in _parts(sorted(names)):
        found |= set(connection.scalars(sa.select(customers.c.outside_id).where(customers.c.outside_id.in_(part))))
    k = contacts.c
    for part in _parts(sorted(mails)):
        held = sa.select(k.address_key).where(k.channel == "email", k.address_key.in_(part))
        found |= {mails[key] for key in connection.scalars(held)}
    return found


def _named_by_mail(text: str) -> list[str]:
    """The key of the address where a customer is named by one."""
    key = named_address(text)
    return [key] if key is not None else []


def _when(keys: Sequence[str], at: Mapping[str, datetime], is_there: bool) -> datetime | None:
    """When the customer was erased: by the number; by an address only while nobody has the number."""
    own, *mails = keys
    moments = [at[key] for key in (own, *(() if is_there and own not in at else mails)) if key in at]
    return max(moments, default=None)


def _undate(connection: Connection, stage: Stage, number: int) -> None:
    """They sign up anew with what came later; the day of before is not theirs any more."""
    if "created_at" in stage.chosen.c:
        connection.execute(sa.update(stage.chosen).where(stage.chosen.c.n == number).values(created_at=None))


def _parts(names: Sequence[str], size: int = 500) -> Iterator[Sequence[Any]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]
