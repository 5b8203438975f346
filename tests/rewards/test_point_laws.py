"""Whatever comes in whatever order, and however often somebody looks: no point is lost, doubled or spent twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rewards.programmes import PROGRAMME
from vefa.plan.loyalty import Earning
from vefa.rewards.accounts import Account, Move, Use, level_walk
from vefa.rewards.settling import OrderFacts, Settlement, Spent, Taken

NOON = datetime.fromisoformat("2026-03-10T09:00:00+00:00")
DAY = timedelta(days=1)
TERM = replace(PROGRAMME, earn=Earning(3, Decimal(10), first_order=7))
UNTIL = 900

days = st.integers(0, 800)
sums = st.integers(1, 60).map(lambda tens: Decimal(tens) * 5)


@st.composite
def order_facts(draw: st.DrawFn, number: int) -> OrderFacts:
    """An order, cancelled or sent back in parts at any later time, or neither."""
    placed = NOON + draw(st.integers(0, 200)) * DAY

    def later(most: int) -> st.SearchStrategy[datetime]:
        return st.integers(0, most).map(lambda n: placed + n * DAY + timedelta(hours=number))

    taken = draw(st.lists(st.builds(Taken, later(690), st.none() | sums), max_size=2))
    cancelled, counts = draw(st.none() | later(690)), draw(later(60))
    return OrderFacts(number, placed, placed, cancelled, counts, draw(sums), tuple(taken))


@dataclass(frozen=True)
class Life:
    """What one customer does."""

    orders: tuple[OrderFacts, ...]
    spent: tuple[Spent, ...]


@st.composite
def lives(draw: st.DrawFn) -> Life:
    orders = tuple(draw(order_facts(number)) for number in range(1, draw(st.integers(1, 5)) + 1))
    moments = st.builds(lambda day, n: NOON + day * DAY + timedelta(minutes=n), days, st.integers(0, 1000))
    spent = [Spent(n, draw(st.integers(1, 60)), draw(moments), None) for n in range(1, draw(st.integers(0, 4)) + 1)]
    return Life(orders, tuple(spent))


def settled(life: Life, looks: Sequence[int]) -> tuple[list[Move], list[Use]]:
    """Everything written down after looking on these days, in order."""
    moves: list[Move] = []
    uses: list[Use] = []
    for day in looks:
        now = NOON + day * DAY
        known = [order for order in life.orders if order.placed_known <= now]  # others are not in the store yet
        account = Account.of(1, moves, uses)
        Settlement(account, known, [s for s in life.spent if s.known <= now], TERM, "Europe/Istanbul", now).settle()
        moves, uses = [*moves, *account.new], [*uses, *account.uses]
    return moves, uses


looks_at = st.lists(st.integers(0, UNTIL), max_size=12).map(lambda some: sorted({*some, UNTIL}))


@settings(max_examples=150, deadline=None)
@given(lives(), looks_at)
def test_how_often_one_looks_makes_no_difference(life: Life, looks: list[int]) -> None:
    often, once = settled(life, looks), settled(life, [UNTIL])

    assert sorted((move.at, move.key, move.change) for move in often[0]) == sorted(
        (move.at, move.key, move.change) for move in once[0]
    )
    assert Counter(often[1]) == Counter(once[1])


@settings(max_examples=150, deadline=None)
@given(lives(), looks_at)
def test_no_lot_is_used_twice_and_every_point_is_somewhere(life: Life, looks: list[int]) -> None:
    moves, uses = settled(life, looks)
    by_key = {move.key: move for move in moves}
    used, spent = Counter[str](), Counter[str]()
    for use in uses:
        used[use.lot] += use.points
        spent[use.spend] += use.points

    assert len(by_key) == len(moves)
    assert all(move.points > 0 and move.debit != move.credit for move in moves)
    assert all(used[key] <= by_key[key].points for key in used)
    assert all(spent[key] <= by_key[key].points for key in spent)
    assert all((end := by_key[use.lot].runs_out_at) and use.at <= end + timedelta(microseconds=1) for use in uses)
    accounts = Counter[str]()
    for move in moves:
        accounts[move.credit] += move.points
        accounts[move.debit] -= move.points
    assert sum(accounts.values()) == 0
    lots = sum(move.points - used[move.key] for move in moves if move.credit == "customer")
    debts = sum(move.points - spent[move.key] for move in moves if move.debit == "customer")
    assert accounts["customer"] == lots - debts
    assert not (lots and debts and _could_meet(moves, used, spent))


def _could_meet(moves: list[Move], used: Counter[str], spent: Counter[str]) -> bool:
    """Whether anything is owed while there is something to pay it with."""
    end = NOON + UNTIL * DAY
    open_lots = [
        m for m in moves if m.credit == "customer" and m.points > used[m.key] and (m.runs_out_at or end) >= end
    ]
    return bool(open_lots) and any(m.points > spent[m.key] for m in moves if m.debit == "customer")


@settings(max_examples=100, deadline=None)
@given(lives(), looks_at)
def test_looking_again_at_once_changes_nothing(life: Life, looks: list[int]) -> None:
    assert settled(life, looks) == settled(life, [day for day in looks for _ in range(2)])


@settings(max_examples=100, deadline=None)
@given(lives())
def test_tiers_at_a_moment_count_what_was_earned_in_the_time_before(life: Life) -> None:
    moves, _ = settled(life, [UNTIL])
    year, end = 365 * DAY, NOON + UNTIL * DAY

    for moment, points in level_walk(moves, year, None, end):
        lately = [
            m.change for m in moves if m.counts and m.at <= moment and m.earned_at and m.earned_at + year > moment
        ]
        assert points == sum(lately)
