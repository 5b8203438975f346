"""Prefect's own program, with one fault of its server mended: `python -m flows.prefect_program server start`.

With SQLAlchemy 2.1 the scheduler of Prefect 3.8.8 dies at its bulk insert, and no scheduled run ever comes to be:
it hands over values of hybrid properties, which SQLAlchemy 2.0 passed over in silence and 2.1 refuses ("Can't
evaluate bulk DML statement"). Here they are passed over again. A server in an environment of its own with
SQLAlchemy 2.0 needs none of this.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any


def mend_bulk_inserts() -> None:
    """Lets every hybrid property of Prefect's tables be passed over in a bulk insert."""
    from prefect.server.database.orm_models import Base

    for hybrid in _hybrids(Base):
        if hybrid.bulk_dml_setter is None:
            hybrid.bulk_dml_setter = _pass_over


def _hybrids(base: type) -> Iterator[Any]:
    from sqlalchemy.ext.hybrid import hybrid_property

    owners = {owner for mapper in base.registry.mappers for owner in mapper.class_.__mro__}  # type: ignore[attr-defined]  # a declarative base has one
    for owner in owners:
        yield from (value for value in vars(owner).values() if isinstance(value, hybrid_property))


def _pass_over(_owner: type, _row: MutableMapping[str, Any], _value: Any) -> None:
    """The value is worked out from other columns when it is read."""


if __name__ == "__main__":
    mend_bulk_inserts()
    from prefect.cli import app

    app()
