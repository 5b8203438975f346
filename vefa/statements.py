"""Statements that are built once and run at many moments.

Building a statement of fifty sub-queries costs SQLAlchemy more than the database needs to run it for a thousand rows,
and `now` stands in it in many places: as it is, and as "ninety days before". So it is built and compiled twice, for
two moments a microsecond apart. Whatever moved along is `now` and a distance; all else is the same for both. What
depends on a customer's own day changes at their midnight, and every zone's midnight falls on a quarter of an hour: a
compiled statement serves the quarter that it was built in.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect

from vefa.database import MINUTE, to_micros

QUARTER = 15 * MINUTE
_TICK = timedelta(microseconds=1)

Build = Callable[[datetime], Any]


@dataclass(frozen=True)
class _Compiled:
    """One statement's text with the parameters that it was built with, made ready for the driver."""

    text: str
    order: tuple[str, ...] | None
    values: Mapping[str, Any]
    processors: Mapping[str, Callable[[Any], Any]]

    @classmethod
    def of(cls, statement: Any, dialect: Dialect) -> _Compiled:
        compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        processors = {}
        for name, bind in compiled.binds.items():
            process = bind.type.dialect_impl(dialect).bind_processor(dialect)
            if process is not None:
                processors[name] = process
        given = compiled.construct_params(_check=False)
        values = {name: _processed(processors, name, value) for name, value in given.items()}
        order = tuple(compiled.positiontup) if compiled.positiontup is not None else None
        return cls(str(compiled), order, values, processors)


def _processed(processors: Mapping[str, Callable[[Any], Any]], name: str, value: Any) -> Any:
    process = processors.get(name)
    return value if process is None or value is None else process(value)


class Prepared:
    """A statement over a moment. Safe to use from several threads.

    `build(now)` must build the same statement for any moment, but for values. Parameters that are to be given at
    each run stand in it by name (`sa.bindparam("batch")`, `among(column, "ids")`).
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._lock = Lock()
        self._quarter: int | None = None
        self._compiled: _Compiled | None = None
        self._moving: dict[str, int] = {}

    def run(self, connection: Connection, now: datetime, **given: Any) -> sa.CursorResult[Any]:
        """Run it as of `now`. Rows come as the driver has them: instants in microseconds, money in ten-thousandths."""
        compiled, moving = self._at(connection.dialect, now)
        micros = to_micros(now)
        values = {**compiled.values, **{name: micros + distance for name, distance in moving.items()}}
        for name, value in given.items():
            values[name] = _processed(compiled.processors, name, value)
        if compiled.order is None:
            return connection.exec_driver_sql(compiled.text, values)
        return connection.exec_driver_sql(compiled.text, tuple([values[name] for name in compiled.order]))

    def rows(self, connection: Connection, now: datetime, **given: Any) -> Sequence[tuple[Any, ...]]:
        """All rows, as plain tuples."""
        result = self.run(connection, now, **given)
        found: Sequence[tuple[Any, ...]] = result.cursor.fetchall() if result.cursor is not None else []
        result.close()
        return found

    def _at(self, dialect: Dialect, now: datetime) -> tuple[_Compiled, dict[str, int]]:
        quarter = to_micros(now) // QUARTER
        with self._lock:
            if self._compiled is None or self._quarter != quarter:
                self._compiled, self._moving = self._compile(dialect, now)
                self._quarter = quarter
            return self._compiled, self._moving

    def _compile(self, dialect: Dialect, now: datetime) -> tuple[_Compiled, dict[str, int]]:
        later = now + _TICK if (to_micros(now) + 1) % QUARTER else now - _TICK
        one, two = (_Compiled.of(self._build(moment), dialect) for moment in (now, later))
        step, micros = to_micros(later) - to_micros(now), to_micros(now)
        moving = {}
        for name, value in one.values.items():
            if two.values[name] == value:
                continue
            if not isinstance(value, int) or two.values[name] - value != step:
                raise ValueError(f"the parameter {name} depends on the moment in a way that nobody can foresee")
            moving[name] = value - micros
        if one.text != two.text:
            raise ValueError("the statement's text depends on the moment")
        return one, moving


class Kept:
    """Statements that are used again by what is made anew for every walk, each under all that its text depends on."""

    #: They are forgotten together when there are so many.
    MOST = 256

    def __init__(self) -> None:
        self._lock = Lock()
        self._statements: dict[Hashable, Prepared] = {}

    def get(self, key: Hashable, build: Build) -> Prepared:
        """The statement of that key; `build` where there is none yet."""
        with self._lock:
            if key not in self._statements:
                if len(self._statements) >= self.MOST:
                    self._statements.clear()
                self._statements[key] = Prepared(build)
            return self._statements[key]
