"""Rule 19: how SQLite is used, so that many readers and one short writer get along."""

from __future__ import annotations

import ast
import inspect
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.engine.worlds import NOON, Mailbox, World, email, make_plan
from vefa.channels.base import Outcome, Outgoing
from vefa.database import reading, writing
from vefa.engine import delivery
from vefa.engine.shop import open_shop
from vefa.engine.tables import journeys
from vefa.engine.walks import run_tick
from vefa.settings import Settings


def pragma(engine: sa.Engine, name: str) -> object:
    with reading(engine) as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


@pytest.mark.rule(19)
@pytest.mark.parametrize(
    ("name", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 30_000)]
)
def test_every_connection_is_prepared(sqlite_engine: sa.Engine, name: str, value: object) -> None:
    assert pragma(sqlite_engine, name) == value


@pytest.mark.rule(19)
def test_a_write_transaction_has_the_write_lock_from_its_begin(sqlite_engine: sa.Engine) -> None:
    path = sqlite_engine.url.database
    assert path
    other = sqlite3.connect(path, timeout=0, isolation_level=None)

    with writing(sqlite_engine), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.execute("BEGIN IMMEDIATE")
    other.execute("ROLLBACK")
    other.close()


@pytest.mark.rule(19)
def test_a_reader_holds_up_no_writer(sqlite_engine: sa.Engine) -> None:
    with reading(sqlite_engine) as reader:
        before = reader.scalar(sa.select(sa.func.count()).select_from(journeys))
        with writing(sqlite_engine) as connection:
            connection.execute(sa.insert(journeys).values(name="a", state="draft"))
        after = reader.scalar(sa.select(sa.func.count()).select_from(journeys))

    assert (before, after) == (0, 0)


class Writing(Mailbox):
    """A channel that writes to the database while it is called: it could not if a transaction were open."""

    path: Path

    def deliver(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]:
        other = sqlite3.connect(self.path, timeout=0, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
        other.close()
        return super().deliver(messages)


@pytest.mark.rule(19)
def test_nothing_is_sent_inside_a_transaction(sqlite_engine: sa.Engine, settings: Settings) -> None:
    world = World(sqlite_engine, settings)
    channel = Writing("email", "post")
    assert sqlite_engine.url.database
    channel.path = Path(sqlite_engine.url.database)
    # One request at a time, so that nothing else is to be done meanwhile.
    alone = settings.model_copy(update={"sends_in_flight": 1})
    shop = open_shop(alone, database=sqlite_engine, channels={"email": channel}, policy=world.shop.policy)
    world.deploy(make_plan(email()))
    world.order(world.customer(), NOON)

    report = run_tick(shop, "thanks", clock=lambda: NOON, owner="test", wall=lambda: NOON)

    assert report.sent == 1


@pytest.mark.rule(19)
def test_nothing_is_rendered_or_sent_where_the_code_writes() -> None:
    """Inside `with writing(…)` no call renders, fills an envelope or delivers."""
    forbidden = {"write", "envelope", "deliver", "render", "before_request"}
    found = []
    room = Path(inspect.getfile(delivery)).parent
    for node in (node for path in room.glob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8")))):
        if isinstance(node, ast.With) and "writing(" in ast.unparse(node.items[0]):
            calls = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
            names = {f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in calls}
            found += sorted(names & forbidden)

    assert found == []


@pytest.mark.rule(19)
def test_claims_are_updates_that_return_what_they_claimed(sqlite_engine: sa.Engine, settings: Settings) -> None:
    world = World(sqlite_engine, settings)
    world.deploy(make_plan(email()))
    world.order(world.customer(), NOON)
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(" ".join(statement.split()))

    sa.event.listen(sqlite_engine, "before_cursor_execute", note)
    world.tick(NOON)

    assert [text for text in statements if "UPDATE sends SET" in text and "attempt=" in text and "RETURNING" in text]
    assert [text for text in statements if "UPDATE batches SET" in text and "owner=" in text and "RETURNING" in text]
    assert not [text for text in statements if "SKIP LOCKED" in text]
