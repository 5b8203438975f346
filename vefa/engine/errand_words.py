"""What errands say: read for a few enrolments at a time, as of now, when they go for the first time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from minijinja import TemplateError
from sqlalchemy.engine import Connection

from vefa.content.columns import ABSENT, nested
from vefa.content.environments import render_error
from vefa.content.expressions import strict_filters
from vefa.content.problems import RenderError, TemplateBroken
from vefa.crm import facts
from vefa.crm import tables as crm
from vefa.crm.contexts import ORDER_LINES, FieldColumns, read_order_lines
from vefa.crm.scope import World
from vefa.crm.tables import customers
from vefa.database import among
from vefa.engine.consent_relay import KINDS, Change, read_changes
from vefa.engine.gifts import Gifts
from vefa.engine.plans import Pinned, pinned
from vefa.engine.scopes import enrolment_scope, make_world
from vefa.engine.shop import Shop
from vefa.engine.tables import enrolments, journeys
from vefa.engine.transcripts import transcripts
from vefa.errands.book import Errand
from vefa.errands.letters import About
from vefa.plan.steps import Notify

e, c = enrolments.c, customers.c

#: The shop's own number of what a journey is about, by its kind.
KEYS: Mapping[str, sa.Column[Any]] = {
    "order": crm.orders.c.number,
    "delivery": crm.deliveries.c.outside_id,
    "return": crm.returns.c.outside_id,
    "ticket": crm.tickets.c.outside_id,
    "review": crm.reviews.c.outside_id,
}


@dataclass(frozen=True)
class Known:
    """One errand's surroundings. `gone`: nobody is to hear of it any more, and why; `fault`: its words
    cannot be read; `change`: the consent that it passes on."""

    about: About = About()
    values: Mapping[str, Any] = field(default_factory=dict)
    say: str | None = None
    gone: str | None = None
    fault: str | None = None
    change: Change | None = None


#: The fields that an errand needs, beside those which its words name.
Wanted = Callable[[Errand], Sequence[str]]


def read_known(
    connection: Connection, shop: Shop, now: datetime, errands: Sequence[Errand], wanted: Wanted
) -> dict[int, Known]:
    """The surroundings of each errand, by its number; a statement or two for those of one step."""
    passed_on = [each for each in errands if each.kind in KINDS]
    found = {number: _of_change(one) for number, one in read_changes(connection, shop.settings, passed_on).items()}
    for each in errands:
        if each.enrolment_id is None and each.kind not in KINDS:
            found[each.id] = _of_no_journey(connection, each)
    steps: dict[tuple[int, int, str], list[Errand]] = {}
    for each in errands:
        if each.enrolment_id is not None:
            steps.setdefault((each.plan_id or 0, each.at_step or 0, each.target), []).append(each)
    for (plan_id, at_step, _), some in steps.items():
        found.update(_Step(connection, shop, now, pinned(connection, plan_id), at_step).read(some, wanted(some[0])))
    return found


def _of_change(change: Change | str) -> Known:
    if isinstance(change, str):
        return Known(gone=change)
    return Known(About(customer=change.outside_id), change=change)


def _of_no_journey(connection: Connection, errand: Errand) -> Known:
    if errand.customer_id is None:
        return Known(say=errand.text)
    row = connection.execute(sa.select(c.outside_id, c.forgotten_at).where(c.id == errand.customer_id)).one()
    if row.forgotten_at is not None:
        return Known(gone="forgotten")
    return Known(About(customer=row.outside_id), {"customer.outside_id": row.outside_id}, errand.text)


@dataclass(frozen=True)
class _Row:
    """What is known of one enrolment, as the database driver gives it."""

    id: int
    zone: str
    outside_id: str
    forgotten_at: int | None
    reason: str | None
    object_kind: str | None
    object_id: int | None
    order_id: int | None
    fields: Sequence[Any]


@dataclass(frozen=True)
class _Step:
    """Errands of one step of one plan."""

    connection: Connection
    shop: Shop
    now: datetime
    pin: Pinned
    at_step: int

    def read(self, errands: Sequence[Errand], wanted: Sequence[str]) -> dict[int, Known]:
        """By number."""
        say = self._say()
        try:
            names = {*wanted, *(self.shop.templates.variables_in(say) if say else ())}
        except TemplateBroken as error:
            return {each.id: Known(fault=str(error)) for each in errands}
        fields = FieldColumns.of(names, self.shop.settings.shop.currency)
        ids = [each.enrolment_id or 0 for each in errands]
        rows = {row.id: row for row in self._rows(fields, ids)}
        order = [rows[number] for number in ids]
        zones = [row.zone for row in order]
        columns = list(zip(*(row.fields for row in order), strict=True))
        values = dict(fields.read(columns, zones))
        values |= self._beside(names, order, zones)
        return {
            each.id: self._known(each, row, values, n, say)
            for n, (each, row) in enumerate(zip(errands, order, strict=True))
        }

    def _rows(self, fields: FieldColumns, ids: Iterable[int]) -> Iterable[_Row]:
        world = self._world()

        def build(now: datetime) -> sa.Select[Any]:
            scope = enrolment_scope(replace(world, now=now), self.pin)
            known = (e.id, c.zone, c.outside_id, c.forgotten_at, e.reason, e.object_kind, e.object_id, e.order_id)
            columns = (column.label(f"x{n}") for n, column in enumerate((*known, *fields.select(scope))))
            query = sa.select(*columns).join_from(enrolments, customers, c.id == e.customer_id)
            return query.where(among(e.id, "ids"))

        asked = ("errands", self.pin.id, fields.names, world.zones, world.facts, world.borders)
        statement = self.shop.statements.get(asked, build)
        for row in statement.rows(self.connection, self.now, ids=list(ids)):
            yield _Row(*(*row[:8], row[8:]))

    def _world(self) -> World:
        ours = self.shop.settings.shop
        # A few orders are counted as they are asked for, where the roll-ups are not ready.
        rolled = facts.serve(self.connection, self.now) and facts.fresh(self.shop.database, self.now)
        return make_world(self.connection, self.now, ours, "rolled" if rolled else "dated", self.pin)

    def _beside(self, names: set[str], rows: Sequence[_Row], zones: Sequence[str]) -> dict[str, Sequence[Any]]:
        """What words may name that is no field of the CRM."""
        found: dict[str, Sequence[Any]] = {}
        # Whether it was used, only the orders tell.
        coupon = [name for name in names if name.startswith("coupon.") and name != "coupon.used"]
        if coupon:
            gifts = Gifts.read(self.connection, [row.id for row in rows], zones, self.now)
            told = [gifts.words(row.id, {}) for row in rows]
            found |= {name: [each.get(name.partition(".")[2], ABSENT) for each in told] for name in coupon}
        if ORDER_LINES in names:
            lines = read_order_lines(self.connection, [row.order_id for row in rows if row.order_id is not None])
            found[ORDER_LINES] = [lines.get(row.order_id or 0, []) for row in rows]
        return found | dict(transcripts(self.connection, names, [row.id for row in rows], zones, self.now))

    def _known(self, errand: Errand, row: _Row, values: Mapping[str, Sequence[Any]], n: int, say: str | None) -> Known:
        if row.forgotten_at is not None:
            return Known(gone="forgotten")
        left = (row.reason or "").startswith("exit: ")
        if errand.kind == "notify" and left and not errand.attempts:
            return Known(gone=f"left: {row.reason}")
        kind, key = row.object_kind, None
        column = KEYS.get(kind or "")
        if column is not None and row.object_id is not None:
            key = self.connection.scalar(sa.select(column).where(column.table.c.id == row.object_id))
        step = self.pin.at(self.at_step)
        about = About(self.pin.plan.journey, step.id if step else "", row.outside_id, kind, key)
        own = {"customer.outside_id": row.outside_id}
        return Known(about, own | {name: column[n] for name, column in values.items()}, say)

    def _say(self) -> str | None:
        """The words in force now; steps are pinned, words are not (rule 20)."""
        step = self.pin.at(self.at_step)
        if not isinstance(step, Notify):
            return None
        current = self.connection.scalar(sa.select(journeys.c.plan_id).where(journeys.c.id == self.pin.journey_id))
        live = pinned(self.connection, current).plan.by_key.get(step.key) if current else None
        return live.say if isinstance(live, Notify) else step.say


def fill(shop: Shop, say: str, known: Known) -> str:
    """The words to staff, in the shop's own language. RenderError where they cannot be written."""
    settings = shop.settings.shop
    language = settings.locales[0]
    common = {"shop": {"name": settings.name, "founded_on": settings.founded_on}, "locale": language}
    values = sorted(known.values.items(), key=lambda item: item[0].count("."))
    try:
        environment = shop.templates.text_environment(language)
        return environment.render_str(strict_filters(say), "say", **nested(common, values))
    except (TemplateError, RenderError) as error:
        raise render_error(error, "say") from None  # the cause would tell the customer's data
