"""PostgreSQL databases that tests use one after the other: emptied between two tests instead of made anew.

A database of this project is some seven hundred files, so that making one takes longer than most tests do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

#: Tables up to this size are emptied row by row, which is quicker than giving them new files.
_SMALL = 4 * 8192

#: Whatever a test may have changed beside rows. A database that answers otherwise is not used again.
_SHAPE = """
SELECT (SELECT md5(string_agg(attrelid || attname || attnotnull, ',' ORDER BY attrelid, attnum))
          FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
         WHERE c.relnamespace = 'public'::regnamespace AND attnum > 0)
    || (SELECT count(*) FROM pg_constraint) || '/' || (SELECT count(*) FROM pg_trigger)
    || '/' || (SELECT count(*) FROM pg_proc)
    || (SELECT coalesce(string_agg(extname, ','), '') FROM pg_extension)
"""

_ALONE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""

_EMPTY = f"""
DO $$
DECLARE
  large text;
  one record;
BEGIN
  SET LOCAL session_replication_role = replica;
  SELECT string_agg(oid::regclass::text, ', ') INTO large FROM pg_class
   WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > {_SMALL};
  IF large IS NOT NULL THEN
    EXECUTE 'TRUNCATE ' || large || ' CASCADE';
  END IF;
  FOR one IN SELECT oid::regclass AS name FROM pg_class
              WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0 LOOP
    EXECUTE 'DELETE FROM ' || one.name;
  END LOOP;
  FOR one IN SELECT quote_ident(sequencename) AS name FROM pg_sequences WHERE last_value IS NOT NULL LOOP
    PERFORM setval(one.name, 1, false);
  END LOOP;
END $$
"""


class DatabasePool:
    """Databases with all tables and no rows. `make` gives the URL of a new one, `version` is its migration."""

    def __init__(self, make: Callable[[], str], version: str) -> None:
        self._make, self._version = make, version
        self._free: list[str] = []
        self._shape: object = None

    @contextmanager
    def borrowed(self) -> Iterator[str]:
        """One database for the time of the block."""
        url = self._free.pop() if self._free else self._new()
        yield url
        if self._emptied(url):
            self._free.append(url)

    def _new(self) -> str:
        url = self._make()
        with psycopg.connect(url) as connection:
            self._shape = self._shape or _shape_of(connection)
        return url

    def _emptied(self, url: str) -> bool:
        with psycopg.connect(url) as connection:
            connection.execute(_ALONE)
            if _shape_of(connection) != self._shape:
                return False
            connection.execute(_EMPTY)
            connection.execute("INSERT INTO alembic_version VALUES (%s)", [self._version])
        return True


def _shape_of(connection: psycopg.Connection[Any]) -> object:
    found = connection.execute(_SHAPE).fetchone()
    assert found is not None
    return found[0]
