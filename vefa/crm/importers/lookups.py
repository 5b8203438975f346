"""Values that stand in a second file of the same import: found there by what a column holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vefa.crm.importers.chunks import Chunk
from vefa.crm.importers.maps import Column, ImportMap, Lookup
from vefa.text import clean_lines

#: What a file says of each key, by the lookup. A file of which everything is looked up is held in memory.
LookupKey = tuple[str, str, str]
Lookups = Mapping[LookupKey, Mapping[str, str]]


def lookup_key(column: Column) -> LookupKey:
    """What stands for the column's lookup; of no meaning where it has none."""
    return _key(column.lookup) if column.lookup else ("", "", "")


def _key(lookup: Lookup) -> LookupKey:
    return (lookup.input, lookup.match, lookup.take)


def lookups_of(given: ImportMap) -> dict[LookupKey, Lookup]:
    """Every lookup of a map, once."""
    columns = (column for part in given.targets for column in part.columns.values())
    return {_key(column.lookup): column.lookup for column in columns if column.lookup}


def look_up_in(lookup: Lookup, chunks: Iterable[Chunk]) -> dict[str, str]:
    """The values by their keys; of several rows the first counts, and an empty key names nobody."""
    found: dict[str, str] = {}
    for chunk in chunks:
        for key, value in zip(chunk.frame[lookup.match], chunk.frame[lookup.take], strict=True):
            if folded := fold(key):
                found.setdefault(folded, value.strip())
    return found


def fold(key: str) -> str:
    """The key as it is compared: letter case and spaces around it make no difference."""
    return clean_lines(key).casefold()
