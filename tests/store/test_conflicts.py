"""A transaction that PostgreSQL ends for the sake of another is no error: it is done again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa

from vefa.crm.tables import products
from vefa.database import TRIES, is_conflict, open_database, retry_conflicts, writing


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_transactions_that_lock_each_other_out_both_come_through(database_url: str) -> None:
    engine = open_database(database_url)
    keys = ("one", "two")
    with writing(engine) as connection:
        rows = [{"source": "shop", "outside_id": key, "name": ""} for key in keys]
        connection.execute(sa.insert(products), rows)
    both_hold_one = Barrier(2)

    def rename(first: str, second: str) -> int:
        tries = []

        def once() -> None:
            tries.append(first)
            with writing(engine) as connection:
                connection.exec_driver_sql("SET LOCAL deadlock_timeout = '10ms'")
                connection.execute(_appended(first, first))
                if len(tries) == 1:
                    both_hold_one.wait(60)
                connection.execute(_appended(second, first))

        retry_conflicts(once)
        return len(tries)

    with ThreadPoolExecutor(2) as threads:
        tries = sum(threads.map(rename, keys, reversed(keys)))

    with engine.connect() as connection:
        names = connection.scalars(sa.select(products.c.name)).all()
    engine.dispose()
    assert tries == 3
    assert [sorted(name) for name in names] == [sorted("onetwo")] * 2


def _appended(key: str, text: str) -> sa.Update:
    mine = sa.update(products).where(products.c.outside_id == key)
    return mine.values(name=products.c.name + text)


class _Deadlock(Exception):
    sqlstate = "40P01"


def test_what_ends_so_every_time_is_an_error_in_the_end_and_any_other_error_is_one_at_once() -> None:
    conflict = sa.exc.OperationalError("", {}, _Deadlock())
    other = sa.exc.OperationalError("", {}, Exception("no disk"))
    calls: list[Exception] = []

    def fail_with(error: Exception) -> None:
        calls.append(error)
        raise error

    for error in (conflict, other):
        with pytest.raises(sa.exc.OperationalError):
            retry_conflicts(lambda error=error: fail_with(error))

    assert is_conflict(conflict) and not is_conflict(other)
    assert (calls.count(conflict), calls.count(other)) == (TRIES, 1)
