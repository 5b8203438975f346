"""Writes a migration from the tables as the code has them now.

python -m vefa.migrations.regenerate                 the initial one anew, as long as nothing is released
python -m vefa.migrations.regenerate "Words on why"  the next one, to be read and corrected by a person
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command

from vefa.database import open_database
from vefa.store import MIGRATIONS, migrating, migration_config, versions

VERSIONS = MIGRATIONS / "versions"


def write_revision(message: str, number: int) -> Path:
    """The revision `number` that leads from the ones before it to the tables of now."""
    with TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{folder}/empty.db")
        with migrating(engine) as connection:
            config = migration_config(connection)
            if number > 1:
                command.upgrade(config, "head")
            made = command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")
        engine.dispose()
    if made is None or isinstance(made, list):
        sys.exit("Alembic wrote nothing.")
    path = Path(made.path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "# ### " not in line))  # Alembic's own remarks
    return path


def main(arguments: list[str]) -> None:
    """Writes the file and brings it into the project's form."""
    initial = not arguments
    if initial and len(versions()) > 1:
        sys.exit("There are later migrations; say in words what the next one is for.")
    if initial:
        for old in VERSIONS.glob("0001_*.py"):
            old.unlink()
    path = write_revision(arguments[0] if arguments else "Initial", 1 if initial else len(versions()) + 1)
    for step in (["format", "--quiet"], ["check", "--fix", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *step, str(path)], check=True)  # noqa: S603  # our own words
    print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
