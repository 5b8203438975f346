"""What one customer's orders, returns and spendings are due in points, up to a moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from vefa.crm.points import CUSTOMER, ISSUED, REDEEMED
from vefa.plan.loyalty import Earning, Programme
from vefa.rewards.accounts import AFTER, Account, Move

#: What orders earn by, as a move's rule.
ORDER, FIRST = "order", "first-order"


@dataclass(frozen=True)
class Taken:
    """Goods that came back, or whose money went back: from when on, and for how much (None: for all of it)."""

    at: datetime
    amount: Decimal | None


@dataclass(frozen=True)
class OrderFacts:
    """An order as points see it: its worth in the shop's currency; moments are those at which we learned."""

    id: int
    placed_at: datetime
    placed_known: datetime
    cancelled_known: datetime | None
    counts_from: datetime | None
    worth: Decimal
    taken: tuple[Taken, ...] = ()
    lines: Mapping[str | None, Decimal] = field(default_factory=dict)

    def cancelled(self, at: datetime) -> bool:
        return self.cancelled_known is not None and self.cancelled_known <= at

    def kept(self, at: datetime) -> Decimal:
        """What the customer has kept of it, by its worth."""
        if self.cancelled(at):
            return Decimal(0)
        back = [self.worth if taken.amount is None else taken.amount for taken in self.taken if taken.at <= at]
        return max(Decimal(0), self.worth - sum(back, Decimal(0)))

    @property
    def moments(self) -> list[datetime]:
        """When something changes for its points, first when they count."""
        if self.counts_from is None:
            return []
        later = [taken.at for taken in self.taken] + ([self.cancelled_known] if self.cancelled_known else [])
        return [self.counts_from, *(moment for moment in later if moment > self.counts_from)]


@dataclass(frozen=True)
class Spent:
    """Points that the shop says were spent."""

    id: int
    points: int
    known: datetime
    order_id: int | None


def earned_by(earn: Earning, order: OrderFacts) -> int:
    """`points` for each whole `per` of the order; products of some categories count more often, or not at all."""
    worth = Fraction(order.worth)
    whole = sum(order.lines.values(), Decimal(0))
    if earn.categories and whole > 0:
        one = Decimal(1)
        weighed = sum((line * earn.categories.get(name or "", one) for name, line in order.lines.items()), Decimal(0))
        worth = worth * Fraction(weighed) / Fraction(whole)
    return earn.points * int(worth / Fraction(earn.per)) if worth > 0 else 0


