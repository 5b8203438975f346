"""Orders of which a line could not be read: marked, and never worth the sum of the lines that are left."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.importers.stages import Stage
from vefa.crm.tables import orders

#: Why an order that costs what its lines cost is not taken in.
NO_TOTAL = "a line of it is wrong, and its total is the sum of its lines"


@dataclass(frozen=True)
class SetAside:
    """Chosen rows that are not to be written, by what they would have brought."""

    orders: dict[int, int]
    lines: dict[int, int]


def set_aside_sums(connection: Connection, head: Stage, lines: Stage) -> SetAside:
    """Give orders whose total would be a wrong sum a problem, and leave out what is left of their lines."""
    chosen, rest = head.chosen, lines.chosen
    lacking = sa.and_(chosen.c.problem.is_(None), lines.lacks_rows_of(chosen.c.outside_id))
    of_orders = _by_news(connection, chosen, lacking)
    if not of_orders:
        return SetAside({}, {})
    wrong = {"problem": NO_TOTAL, "detail": chosen.c.outside_id}
    connection.execute(chosen.update().where(lacking).values(wrong))
    orphaned = rest.c.owner.in_(sa.select(chosen.c.outside_id).where(chosen.c.problem.is_not(None)))
    of_lines = _by_news(connection, rest, orphaned)
    connection.execute(rest.delete().where(orphaned))
    return SetAside(of_orders, of_lines)


def mark_incomplete(connection: Connection, source: str, lines: Stage) -> None:
    """Mark the stored orders of which a line could not be read, and take the mark off those that are whole again."""
    chosen = lines.chosen
    mine = orders.c.source == source
    lacks = lines.lacks_rows_of(orders.c.outside_id)
    named = orders.c.outside_id.in_(sa.select(lines.refused.c.key))
    marked = sa.update(orders).where(mine, sa.not_(orders.c.lines_incomplete), named)
    connection.execute(marked.values(lines_incomplete=True))
    told = sa.exists().where(chosen.c.owner == orders.c.outside_id).correlate_except(chosen)
    whole = sa.update(orders).where(mine, orders.c.lines_incomplete, told, sa.not_(lacks))
    connection.execute(whole.values(lines_incomplete=False))


def _by_news(connection: Connection, chosen: sa.Table, which: sa.ColumnElement[bool]) -> dict[int, int]:
    query = sa.select(chosen.c.news, sa.func.count()).where(which).group_by(chosen.c.news)
    return dict(connection.execute(query).tuples().all())
