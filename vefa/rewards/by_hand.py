"""Points spent, or corrected, by a person at the shop: in the caller's transaction, each once under its key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.happenings import record_events
from vefa.crm.points import CUSTOMER, ISSUED, point_moves, redemptions
from vefa.crm.points_fields import signed
from vefa.crm.tables import orders
from vefa.database import inserting
from vefa.errors import UserError
from vefa.plan.loyalty import Programme
from vefa.rewards.accounts import Move
from vefa.rewards.points import settle_one
from vefa.rewards.points_read import as_row
from vefa.settings import Shop

#: Where spendings come from that were entered here.
SOURCE = "vefa"


@dataclass(frozen=True)
class Counter:
    """The programme at the shop's counter, at a moment."""

    connection: Connection
    programme: Programme
    shop: Shop
    now: datetime

    def settle(self, customer_id: int) -> int:
        """The customer's balance, with everything posted that is due."""
        if not self.programme.runs:
            raise UserError("There is no loyalty programme: config/loyalty.yaml is missing, or vefa check tells of it.")
        if not settle_one(self.connection, customer_id, self.programme, self.shop, self.now):
            raise UserError("Points of a later moment are posted already: nothing can be added before them.")
        m = point_moves.c
        total = sa.select(sa.func.coalesce(sa.func.sum(signed(m)), 0)).where(m.customer_id == customer_id)
        return int(self.connection.scalar(total) or 0)

    def redeem(self, customer_id: int, points: int, key: str, order: str | None = None) -> int:
        """Spend so many; the balance afterwards. The same key again changes nothing."""
        have, order_id = self.settle(customer_id), self._order(customer_id, order)
        r = redemptions.c
        known = sa.select(redemptions).where(r.source == SOURCE, r.outside_id == key)
        if (row := self.connection.execute(known).one_or_none()) is not None:
            if (row.customer_id, row.points) != (customer_id, points):
                raise UserError(f'The key "{key}" stands for another spending already. Take another one.')
            return have
        if points > have:
            raise UserError(f"They have {max(have, 0):,} points, and {points:,} cannot be spent.")
        new: dict[str, Any] = {"source": SOURCE, "outside_id": key, "customer_id": customer_id, "order_id": order_id}
        new |= {"points": points, "redeemed_at": self.now, "redeemed_known_at": self.now}
        made = self.connection.execute(sa.insert(redemptions).values(new)).inserted_primary_key
        record_events(self.connection, "redemption", [int(made[0])] if made else [])
        return self.settle(customer_id)

    def correct(self, customer_id: int, change: int, reason: str, key: str) -> int:
        """Give so many (or take them, below zero), for a reason; the balance afterwards."""
        self.settle(customer_id)
        gives, end = change > 0, self.programme.runs_out(self.now, self.shop.zone)
        move = Move(
            f"correct:{key}",
            customer_id,
            ISSUED if gives else CUSTOMER,
            CUSTOMER if gives else ISSUED,
            abs(change),
            "correct",
            self.now,
            earned_at=self.now,
            runs_out_at=end if gives else None,
            reason=reason,
        )
        insert = inserting(self.connection, point_moves).values(as_row(move, self.now))
        self.connection.execute(insert.on_conflict_do_nothing())
        return self.settle(customer_id)

    def _order(self, customer_id: int, number: str | None) -> int | None:
        if number is None:
            return None
        mine = sa.select(orders.c.id).where(orders.c.customer_id == customer_id, orders.c.number == number)
        found: int | None = self.connection.scalar(mine.limit(1))
        if found is None:
            raise UserError(f'This customer has no order "{number}".')
        return found
