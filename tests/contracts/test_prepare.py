"""Finding the providers' OpenAPI files where a person says they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contracts.prepare import SPECS, fetch_specs
from vefa.channels.fakes.behaviours import Answer, Asked
from vefa.channels.fakes.server import FakeServer


class Files(FakeServer):
    """Serves the files at these paths."""

    def __init__(self, paths: list[str]) -> None:
        super().__init__()
        self._paths = paths

    def answer(self, asked: Asked, *, keep: bool) -> Answer:
        return Answer(200, b"{}") if asked.path in self._paths else Answer(404)


def test_both_files_are_found_at_any_depth(tmp_path: Path) -> None:
    for number, name in enumerate(SPECS):
        folder = tmp_path / "here" / str(number) / "spec"
        folder.mkdir(parents=True)
        (folder / name).write_text("{}")

    fetch_specs(str(tmp_path / "here"), tmp_path / "specs")

    assert {path.name for path in (tmp_path / "specs").iterdir()} == set(SPECS)


@pytest.mark.parametrize("repositories", [False, True])
def test_both_files_are_found_below_an_address(tmp_path: Path, repositories: bool) -> None:
    with Files([f"/x/{home}/{name}" if repositories else f"/x/{name}" for name, home in SPECS.items()]) as files:
        fetch_specs(f"{files.url}/x", tmp_path / "specs")

    assert {path.name for path in (tmp_path / "specs").iterdir()} == set(SPECS)


@pytest.mark.parametrize("place", ["", "no/such/folder", "http://ornek.example/specs"])
def test_who_names_no_place_that_has_them_is_told_what_to_get_and_from_where(place: str, tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=r"(?s)make contracts SPECS=.*twilio/sendgrid-oai.*twilio/twilio-oai"):
        fetch_specs(place, tmp_path / "specs")
