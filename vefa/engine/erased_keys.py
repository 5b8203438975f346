"""The keys of who was erased, beside the database: a backup does not hold them, and a restore gets them back.

`var/erased.keys` has a line for each key: the HMAC and when it was, in microseconds. It names nobody.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from vefa.crm.forgotten import KEYED, forgotten, keep_keys, keyed, person_key
from vefa.crm.tables import customers
from vefa.database import from_micros, reading, to_micros, writing
from vefa.files import make_private_folder, write_private
from vefa.settings import Settings

f = forgotten.c


def keys_file(settings: Settings) -> Path:
    """Where they are kept."""
    return settings.var / "erased.keys"


def keep_beside(engine: Engine, settings: Settings) -> None:
    """Write the file anew with all that it and the database know."""
    kept = _read(keys_file(settings))
    with reading(engine) as connection:
        kept |= _stored(connection)
    if kept != _read(keys_file(settings)):
        make_private_folder(settings.var)
        lines = (f"{key} {to_micros(at)}\n" for key, at in sorted(kept.items()))
        write_private(keys_file(settings), "".join(lines).encode())


def take_back(engine: Engine, settings: Settings) -> list[tuple[int, datetime]]:
    """Bring into the database what the file knows and it does not, as after a restore.

    Returns the customers who are there again, each with the moment of the erasure: they must be forgotten once more.
    """
    kept = _read(keys_file(settings))
    with reading(engine) as connection:
        missing = {key: at for key, at in kept.items() if key not in _stored(connection)}
        found = _owners(connection, settings, missing) if missing else []
    if missing:
        with writing(engine) as connection:
            for key, at in missing.items():
                keep_keys(connection, [key], at)
    return found


def key_old_ones(engine: Engine, settings: Settings) -> None:
    """Hashes from before the secret was part of them become HMACs."""
    with writing(engine) as connection:
        old = sa.select(f.person_key, f.forgotten_at).where(f.person_key.not_like(f"{KEYED}%"))
        for key, at in connection.execute(old).all():
            keep_keys(connection, [keyed(settings, key)], at)
            connection.execute(sa.delete(forgotten).where(f.person_key == key))


def _owners(connection: Connection, settings: Settings, keys: dict[str, datetime]) -> list[tuple[int, datetime]]:
    c = customers.c
    there = connection.execute(sa.select(c.id, c.outside_id).where(c.forgotten_at.is_(None)))
    named = ((number, keyed(settings, person_key(outside_id))) for number, outside_id in there)
    return [(number, keys[key]) for number, key in named if key in keys]


def _stored(connection: Connection) -> dict[str, datetime]:
    return dict(connection.execute(sa.select(f.person_key, f.forgotten_at)).tuples().all())


def _read(path: Path) -> dict[str, datetime]:
    if not path.exists():
        return {}
    lines = (line.split() for line in path.read_text().splitlines())
    return {key: from_micros(int(micros)) for key, micros in lines}
