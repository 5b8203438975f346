"""Which chosen rows are written together: owners of whom there is anything to write, in the order of the source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.importers.stages import UNCHANGED, Stage, analyze
from vefa.crm.importers.writing import Family
from vefa.crm.tables import order_lines


@dataclass(frozen=True)
class BatchPlan:
    """How many batches there are to write, and how many stored lines their orders have lost."""

    batches: int
    vanished_lines: int


def plan_batches(connection: Connection, family: Family, keys: int) -> BatchPlan:
    """Number the family's chosen rows by batches of `keys` owners; rows with nothing to write get none."""
    lost = _lost_lines(family)
    queries = [
        sa.select(stage.chosen.c.owner, stage.chosen.c.n).where(stage.chosen.c.news != UNCHANGED)
        for stage in family.stages
    ]
    owners = sa.union_all(*queries, *([] if lost is None else [lost])).subquery("owners")
    plan = _plan_table()
    plan.drop(connection, checkfirst=True)
    plan.create(connection)
    place = sa.func.row_number().over(order_by=(sa.func.min(owners.c.n), owners.c.owner)) - 1
    numbered = sa.select(owners.c.owner, place).group_by(owners.c.owner)
    connection.execute(plan.insert().from_select(["owner", "place"], numbered))
    analyze(connection, plan)
    for stage in family.stages:
        _assign(connection, stage, plan, keys)
    total = connection.execute(sa.select(sa.func.count()).select_from(plan)).scalar_one()
    vanished: int = 0 if lost is None else connection.execute(_count(lost)).scalar_one()
    plan.drop(connection)
    return BatchPlan(-(-total // keys), vanished)


def _assign(connection: Connection, stage: Stage, plan: sa.Table, keys: int) -> None:
    chosen = stage.chosen
    number = sa.select(plan.c.place.op("/")(keys))  # whole numbers divide to whole numbers
    mine = number.where(plan.c.owner == chosen.c.owner).scalar_subquery()
    connection.execute(chosen.update().values(batch=mine))
    sa.Index(f"ix_{chosen.name}_batch", chosen.c.batch).create(connection)
    analyze(connection, chosen)


def _lost_lines(family: Family) -> sa.Select[Any] | None:
    """Stored lines that are no longer there, where the source holds all lines of its orders: one row each."""
    stage = family.stage("order_lines")
    if stage is None or not stage.part.is_whole:
        return None
    chosen = stage.chosen
    known = (
        sa.select(chosen.c.order_id, chosen.c.owner, sa.func.min(chosen.c.n).label("n"))
        .where(chosen.c.order_id.is_not(None))
        .group_by(chosen.c.order_id, chosen.c.owner)
        .subquery("known")
    )
    still = sa.exists().where(chosen.c.order_id == order_lines.c.order_id, chosen.c.line == order_lines.c.line)
    return (
        sa.select(known.c.owner, known.c.n)
        .join(order_lines, order_lines.c.order_id == known.c.order_id)
        .where(~still, ~stage.lacks_rows_of(known.c.owner, perhaps=True))
    )


def _count(query: sa.Select[Any]) -> sa.Select[Any]:
    return sa.select(sa.func.count()).select_from(query.subquery("counted"))


def _plan_table() -> sa.Table:
    return sa.Table(
        "import_plan",
        sa.MetaData(),
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("place", sa.BigInteger, nullable=False),
        prefixes=["TEMPORARY"],
    )
