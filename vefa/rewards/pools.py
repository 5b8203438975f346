"""Pools of codes that the checkout has made: brought in from files, and given out each once and for ever."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.database import among, inserting, writing
from vefa.errors import UserError
from vefa.rewards.codes import CODE, key_of
from vefa.rewards.redemptions import look_again
from vefa.rewards.tables import coupon_pools, coupons, pool_codes, redemptions

#: Codes in one transaction.
PART = 2_000
#: A pool with at most this share of its last stock left is told of.
LITTLE = 0.2
HEADS = ("code", "kod", "coupon", "kupon", "coupon code", "coupon_code", "kupon kodu", "discount code")

p, k = pool_codes.c, coupon_pools.c
FREE = sa.and_(p.taken_at.is_(None), p.aside_at.is_(None))


@dataclass(frozen=True)
class Misfit:
    """A line of a file that brought no code, and why."""

    line: int
    why: str


@dataclass(frozen=True)
class Line:
    """A code of a file, and the line on which it stands."""

    number: int
    code: str
    key: str


@dataclass
class Brought:
    """What an import did. `known`: codes that the pool had already; `freed`: of those, set aside before."""

    pool: str
    new: int = 0
    known: int = 0
    freed: int = 0
    free: int = 0
    misfits: list[Misfit] = field(default_factory=list)


@dataclass(frozen=True)
class Stock:
    """How a pool stands. `stock`: how many were free after the last import."""

    pool: str
    codes: int
    free: int
    given: int
    aside: int
    stock: int
    imported_at: datetime | None

    @property
    def is_low(self) -> bool:
        """Whether it is time to bring new codes in."""
        return self.free <= self.stock * LITTLE


def bring_in(engine: Engine, pool: str, path: Path, now: datetime, *, unused: bool = False) -> Brought:
    """Take the codes of a file into the pool. The same file again changes nothing; what does not fit stops nothing.

    `unused`: whoever brings them says that nobody has any of them, so that those set aside are given again.
    """
    lines, misfits = read_codes(path)
    done = Brought(pool, misfits=misfits)
    for start in range(0, len(lines), PART):
        with writing(engine) as connection:
            _put(connection, done, lines[start : start + PART], now, unused)
    with writing(engine) as connection:
        done.free = free(connection, pool)
        if done.new or done.freed:
            insert = inserting(connection, coupon_pools).values(name=pool, stock=done.free, imported_at=now)
            set_ = {"stock": done.free, "imported_at": now}
            connection.execute(insert.on_conflict_do_update(index_elements=[k.name], set_=set_))
    done.misfits.sort(key=lambda one: one.line)
    return done


def read_codes(path: Path) -> tuple[list[Line], list[Misfit]]:
    """The codes of a CSV file, one a line or in the column `code`; and the lines that hold none."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    lines: list[Line] = []
    misfits: list[Misfit] = []
    at: dict[str, int] = {}
    column: int | None = None
    for row in rows:
        number, cells = rows.line_num, [cell.strip() for cell in row]
        if not any(cells):
            continue
        if column is None:
            column, is_head = _column(path, cells)
            if is_head:
                continue
        code = cells[column] if column < len(cells) else ""
        if not CODE.fullmatch(code):
            misfits.append(Misfit(number, _malformed(code)))
        elif (key := key_of(code)) in at:
            misfits.append(Misfit(number, f"stands on line {at[key]} already"))
        else:
            at[key] = number
            lines.append(Line(number, code, key))
    return lines, misfits


def _column(path: Path, cells: Sequence[str]) -> tuple[int, bool]:
    """In which column the codes stand, and whether the first line says so."""
    heads = [cell.casefold() for cell in cells]
    for name in HEADS:
        if name in heads:
            return heads.index(name), True
    if len(cells) > 1:
        raise UserError(f"{path}: no column is called code. Give the file a first line with the names of its columns.")
    return 0, False


def _malformed(code: str) -> str:
    if not code:
        return "no code"
    return "no code that can be typed: 3 to 64 letters A-Z, digits and . _ + # -, without spaces"


