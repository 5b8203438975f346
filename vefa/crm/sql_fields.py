"""A field as SQL, and what every home of fields builds it with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.sql import ColumnElement, Select

from vefa.crm.scope import Scope
from vefa.database import Instant

Kind = Literal["text", "number", "money", "time", "date", "bool", "list"]
Expression = Callable[[Scope], Any]


@dataclass(frozen=True)
class SqlField:
    """A field's SQL: `sql(scope)` is a scalar expression, or for lists a SELECT of the values (column `value`).

    `yearly` is what anniversaries are counted from where that is more than the field itself: a birthday whose year is
    not known is no date of birth, and comes round all the same.
    """

    kind: Kind
    sql: Expression
    yearly: Expression | None = None

    def anniversary(self, scope: Scope) -> Any:
        """The day or moment whose anniversaries a journey may begin on."""
        return (self.yearly or self.sql)(scope)


def one(query: Select[Any], *own: Any) -> ColumnElement[Any]:
    """The query as one value, its own tables inside and everything else from the statements around it, however far."""
    return query.correlate_except(*own).scalar_subquery()


def visible(at: ColumnElement[Any], known: ColumnElement[Any], scope: Scope) -> ColumnElement[Any]:
    """A moment, empty until we had learned of it."""
    return sa.type_coerce(sa.case((known <= scope.now, at)), Instant())
