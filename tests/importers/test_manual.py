"""The manual names every key, target and column that a map may hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from vefa.crm.importers.maps import Column, Condition, ImportMap, Input, Part
from vefa.crm.importers.targets import TARGETS

MANUAL = (Path(__file__).parents[2] / "docs" / "importing.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", [Input, Part, Column, Condition])
def test_every_key_is_in_the_manual(model):
    assert [key for key in model.model_fields if f"`{key}`" not in MANUAL] == []


def test_every_key_of_the_map_itself_is_in_its_example():
    assert [key for key in ImportMap.model_fields if f"\n{key}:" not in MANUAL] == ["name"]


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
def test_every_target_is_in_the_manual_with_its_columns(target):
    row = next(line for line in MANUAL.splitlines() if line.startswith(f"| `{target.name}` |"))

    hidden = {"data"}  # filled by the key of that name
    assert [name for name in target.names if f"`{name}`" not in row and name not in hidden] == []
    assert [name for name in target.required if f"**`{name}`**" not in row] == []