def _put(connection: Connection, done: Brought, lines: Sequence[Line], now: datetime, unused: bool) -> None:
    keys = [line.key for line in lines]
    made = {
        key_of(code)
        for code in connection.scalars(
            sa.select(coupons.c.code).where(coupons.c.code.in_(keys), coupons.c.pool_code_id.is_(None))
        )
    }
    wanted = [line for line in lines if line.key not in made]
    rows = [{"pool": done.pool, "code": line.code, "code_key": line.key, "imported_at": now} for line in wanted]
    there = _there(connection, keys)
    fresh = [row for row in rows if row["code_key"] not in there]
    if fresh:
        connection.execute(inserting(connection, pool_codes).on_conflict_do_nothing(), fresh)
        there |= (now_there := _there(connection, [str(row["code_key"]) for row in fresh]))
        mine = {key for key, one in now_there.items() if one.pool == done.pool}
        done.new += len(mine)
        look_again(connection, mine, now)
    old = set(keys) - {str(row["code_key"]) for row in fresh} - made
    done.known += sum(1 for key in old if there[key].pool == done.pool)
    for line in lines:
        if line.key in made:
            done.misfits.append(Misfit(line.number, "vefa has made this code itself and given it away"))
        elif there[line.key].pool != done.pool:
            done.misfits.append(Misfit(line.number, f'is in the pool "{there[line.key].pool}"'))
    if unused:
        done.freed += _free_again(connection, [there[key].id for key in old if there[key].pool == done.pool])


@dataclass(frozen=True)
class _Row:
    id: int
    pool: str


def _there(connection: Connection, keys: Sequence[str]) -> dict[str, _Row]:
    rows = connection.execute(sa.select(p.code_key, p.id, p.pool).where(p.code_key.in_(list(keys))))
    return {row.code_key: _Row(row.id, row.pool) for row in rows}


def _free_again(connection: Connection, ids: Sequence[int]) -> int:
    """Codes that were set aside, but for those that an order has named."""
    used = sa.exists().where(redemptions.c.pool_code_id == p.id).correlate_except(redemptions)
    aside = among(p.id, ids, p.aside_at.is_not(None), p.taken_at.is_(None), sa.not_(used))
    return connection.execute(sa.update(pool_codes).where(aside).values(aside_at=None)).rowcount


def free(connection: Connection, pool: str) -> int:
    """How many codes of the pool can be given."""
    return connection.scalar(sa.select(sa.func.count()).select_from(pool_codes).where(p.pool == pool, FREE)) or 0


def low(connection: Connection, pool: str) -> int | None:
    """How many codes the pool has left, if that is little."""
    left = free(connection, pool)
    stock = connection.scalar(sa.select(k.stock).where(k.name == pool)) or 0
    return left if left <= stock * LITTLE else None


def take(connection: Connection, pool: str, count: int, now: datetime) -> list[tuple[int, str]]:
    """Up to `count` codes of the pool, with their numbers: nobody else is given them, unless this transaction fails."""
    chosen = sa.select(p.id).where(p.pool == pool, FREE).order_by(p.id).limit(count)
    # PostgreSQL would run a sub-query of the UPDATE again for every row; a CTE is run once.
    cte = chosen.with_for_update(skip_locked=True).cte("chosen").prefix_with("MATERIALIZED", dialect="postgresql")
    update = sa.update(pool_codes).where(p.id.in_(sa.select(cte.c.id)), FREE).values(taken_at=now)
    return sorted((row.id, row.code) for row in connection.execute(update.returning(p.id, p.code)))


def give_back(connection: Connection, ids: Sequence[int]) -> None:
    """Codes that were taken and came to nobody after all."""
    given = sa.exists().where(coupons.c.code == p.code).correlate_except(coupons)
    connection.execute(sa.update(pool_codes).where(among(p.id, ids, sa.not_(given))).values(taken_at=None))


def set_aside(connection: Connection, now: datetime) -> int:
    """Give out none of the codes that are free now, until somebody says which of them surely are."""
    return connection.execute(sa.update(pool_codes).where(FREE).values(aside_at=now)).rowcount


def stocks(connection: Connection) -> tuple[Stock, ...]:
    """Every pool that ever had codes."""
    is_free, is_given = sa.case((FREE, 1), else_=0), sa.case((p.taken_at.is_not(None), 1), else_=0)
    counts = sa.select(p.pool, sa.func.count(), sa.func.sum(is_free), sa.func.sum(is_given)).group_by(p.pool)
    imports = {row.name: (row.stock, row.imported_at) for row in connection.execute(sa.select(coupon_pools))}
    return tuple(sorted(_stocks(connection.execute(counts), imports), key=lambda one: one.pool))


def _stocks(
    rows: sa.CursorResult[tuple[str, int, int, int]], imports: Mapping[str, tuple[int, datetime]]
) -> Iterator[Stock]:
    for pool, count, is_free, given in rows:
        stock, at = imports.get(pool, (0, None))
        yield Stock(pool, count, int(is_free), int(given), count - int(is_free) - int(given), stock, at)
