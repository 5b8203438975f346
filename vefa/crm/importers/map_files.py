"""The maps in `config/importers/`: found by name, read, and every mistake in them told with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from vefa.crm.importers.maps import Column, Condition, ImportMap, Input, Lookup, Part, Split, unknown
from vefa.errors import ImportMapError
from vefa.settings import Settings


def map_names(root: Path) -> tuple[str, ...]:
    """The maps that the shop in `root` has."""
    return tuple(sorted(path.stem for path in (root / "config" / "importers").glob("*.yaml")))


def find_map(settings: Settings, name: str) -> ImportMap:
    """The map of that name in `config/importers/`; raises ImportMapError."""
    names = map_names(settings.root)
    if name not in names:
        hint = unknown("importer", name, names) if names else f'no importer "{name}": config/importers is empty.'
        raise ImportMapError(hint[0].upper() + hint[1:])
    return load_map(settings.root / "config" / "importers" / f"{name}.yaml")


def load_map(path: Path) -> ImportMap:
    """The map in a file; raises ImportMapError with a line for each thing that is wrong."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        content = YAML(typ="safe").load(path)
    except FileNotFoundError:
        raise ImportMapError(f"{path}: there is no such file") from None
    except YAMLError as error:
        raise ImportMapError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise ImportMapError(f"{path}: must hold `key: value` lines")
    return make_map(content, path.stem, str(path))


def make_map(content: dict[str, Any], name: str, place: str) -> ImportMap:
    """The map that a mapping says; `place` is what errors call it."""
    try:
        made = ImportMap.model_validate({"name": name, "source": name, **content})
    except ValidationError as error:
        lines = [_sentence(problem) for problem in error.errors(include_url=False)]
        raise ImportMapError("\n".join(f"{place}: {line}" for line in lines)) from None
    return made


_MODELS: dict[str, type[BaseModel]] = {
    "targets": Part,
    "columns": Column,
    "inputs": Input,
    "where": Condition,
    "at_import": Condition,
    "lookup": Lookup,
    "split": Split,
}


def _sentence(problem: Any) -> str:
    loc = [str(step) for step in problem["loc"]]
    where = ".".join(loc)
    if problem["type"] == "extra_forbidden":
        homes = [_MODELS[step] for step in loc[:-1] if step in _MODELS] or [ImportMap]
        return f"{'.'.join(loc[:-1]) or 'map'}: {unknown('key', loc[-1], homes[-1].model_fields)}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
