"""What came in is taken in once, in its order, and what cannot be read holds nobody up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from tests.acceptance.small_shop import MINUTE, NOON
from vefa.crm.tables import tags
from vefa.database import reading, writing
from vefa.inbox import NotTaken, Received, inbox, put, take_in

LATER = NOON + MINUTE


class Taken:
    """A taker that notes what it gets, and chokes on b"bad"."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def __call__(self, connection: sa.Connection, rows: Sequence[Received], now: datetime) -> None:
        assert now == LATER
        if any(row.body == b"bad" for row in rows):
            raise ValueError("c1@ornek.example is bad")
        self.bodies += [row.body for row in rows]


def filled(engine: sa.Engine, *bodies: tuple[str, bytes]) -> None:
    with writing(engine) as connection:
        for kind, body in bodies:
            put(connection, kind, body, NOON, {"topic": kind})


def rows(engine: sa.Engine) -> list[Any]:
    with reading(engine) as connection:
        return list(connection.execute(sa.select(inbox).order_by(inbox.c.id)))


def test_it_is_taken_in_its_order_and_once(engine: sa.Engine) -> None:
    filled(engine, ("a", b"1"), ("b", b"2"), ("a", b"3"))
    a, b = Taken(), Taken()

    assert take_in(engine, {"a": a, "b": b}, LATER) == 3
    assert take_in(engine, {"a": a, "b": b}, LATER) == 0
    assert (a.bodies, b.bodies) == ([b"1", b"3"], [b"2"])
    assert {row.taken_at for row in rows(engine)} == {LATER}


def test_what_nobody_takes_waits(engine: sa.Engine) -> None:
    filled(engine, ("a", b"1"), ("unknown", b"2"))

    assert take_in(engine, {"a": Taken()}, LATER) == 1
    assert [row.taken_at for row in rows(engine)] == [LATER, None]


def test_one_that_cannot_be_read_is_kept_with_its_problem_and_the_rest_is_taken(engine: sa.Engine) -> None:
    filled(engine, ("a", b"1"), ("a", b"bad"), ("a", b"3"))
    a = Taken()

    take_in(engine, {"a": a}, LATER)

    assert a.bodies == [b"1", b"3"]
    assert [row.problem for row in rows(engine)] == [None, "ValueError", None]
    assert take_in(engine, {"a": a}, LATER) == 0


def test_where_the_database_refuses_nothing_is_taken_and_the_next_round_tries_again(engine: sa.Engine) -> None:
    filled(engine, ("a", b"1"))

    def locked(connection: sa.Connection, rows: Sequence[Received], now: datetime) -> None:
        raise sa.exc.OperationalError("INSERT", None, OSError("database is locked"))

    with pytest.raises(sa.exc.OperationalError):
        take_in(engine, {"a": locked}, LATER)
    assert [row.taken_at for row in rows(engine)] == [None]


def test_what_a_taker_writes_goes_with_the_mark_or_not_at_all(engine: sa.Engine) -> None:
    filled(engine, ("a", b"1"))

    def half(connection: sa.Connection, rows: Sequence[Received], now: datetime) -> None:
        put(connection, "written by a taker", b"", now)
        raise ValueError

    take_in(engine, {"a": half}, LATER)

    assert [row.kind for row in rows(engine)] == ["a"]
    with reading(engine) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(tags)) == 0


def test_large_ones_are_taken_in_transactions_of_their_own(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vefa.inbox.BYTES", 10)
    filled(engine, ("a", b"1" * 11), ("a", b"2" * 6), ("a", b"3" * 4), ("a", b"4"))
    a = Taken()

    assert [take_in(engine, {"a": a}, LATER) for _ in range(4)] == [1, 2, 1, 0]
    assert len(a.bodies) == 4


def test_a_taker_may_say_why_it_cannot(engine: sa.Engine) -> None:
    filled(engine, ("a", b"1"))

    def refusing(connection: sa.Connection, rows: Sequence[Received], now: datetime) -> None:
        raise NotTaken("It is about nobody.")

    take_in(engine, {"a": refusing}, LATER)

    assert [row.problem for row in rows(engine)] == ["It is about nobody."]