@dataclass
class Settlement:
    """The account brought up to `now`. `programme` rules what is counted for the first time; what was counted stays."""

    account: Account
    orders: Sequence[OrderFacts]
    spent: Sequence[Spent]
    programme: Programme
    zone: str
    now: datetime
    _by_order: dict[int, list[Move]] = field(default_factory=dict)
    _by_spending: dict[int, list[Move]] = field(default_factory=dict)

    def settle(self) -> None:
        """Everything that is due, in the order of time."""
        for move in self.account.moves:
            self._index(move)
        for moment, _, _, act in sorted(self._timeline(), key=lambda item: item[:3]):
            self.account.run_out(moment)
            act(moment)
        self.account.run_out(self.now)
        self._reconcile()
        self.account.meet(self.now)

    def _timeline(self) -> list[tuple[datetime, int, int, Callable[[datetime], None]]]:
        items: list[tuple[datetime, int, int, Callable[[datetime], None]]] = []
        for order in self.orders:
            last = max((move.at for move in self._by_order.get(order.id, ())), default=None)
            fresh = [moment for moment in order.moments if last is None or moment > last]
            items += [(moment, int(moment != order.counts_from), order.id, self._order(order)) for moment in fresh]
        for spent in self.spent:
            if spent.id not in self._by_spending:
                items.append((spent.known, 2, spent.id, self._spending(spent)))
        items += [(moment, 3, 0, self.account.meet) for moment in self.account.stirs()]
        return [item for item in items if item[0] <= self.now]

    def _order(self, order: OrderFacts) -> Callable[[datetime], None]:
        return lambda moment: self._settle_order(order, moment)

    def _spending(self, spent: Spent) -> Callable[[datetime], None]:
        return lambda moment: self._settle_spending(spent.id, spent.points, moment, spent.order_id)

    def _reconcile(self) -> None:
        """What was corrected since, without a moment of its own, and what is not the customer's any more."""
        for order in self.orders:
            if order.counts_from is not None and order.counts_from <= self.now:
                self._settle_order(order, self.now)
        known = {order.id for order in self.orders}
        for order_id in [number for number in self._by_order if number not in known]:
            for rule in (ORDER, FIRST):
                self._bring(order_id, rule, 0, self.now)
        for spent in self.spent:
            if spent.known <= self.now:
                self._settle_spending(spent.id, spent.points, self.now, spent.order_id)
        told = {spent.id for spent in self.spent}
        for number in [number for number in self._by_spending if number not in told]:
            self._settle_spending(number, 0, self.now, None)

    # --- orders

    def _settle_order(self, order: OrderFacts, at: datetime) -> None:
        kept = order.kept(at)
        first = self._first_of(order.id, ORDER)
        if first is None:
            if self.programme.earn is not None and kept > 0:
                whole = earned_by(self.programme.earn, order)
                self._bring(order.id, ORDER, whole * kept // order.worth, at, kept)
        elif first.basis:
            self._bring(order.id, ORDER, first.points * kept // first.basis, at)
        self._settle_bonus(order, at, kept)

    def _settle_bonus(self, order: OrderFacts, at: datetime, kept: Decimal) -> None:
        bonus = self._first_of(order.id, FIRST)
        if bonus is not None:
            self._bring(order.id, FIRST, bonus.points if kept > 0 else 0, at)
        elif at == order.counts_from and kept > 0 and self._is_first(order, at) and self.programme.earn is not None:
            self._bring(order.id, FIRST, self.programme.earn.first_order, at)

    def _is_first(self, order: OrderFacts, at: datetime) -> bool:
        """No order of theirs came before that still stands, and none has brought the bonus."""
        mine = (order.placed_at, order.id)
        before = (o for o in self.orders if (o.placed_at, o.id) < mine and o.placed_known <= at)
        standing = sum(move.change for moves in self._by_order.values() for move in moves if move.rule == FIRST)
        return standing <= 0 and all(o.cancelled(at) for o in before)

    def _first_of(self, order_id: int, rule: str) -> Move | None:
        return next((m for m in self._by_order.get(order_id, ()) if m.rule == rule and m.kind == "earn"), None)

    def _bring(
        self, order_id: int, rule: str, target: int | Decimal, at: datetime, kept: Decimal | None = None
    ) -> None:
        """Post what the order's points lack of the target, or have too much; what has run out is not owed."""
        mine = self._by_order.get(order_id, [])
        posted = sum(move.change for move in mine if move.rule == rule)
        first = self._first_of(order_id, rule)
        lacking = int(target) - posted
        key = f"order:{order_id}:{self.account.customer_id}:{len(mine)}"
        if lacking > 0:
            end = self.programme.runs_out(at, self.zone)
            earned = first.earned_at if first is not None else at
            basis = first.basis if first is not None else kept
            customer = self.account.customer_id
            self._post(Move(key, customer, ISSUED, CUSTOMER, lacking, "earn", at, rule, earned, end, order_id, basis))
            return
        expired = self.account.expired_of(order_id, rule)
        if first is not None and -lacking - expired > 0:
            customer, back, earned = self.account.customer_id, -lacking - expired, first.earned_at
            self._post(Move(key, customer, CUSTOMER, ISSUED, back, "take_back", at, rule, earned, None, order_id))

    # --- spendings

    def _settle_spending(self, number: int, points: int, at: datetime, order_id: int | None) -> None:
        mine = self._by_spending.get(number, [])
        lacking = points + sum(move.change for move in mine)
        if lacking == 0:
            return
        customer, key = self.account.customer_id, f"redemption:{number}:{self.account.customer_id}:{len(mine)}"
        if lacking > 0:
            move = Move(key, customer, CUSTOMER, REDEEMED, lacking, "redeem", at, redemption_id=number)
        else:
            end = self.programme.runs_out(at, self.zone)
            move = Move(
                key, customer, REDEEMED, CUSTOMER, -lacking, "give_back", at, runs_out_at=end, redemption_id=number
            )
        self._post(move)

    def _post(self, move: Move) -> None:
        self.account.post(move)
        self._index(move)

    def _index(self, move: Move) -> None:
        if move.order_id is not None and move.rule in (ORDER, FIRST) and move.counts:
            self._by_order.setdefault(move.order_id, []).append(move)
        if move.redemption_id is not None:
            self._by_spending.setdefault(move.redemption_id, []).append(move)

    # --- what comes next

    @property
    def next_at(self) -> datetime | None:
        """When the account must be looked at again, if nothing new comes in."""
        later = [moment for order in self.orders for moment in order.moments]
        later += [spent.known for spent in self.spent]
        for end, _ in self.account.open_lots(self.now):
            if end is not None:
                later.append(end + 2 * AFTER)
                if (told := self.programme.told_from(end)) is not None:
                    later.append(told)
        return min((moment for moment in later if moment > self.now), default=None)
