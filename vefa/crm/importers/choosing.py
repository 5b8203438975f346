"""From staged rows to chosen ones: one per key, references looked up, compared with what is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from vefa.crm.importers.identities import follow_merges
from vefa.crm.importers.rejecting import ANYBODY
from vefa.crm.importers.stages import CHANGED, NEW, UNCHANGED, Stage, analyze
from vefa.crm.importers.targets import REFERENCES, Target
from vefa.crm.tables import contacts, customers, order_lines, orders

_AGGREGATES: dict[str, Callable[[Any], Any]] = {"min": sa.func.min, "max": sa.func.max, "sum": sa.func.sum}


def choose(
    connection: Connection,
    stage: Stage,
    source: str,
    pending: Mapping[str, Stage],
    contacts_coming: Stage | None = None,
) -> None:
    """Fill the stage's chosen rows; `pending` are the stages of rows that are referred to and not written yet.

    `contacts_coming` is the stage of addresses where these are not written yet, either.
    """
    follow_merges(connection, stage)
    if stage.target.name == "consents" and "address" in stage.filled:
        _find_owners_of_addresses(connection, stage.staged, contacts_coming)
    _find_named_by_address(connection, stage, pending.get("customer"), contacts_coming)
    base = _one_per_key(connection, stage).subquery("base")
    joined, ids = _resolved(base, stage.target, source)
    coming = {name: each.chosen.alias(f"coming_{name}") for name, each in pending.items() if name in ids}
    for name, rows in coming.items():
        joined = joined.outerjoin(rows, rows.c.outside_id == base.c[name])
    stored = stage.target.table.alias("stored")
    joined = joined.outerjoin(stored, _identity(base, stored, stage.target, ids, source))
    problem, detail = _problem(base, stage.target, ids, coming)
    query = sa.select(
        *base.c,
        *(ids[name].label(f"{name}_id") for name in stage.target.references),
        _owner(base, stage.target).label("owner"),
        _state(base, stored, stage, ids).label("news"),
        problem.label("problem"),
        detail.label("detail"),
    ).select_from(joined)
    names = [column.name for column in query.selected_columns]
    connection.execute(stage.chosen.insert().from_select(names, query))
    if stage.target.owner is None and "outside_id" in stage.chosen.c:
        # Those who belong to these rows look for them here; without it each would read the whole stage.
        sa.Index(f"ix_{stage.chosen.name}_outside_id", stage.chosen.c.outside_id).create(connection)
    _set_aside(connection, stage)
    analyze(connection, stage.chosen)


def _find_named_by_address(connection: Connection, stage: Stage, people: Stage | None, coming: Stage | None) -> None:
    """A customer who is named by their e-mail address is whoever has it; of several the first who came.

    A guest who is made of an address that somebody has already is nobody new.
    """
    staged, is_customer = stage.staged, stage.target.name == "customers"
    if "customer_at" not in staged.c or not {"customer", "outside_id"} & set(stage.filled):
        return
    name = "outside_id" if is_customer else "customer"
    there: sa.ColumnElement[bool] = sa.exists().where(customers.c.outside_id == staged.c[name]).correlate(staged)
    if people is not None:  # whoever is made by this import is there, too
        new = people.chosen.alias("coming_people")
        there = sa.or_(there, sa.exists().where(new.c.outside_id == staged.c[name]).correlate(staged))
    owner = _owner_of_address(staged.c.customer_at)
    if is_customer:
        taken = sa.and_(staged.c.customer_at.is_not(None), staged.c.outside_id.startswith("guest:"))
        connection.execute(staged.delete().where(taken, ~there, owner.is_not(None)))
        return
    if coming is not None:
        other = coming.chosen.alias("coming_contacts")
        found = sa.select(sa.func.min(other.c.customer)).where(other.c.address_key == staged.c.customer_at)
        found = found.having(sa.func.count(sa.distinct(other.c.customer)) == 1)
        owner = sa.case(
            (_is_owned(staged.c.customer_at), owner),
            else_=found.correlate(staged).scalar_subquery(),
        )
    named = sa.and_(staged.c.customer_at.is_not(None), ~there, owner.is_not(None))
    connection.execute(staged.update().where(named).values(customer=owner))


def _owner_of_address(key: Any) -> Any:
    """The number of the one customer who has the address; null where several have it, for it names none of them then
    (rule 26)."""
    mine = sa.and_(contacts.c.channel == "email", contacts.c.address_key == key)
    query = sa.select(sa.func.min(customers.c.outside_id))
    query = query.join_from(contacts, customers, customers.c.id == contacts.c.customer_id).where(mine)
    return query.having(sa.func.count() == 1).correlate(key.table).scalar_subquery()


def _is_owned(key: Any) -> sa.ColumnElement[bool]:
    mine = sa.and_(contacts.c.channel == "email", contacts.c.address_key == key)
    return sa.exists().where(mine).correlate(key.table)


def _set_aside(connection: Connection, stage: Stage) -> None:
    """What the rows of one key say together is not known where one of them could not be read."""
    if stage.target.whole_by != "outside_id" or all(column.pick != "sum" for column in stage.part.columns.values()):
        return
    chosen = stage.chosen
    lacking = sa.and_(chosen.c.problem.is_(None), stage.lacks_rows_of(chosen.c.outside_id))
    told = {"problem": "another row of it is wrong", "detail": chosen.c.outside_id}
    connection.execute(chosen.update().where(lacking).values(told))


def keep_shifted_lines(connection: Connection, stage: Stage) -> int:
    """Leave an order's stored lines as they are where theirs are numbered as they come and one could not be read.

    The others would take each other's places. How many rows are not written therefore.
    """
    line = stage.part.columns.get("line")
    if line is None or not line.ordinal:
        return 0
    chosen, other = stage.chosen, stage.chosen.alias("other")
    stored = sa.select(sa.func.count()).where(order_lines.c.order_id == chosen.c.order_id)
    given = sa.select(sa.func.count()).where(other.c.order_id == chosen.c.order_id)
    before = stored.scalar_subquery()
    fewer = sa.and_(given.scalar_subquery() < before, stage.lacks_rows_of(sa.literal(ANYBODY, sa.Text)))
    lacking = sa.or_(fewer, sa.and_(before > 0, stage.lacks_rows_of(chosen.c.owner)))
    return connection.execute(chosen.delete().where(chosen.c.order_id.is_not(None), lacking)).rowcount


def _find_owners_of_addresses(connection: Connection, staged: sa.Table, coming: Stage | None) -> None:
    """A row for each customer who has the address; one that nobody has names nobody whom anybody knows."""
    analyze(connection, staged)
    k, c = contacts.c, customers.c
    last = connection.scalar(sa.select(sa.func.max(staged.c.n))) or 0
    number = sa.func.row_number().over(order_by=(staged.c.n, c.id)) + last
    found = {"n": number, "customer": c.outside_id}
    owned = sa.and_(k.channel == staged.c.channel, k.address_key == staged.c.address_key)
    rows = sa.select(*(found.get(column.name, column) for column in staged.c))
    rows = rows.join_from(staged, contacts, owned).join(customers, c.id == k.customer_id)
    connection.execute(staged.insert().from_select([column.name for column in staged.c], rows))
    nobody = sa.not_(sa.exists().where(owned).correlate(staged))
    if coming is not None:
        nobody = sa.and_(nobody, ~_add_owners_to_come(connection, staged, coming))
    named = sa.literal("address ", sa.Text) + staged.c.address_key
    connection.execute(staged.update().where(staged.c.customer.is_(None), nobody).values(customer=named))
    connection.execute(staged.delete().where(staged.c.customer.is_(None)))


def _add_owners_to_come(connection: Connection, staged: sa.Table, coming: Stage) -> sa.ColumnElement[bool]:
    """The same for those whose addresses this import brings. Returns whether a row has such an owner."""
    new = coming.chosen.alias("coming_addresses")
    last = connection.scalar(sa.select(sa.func.max(staged.c.n))) or 0
    number = sa.func.row_number().over(order_by=(staged.c.n, new.c.n)) + last
    found = {"n": number, "customer": new.c.customer}
    owned = sa.and_(new.c.channel == staged.c.channel, new.c.address_key == staged.c.address_key)
    rows = sa.select(*(found.get(column.name, column) for column in staged.c)).join_from(staged, new, owned)
    rows = rows.where(staged.c.customer.is_(None))
    connection.execute(staged.insert().from_select([column.name for column in staged.c], rows))
    return sa.exists().where(owned).correlate(staged)


def _one_per_key(connection: Connection, stage: Stage) -> sa.Select[Any]:
    staged, target = stage.staged, stage.target
    line = stage.part.columns.get("line")
    if line is not None and line.ordinal:
        ordinal = sa.func.row_number().over(partition_by=staged.c.order, order_by=staged.c.n)
        return sa.select(*(ordinal.label("line") if c.name == "line" else c for c in staged.c))
    keys = [staged.c[name] for name in target.key]
    analyze(connection, staged)
    winner = sa.func.max if stage.part.repeats == "last" else sa.func.min
    picks = {name: column.pick for name, column in stage.part.columns.items() if column.pick is not None}
    summed = {name: _AGGREGATES[pick](staged.c[name]) for name, pick in picks.items() if pick in _AGGREGATES}
    groups = (
        sa.select(
            winner(staged.c.n).label("winner"),
            *(_whole(value).label(f"all_{name}") for name, value in summed.items()),
        )
        .group_by(*keys)
        .subquery("groups")
    )
    replaced: dict[str, Any] = {name: groups.c[f"all_{name}"] for name in summed}
    named = {name: pick for name, pick in picks.items() if pick not in _AGGREGATES}
    if named:
        sa.Index(f"ix_{staged.name}_key", *keys).create(connection, checkfirst=True)
    replaced |= {name: _said_at(staged, target, name, pick) for name, pick in named.items()}
    if target.has_fingerprint and replaced:
        replaced["fingerprint"] = _joined_fingerprint(staged, replaced)
    return sa.select(*(_relabel(c, replaced) for c in staged.c)).join(groups, groups.c.winner == staged.c.n)


def _whole(value: Any) -> Any:
    """PostgreSQL sums whole numbers to NUMERIC; they stay whole here."""
    return sa.cast(value, sa.BigInteger)


def _relabel(column: sa.Column[Any], replaced: dict[str, Any]) -> Any:
    return replaced[column.name].label(column.name) if column.name in replaced else column


def _said_at(staged: sa.Table, target: Target, name: str, pick: str) -> Any:
    """What the first or last row of the same key says that says anything."""
    other = staged.alias(f"other_{name}")
    order = other.c.n if pick == "first" else other.c.n.desc()
    same = [other.c[key] == staged.c[key] for key in target.key]
    return (
        sa.select(other.c[name])
        .where(*same, other.c[name].is_not(None))
        .order_by(order)
        .limit(1)
        .correlate(staged)
        .scalar_subquery()
    )


def _joined_fingerprint(staged: sa.Table, replaced: dict[str, Any]) -> Any:
    """The row's own fingerprint, followed by what its whole key says."""
    text: Any = staged.c.fingerprint
    for name in sorted(replaced):
        text = text + ":" + sa.func.coalesce(sa.cast(replaced[name], sa.Text), "")
    return text


