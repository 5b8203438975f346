"""One customer's points: lots that come in, and what uses them up, in the order of time.

Pure arithmetic. What it makes is to be written down; what was written down before it is given. The same facts in the
same order of time make the same moves, however often and whenever somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from vefa.crm.points import CUSTOMER, EXPIRED, ISSUED

#: A lot is gone right after the last moment at which it could be spent.
AFTER = timedelta(microseconds=1)


@dataclass(frozen=True)
class Move:
    """A row of `point_moves`."""

    key: str
    customer_id: int
    debit: str
    credit: str
    points: int
    kind: str
    at: datetime
    rule: str | None = None
    earned_at: datetime | None = None
    runs_out_at: datetime | None = None
    order_id: int | None = None
    basis: Decimal | None = None
    redemption_id: int | None = None
    enrolment_id: int | None = None
    step: int | None = None
    reason: str | None = None

    @property
    def change(self) -> int:
        """What it means to the customer."""
        return self.points if self.credit == CUSTOMER else -self.points

    @property
    def counts(self) -> bool:
        """Whether tiers count it."""
        return ISSUED in (self.debit, self.credit)


@dataclass(frozen=True)
class Use:
    """A row of `point_uses`: so much of the lot went into the spending."""

    spend: str
    lot: str
    points: int
    at: datetime


@dataclass
class _Lot:
    move: Move
    left: int
    expired: int = 0

    @property
    def order(self) -> tuple[datetime, datetime, str]:
        """What runs out first is spent first; what never does, last."""
        end = self.move.runs_out_at
        return (end or datetime.max.replace(tzinfo=self.move.at.tzinfo), self.move.at, self.move.key)


@dataclass
class _Debt:
    move: Move
    open: int


@dataclass
class Account:
    """The customer's account up to some moment, and what was added to it."""

    customer_id: int
    lots: dict[str, _Lot] = field(default_factory=dict)
    debts: list[_Debt] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    new: list[Move] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)

    @classmethod
    def of(cls, customer_id: int, moves: Iterable[Move], uses: Iterable[Use]) -> Account:
        """The account as it is written down."""
        account = cls(customer_id, moves=sorted(moves, key=lambda move: (move.at, move.key)))
        by_key = {move.key: move for move in account.moves}
        used: dict[str, int] = {}
        spent: dict[str, int] = {}
        expired: dict[str, int] = {}
        for use in uses:
            used[use.lot] = used.get(use.lot, 0) + use.points
            spent[use.spend] = spent.get(use.spend, 0) + use.points
            if by_key[use.spend].credit == EXPIRED:
                expired[use.lot] = expired.get(use.lot, 0) + use.points
        for move in account.moves:
            if move.credit == CUSTOMER:
                account.lots[move.key] = _Lot(move, move.points - used.get(move.key, 0), expired.get(move.key, 0))
            elif (still := move.points - spent.get(move.key, 0)) > 0:
                account.debts.append(_Debt(move, still))
        return account

    @property
    def balance(self) -> int:
        """All that came less all that went."""
        return sum(move.change for move in self.moves)

    def stirs(self) -> list[datetime]:
        """Moments at which what is written down already may meet: debts that are not paid, lots that could pay."""
        return [*(debt.move.at for debt in self.debts), *(lot.move.at for lot in self.lots.values() if lot.left)]

    def post(self, move: Move) -> None:
        """Add a move, and let debts and lots meet at its moment."""
        self.moves.append(move)
        self.new.append(move)
        if move.credit == CUSTOMER:
            self.lots[move.key] = _Lot(move, move.points)
        else:
            self.debts.append(_Debt(move, move.points))
        self.meet(move.at)

    def meet(self, at: datetime) -> None:
        """What was spent uses up what there is at that moment; the rest stays owed until more comes in."""
        lots = sorted((lot for lot in self.lots.values() if self._is_open(lot, at)), key=lambda lot: lot.order)
        for debt in self.debts:
            if debt.move.at > at:
                continue
            own = [lot for lot in lots if lot.move.order_id == debt.move.order_id and debt.move.order_id is not None]
            for lot in [*own, *lots] if debt.move.kind == "take_back" else lots:
                part = min(lot.left, debt.open)
                if part > 0:
                    self._use(debt, lot, part, at)
        self.debts = [debt for debt in self.debts if debt.open]

    def run_out(self, before: datetime) -> None:
        """Take what is left of every lot whose last moment lies before that moment, each at its own end."""
        ends = ((lot, lot.move.runs_out_at) for lot in self.lots.values() if lot.left)
        over = [(lot, end) for lot, end in ends if end and end < before]
        for lot, end in sorted(over, key=lambda each: each[0].order):
            key = f"expire:{lot.move.key}"
            move = Move(key, self.customer_id, CUSTOMER, EXPIRED, lot.left, "expire", end + AFTER, lot.move.rule)
            self.moves.append(move)
            self.new.append(move)
            lot.expired += lot.left
            self._use(_Debt(move, lot.left), lot, lot.left, move.at)

    def open_lots(self, at: datetime) -> list[Any]:
        """(last moment, what is left) of every lot that can be spent and runs out some day."""
        return [(lot.move.runs_out_at, lot.left) for lot in self.lots.values() if self._is_open(lot, at) and lot.left]

    def expired_of(self, order_id: int, rule: str) -> int:
        """How much of what the order brought has run out unspent: it need not be taken back any more."""
        return sum(lot.expired for lot in self._of_order(order_id, rule))

    def _of_order(self, order_id: int, rule: str) -> list[_Lot]:
        return [lot for lot in self.lots.values() if lot.move.order_id == order_id and lot.move.rule == rule]

    def _is_open(self, lot: _Lot, at: datetime) -> bool:
        end = lot.move.runs_out_at
        return lot.left > 0 and lot.move.at <= at and (end is None or end >= at)

    def _use(self, debt: _Debt, lot: _Lot, points: int, at: datetime) -> None:
        lot.left -= points
        debt.open -= points
        # A spending may meet the same lot only once: there is one row for the two.
        self.uses.append(Use(debt.move.key, lot.move.key, points, at))


def level_walk(
    moves: Iterable[Move], within: timedelta, since: datetime | None, now: datetime
) -> list[tuple[datetime, int]]:
    """(moment, points that tiers count from then on) at every change after `since` up to `now`, the last at `now`."""
    changes: dict[datetime, int] = {}
    for move in moves:
        if not move.counts or move.earned_at is None or move.earned_at + within <= move.at:
            continue
        changes[move.at] = changes.get(move.at, 0) + move.change
        gone = move.earned_at + within
        changes[gone] = changes.get(gone, 0) - move.change
    total, walk = 0, []
    for moment in sorted(changes):
        if moment > now:
            break
        total += changes[moment]
        if since is None or moment > since:
            walk.append((moment, total))
    if since is not None and since < now and (not walk or walk[-1][0] < now):
        walk.append((now, total))
    return walk


def next_ageing(moves: Iterable[Move], within: timedelta, now: datetime) -> datetime | None:
    """When something that tiers count now is too old for it."""
    return min(
        (gone for move in moves if move.counts and move.earned_at and (gone := move.earned_at + within) > now),
        default=None,
    )
