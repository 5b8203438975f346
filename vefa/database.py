"""One way into the database: types that mean the same in SQLite and PostgreSQL, and transactions.

Instants are 64-bit microseconds since 1970 UTC and money is 64-bit ten-thousandths, on both databases:
the same arithmetic, order and index everywhere, and no floating point in a price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import BigInteger, Integer, TypeDecorator, TypeEngine

from vefa.files import make_private_file, make_private_folder

T = TypeVar("T")

#: SQLSTATEs with which PostgreSQL ends a transaction so that another can go on: a serialization
#: failure, a deadlock. Nothing of it is kept, and the same work done again goes through.
_ROLLED_BACK_FOR_ANOTHER = frozenset({"40001", "40P01"})
#: How often one piece of work is tried in all.
TRIES = 6

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND

#: A row's own number. SQLite gives numbers by itself only to columns called INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 UTC. A moment without a zone is a bug and raises."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """The moment, in UTC."""
    return EPOCH + timedelta(microseconds=micros)


class Instant(TypeDecorator[datetime]):
    """A moment: an aware datetime here, microseconds since 1970 UTC in the database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | int | None, dialect: Dialect) -> int | None:
        return to_micros(value) if isinstance(value, datetime) else value

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(value)

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        return self if isinstance(value, datetime) else BigInteger()


class Money(TypeDecorator[Decimal]):
    """An amount without its currency: a Decimal here, ten-thousandths in the database."""

    impl = BigInteger
    cache_ok = True
    scale = 10_000

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> int | None:
        return None if value is None else int((Decimal(value) * self.scale).to_integral_value())

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(int(value)) / self.scale

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        return self if isinstance(value, Decimal | int) else BigInteger()


class Quantity(TypeDecorator[Decimal]):
    """How much of something: pieces, kilograms, metres. A Decimal here, ten-thousandths in the database."""

    impl = BigInteger
    cache_ok = True
    scale = 10_000

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> int | None:
        return None if value is None else int((Decimal(value) * self.scale).to_integral_value())

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(int(value)) / self.scale

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        return self if isinstance(value, Decimal | int) else BigInteger()


def open_database(url: str, *, echo: bool = False) -> Engine:
    """An engine for `url`. SQLite gets WAL, full durability, foreign keys and a 30 s busy time-out (rule 19).

    Errors never show bound values: they may be addresses.
    """
    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    if not url.startswith("sqlite"):
        return sa.create_engine(url, echo=echo, pool_pre_ping=True, hide_parameters=True)
    path = sa.make_url(url).database
    if path and path != ":memory:":
        make_private_folder(Path(path).parent)
        make_private_file(Path(path))  # what SQLite puts beside it gets the same mode
    settings = {"timeout": 30, "check_same_thread": False}
    engine = sa.create_engine(url, echo=echo, hide_parameters=True, connect_args=settings)
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by us, not guessed by the driver
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "cache_size=-32000",
        "temp_store=MEMORY",
        "secure_delete=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("vefa_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One write transaction: committed at the end, rolled back on any error.

    On SQLite it takes the write lock at once (BEGIN IMMEDIATE), so it can wait but never dead-lock. Keep it
    short: nothing is rendered or sent inside one.
    """
    with engine.connect().execution_options(vefa_write=True) as connection, connection.begin():
        yield connection


def is_conflict(error: BaseException) -> bool:
    """Whether the database rolled a transaction back for the sake of another one (PostgreSQL only)."""
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) else None
    return getattr(cause, "sqlstate", None) in _ROLLED_BACK_FOR_ANOTHER


def retry_conflicts(work: Callable[[], T]) -> T:
    """Do `work`, one whole write transaction, and do it again where a deadlock ended it.

    The transaction that the deadlock was with holds its locks until its end, so the next try waits
    for it instead of for a clock. Raises the last error after `TRIES`.
    """
    for _ in range(TRIES - 1):
        try:
            return work()
        except sa.exc.DBAPIError as error:
            if not is_conflict(error):
                raise
    return work()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent read."""
    with engine.connect() as connection, connection.begin():
        yield connection


def inserting(connection: Connection, table: sa.Table) -> Any:
    """An INSERT that knows ON CONFLICT; both dialects spell it alike."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


@cache
def other(table: sa.Table) -> Any:
    """The table under a second name, always the same one: for sub-queries beside or inside statements over it.

    Making an alias costs SQLAlchemy a copy of every column, and statements are built for every tick. Two sub-queries
    that use the same table must not stand inside each other.
    """
    return table.alias(f"o_{table.name}")


class _Ids(TypeDecorator[Any]):
    """Many numbers as one parameter: JSON for SQLite, an array for PostgreSQL."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        kind: TypeEngine[Any] = ARRAY(BigInteger()) if dialect.name == "postgresql" else sa.Text()
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        numbers = list(value or ())
        return numbers if dialect.name == "postgresql" else f"[{','.join(map(str, numbers))}]"


class _Among(FunctionElement[bool]):
    """`column IN (numbers)` with all of them in one parameter, so that the statement is the same for any number."""

    name = "among"
    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """As it stands: SQLAlchemy would write `… = 1` behind it, past which no index is found."""
        return self


@compiles(_Among, "sqlite")
def _among_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    column, numbers = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({numbers}))"


@compiles(_Among, "postgresql")
def _among_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    column, numbers = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"{column} = ANY ({numbers})"


class _Beside(FunctionElement[bool]):
    """A condition that is looked at, and never looked up: no index is chosen for it."""

    name = "beside"
    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """As it stands."""
        return self


@compiles(_Beside, "sqlite")
def _beside_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return f"+({compiler.process(element.clauses, **kw)})"


@compiles(_Beside, "postgresql")
def _beside_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    return f"({compiler.process(element.clauses, **kw)})"


def beside(condition: Any) -> sa.ColumnElement[bool]:
    """The condition, of rows that something else chooses.

    SQLite takes an index over few values for a good one until it is told otherwise, and then walks a whole step of a
    journey for each batch; a unary plus keeps it from that. PostgreSQL counts for itself.
    """
    return _Beside(condition)


def among(column: Any, ids: Iterable[int] | str, *also: Any) -> sa.ColumnElement[bool]:
    """`column IN (…)` for any number of ids, which travel as one parameter; a `str` names that parameter.

    `also` must hold too, of the rows that the ids choose (see `beside`).
    """
    if isinstance(ids, str):
        chosen: sa.ColumnElement[bool] = _Among(column, sa.bindparam(ids, None, type_=_Ids()))
    else:
        chosen = _Among(column, sa.bindparam(None, list(ids), type_=_Ids(), unique=True))
    return sa.and_(chosen, *map(beside, also)) if also else chosen