def _resolved(base: Any, target: Target, source: str) -> tuple[Any, dict[str, Any]]:
    """The rows with the tables that they refer to, and the ids found there."""
    joined: Any = base
    ids: dict[str, Any] = {}
    for name in target.references:
        table = REFERENCES[name].alias(f"the_{name}")
        found = table.c.outside_id == base.c[name]
        if "source" in table.c:
            found = sa.and_(table.c.source == source, found)
        joined = joined.outerjoin(table, found)
        ids[name] = table.c.id
        if name == "order" and "customer" in ids and target.name != orders.name:
            ids["customer"] = sa.case((base.c.customer.is_(None), table.c.customer_id), else_=ids["customer"])
    return joined, ids


def _identity(base: Any, stored: Any, target: Target, ids: dict[str, Any], source: str) -> Any:
    same = [stored.c[f"{key}_id"] == ids[key] if key in ids else stored.c[key] == base.c[key] for key in target.key]
    return sa.and_(*same, *([stored.c.source == source] if target.has_source else []))


def _owner(base: Any, target: Target) -> Any:
    if target.owner is not None:
        return base.c[target.owner]
    name = next(name for name in ("outside_id", "object_key", "address_key") if name in base.c)
    return base.c[name]


def _state(base: Any, stored: Any, stage: Stage, ids: dict[str, Any]) -> Any:
    target = stage.target
    if target.has_fingerprint:
        differs: Any = stored.c.fingerprint != base.c.fingerprint
    else:
        pairs = [(_plain(stored.c[name]), _counterpart(base, ids, name)) for name in target.compared]
        differs = sa.or_(sa.false(), *(old.is_distinct_from(new) for old, new in pairs))
    return sa.case((stored.c[_never_null(target)].is_(None), NEW), (differs, CHANGED), else_=UNCHANGED)


def _never_null(target: Target) -> str:
    return "id" if "id" in target.table.c else f"{target.owner}_id"


def _plain(column: Any) -> Any:
    if isinstance(column.type, sa.JSON):
        return sa.cast(sa.type_coerce(column, sa.Text), sa.Text)
    return sa.type_coerce(column, sa.BigInteger) if _is_number(column) else column


def _is_number(column: Any) -> bool:
    return isinstance(getattr(column.type, "impl_instance", column.type), sa.Integer)


def _counterpart(base: Any, ids: dict[str, Any], name: str) -> Any:
    reference = name.removesuffix("_id")
    return ids[reference] if reference != name and reference in ids else base.c[name]


def _problem(base: Any, target: Target, ids: dict[str, Any], coming: Mapping[str, Any]) -> tuple[Any, Any]:
    """Why a row cannot be written: it names somebody whom nobody knows."""
    reasons, details = [], []
    for name in target.references:
        unknown = sa.and_(base.c[name].is_not(None), _missing(name, ids, coming))
        reasons.append((unknown, sa.literal(f"unknown {name}", sa.Text)))
        details.append((unknown, base.c[name]))
    if "customer" in target.required and target.owner is None:
        reasons.append((_nobodys(base, ids, coming), sa.literal("no customer", sa.Text)))
    if not reasons:
        return sa.null(), sa.null()
    return sa.case(*reasons, else_=None), sa.case(*details, else_=None)


def _missing(name: str, ids: dict[str, Any], coming: Mapping[str, Any]) -> Any:
    missing = ids[name].is_(None)
    return sa.and_(missing, coming[name].c.n.is_(None)) if name in coming else missing


def _nobodys(base: Any, ids: dict[str, Any], coming: Mapping[str, Any]) -> Any:
    """No customer is named, and no order that knows its customer."""
    nobody = _missing("customer", ids, coming)
    if "order" in coming and "order" in base.c:
        return sa.and_(nobody, coming["order"].c.customer.is_(None))
    return nobody
