"""One chunk of a source's texts to rows of one target: chosen, read, checked and, where keys repeat, drawn together.

Every reader works on the distinct texts of a column only, so that a column of few values costs next to nothing.
"""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd

from vefa.crm.forgotten import person_key
from vefa.crm.identity import address_key, bucket
from vefa.crm.importers.addresses import LETTERS_BEFORE_AT, ascii_email, parse_phone
from vefa.crm.importers.cleaning import without_fraction, written
from vefa.crm.importers.filling import filler_of_lines
from vefa.crm.importers.filters import test_of
from vefa.crm.importers.maps import Column, ImportMap, Part, template_fields
from vefa.crm.importers.readings import LARGEST_MONEY, Habits, Misfit, Reading, number, reader, slug
from vefa.crm.importers.rejecting import ANYBODY, Reject, hint_of
from vefa.crm.importers.sources import Chunk
from vefa.database import Money
from vefa.settings import Settings
from vefa.text import clean_line, clean_lines

Values = npt.NDArray[np.object_]
#: What a reject says of the value itself is cut to this many letters.
_DETAIL = 120


@dataclass(frozen=True)
class Batch:
    """Rows of one target, ready to be stored: equally long columns.

    `refused` are the keys of owners of whom a row is missing; ANYBODY's where it cannot be said whose.
    """

    columns: dict[str, Sequence[Any]]
    lines: Sequence[int]
    read: int
    rejects: tuple[Reject, ...]
    refused: frozenset[str] = frozenset()
    counted: Counter[str] = field(default_factory=Counter)


class PartReader:
    """Reads one part of a map from chunk after chunk."""

    def __init__(
        self, part: Part, given: ImportMap, settings: Settings, forgotten: Collection[str] = frozenset()
    ) -> None:
        self.part = part
        self.target = part.target
        self._habits = Habits(given.zone or settings.shop.zone, given.time_of_day, settings.shop.country)
        self._shop_zone = settings.shop.zone
        self._forgotten = forgotten
        self._left_out: Counter[str] = Counter()
        self._filler = filler_of_lines(given, given.input_of(part), part)
        self._tests = {name: test_of(condition) for name, condition in part.where.items()}

    @property
    def sources(self) -> set[str]:
        """Every column of the source that it looks at."""
        return self.part.sources | set(self._filler.sources if self._filler else ())

    def read(self, chunk: Chunk) -> Batch:
        """The rows of the chunk that fit, and those that were rejected."""
        frame, lines = self._chosen(self._filler.fill(chunk) if self._filler else chunk)
        count = len(lines)
        columns: dict[str, Values] = {}
        for name, column in self.part.columns.items():
            if not column.computed_in_database:
                columns[name] = self._column(name, column, frame, columns)
        counted = self._soften(columns) + self._left_out
        self._left_out.clear()
        rejects = self._rejects(columns, chunk.place, lines)
        refused = self._refused(columns, rejects)
        if rejects:
            good = np.ones(count, dtype=bool)
            good[list(rejects)] = False
            columns = {name: values[good] for name, values in columns.items()}
            lines, frame = lines[good], frame[good]
        columns |= self._derived(columns, frame)
        kept = self._drawn_together(columns, lines)
        return Batch(*kept, count, tuple(rejects.values()), refused, counted)

    def _refused(self, columns: dict[str, Values], rejects: Collection[int]) -> frozenset[str]:
        """Of whom a row is missing, where that changes what the other rows mean."""
        keys = columns.get(self.target.whole_by or "")
        if keys is None:
            return frozenset()
        return frozenset(key if isinstance(key := keys[index], str) else ANYBODY for index in rejects)

    def _chosen(self, chunk: Chunk) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
        lines = np.asarray(chunk.lines, dtype=np.int64)
        wanted = np.ones(len(lines), dtype=bool)
        for name, test in self._tests.items():
            wanted &= _each(chunk.frame[name], test).astype(bool)
        return chunk.frame[wanted], lines[wanted]

    def _column(self, name: str, column: Column, frame: pd.DataFrame, before: dict[str, Values]) -> Values:
        if name == "address":
            return self._addresses(column, frame, before)
        kind = self.target.columns.get(name, "id")
        if column.multiply is not None:
            return _products(column, frame, kind)
        read = reader(kind, column, self._habits)
        names_customer = name == "customer" or (name == "outside_id" and self.target.name == "customers")
        if names_customer and self._forgotten:
            return _each(_raw(column, frame), lambda text: self._unless_forgotten(read(text)))
        return _each(_raw(column, frame), read)

    def _unless_forgotten(self, outside_id: Any) -> Reading:
        """Who asked to be forgotten is not brought back."""
        known = isinstance(outside_id, str) and person_key(outside_id) in self._forgotten
        return Misfit("forgotten", "") if known else outside_id

    def _addresses(self, column: Column, frame: pd.DataFrame, before: dict[str, Values]) -> Values:
        texts = _each(_raw(column, frame), reader("text", column, self._habits))
        if self.part.columns["channel"].constant == "email":
            return _each(pd.Series(texts, dtype=object), _email)
        countries = before.get("country", np.full(len(texts), None, dtype=object))
        pairs = zip(texts, countries, strict=True)
        return _filled([self._phone(text, country) for text, country in pairs])

    def _phone(self, text: Any, country: Any) -> Reading:
        if text is None:
            return None
        region = country if isinstance(country, str) else self._habits.country
        found = parse_phone(text, region)
        if found is None:
            return Misfit("broken phone", text)
        if found.left_out:
            self._left_out[f"{found.left_out} left out"] += 1
        return found.number

    def _soften(self, columns: dict[str, Values]) -> Counter[str]:
        """Leave out what may be missing, and count it; customers without a known zone get the shop's."""
        counted: Counter[str] = Counter()
        for name, values in columns.items():
            for index in _misfits(values):
                if values[index].mild:
                    counted[values[index].reason] += 1
                    values[index] = None
            if name == "zone":
                values[[value is None for value in values]] = self._shop_zone
        return counted

    def _rejects(self, columns: dict[str, Values], place: str, lines: npt.NDArray[np.int64]) -> dict[int, Reject]:
        found: dict[int, Reject] = {}
        for name, values in columns.items():
            needed = (name in self.target.required or name == "address") and not self._may_be_empty(name)
            for index in _misfits(values, also_none=needed):
                if index not in found:
                    misfit = values[index] or Misfit("no id" if name == "outside_id" else f"no {name}")
                    found[index] = self._reject(name, misfit, place, int(lines[index]))
        return found

    def _reject(self, name: str, misfit: Misfit, place: str, line: int) -> Reject:
        detail, target = misfit.detail[:_DETAIL], self.target
        kind = target.columns.get(name, "id")
        hint = hint_of(kind, misfit.reason, detail, self.part.columns.get(name), self._habits.country)
        return Reject(place, line, misfit.reason, detail, target.name, name, hint)

    def _may_be_empty(self, name: str) -> bool:
        """A return's customer is its order's where none is named."""
        return name == "customer" and self.target.owner is None

    def _derived(self, columns: dict[str, Values], frame: pd.DataFrame) -> dict[str, Values]:
        """Columns that no map names: fingerprint, bucket, address key, and what else an event says."""
        more: dict[str, Values] = {}
        if self.part.data:
            names = list(self.part.data)
            rows = zip(*(_each(frame[self.part.data[name]], clean_lines) for name in names), strict=True)
            more["data"] = _filled([orjson.dumps(dict(zip(names, row, strict=True))).decode() for row in rows])
        if self.target.name == "events":
            given = columns.get("occurrence", np.full(len(frame), None, dtype=object))
            more["occurrence"] = _filled([value or 0 for value in given])
        if self.target.name == "customers":
            more["bucket"] = _filled([bucket(outside_id) for outside_id in columns["outside_id"]])
        if "address" in columns:
            more["address_key"] = _filled([address_key(address) for address in columns["address"]])
        if self.target.has_fingerprint:
            said = [values for name, values in columns.items() if self.part.columns[name].pick is None]
            more["fingerprint"] = _filled([_fingerprint(row) for row in zip(*said, strict=True)])
        return more

    def _drawn_together(
        self, columns: dict[str, Values], lines: npt.NDArray[np.int64]
    ) -> tuple[dict[str, Sequence[Any]], Sequence[int]]:
        """One row per key of this chunk; what stands in several chunks is drawn together in the database."""
        keys = [columns.get(name) for name in self.target.key]
        plain = {name: values.tolist() for name, values in columns.items()}
        if any(values is None for values in keys):
            return plain, lines.tolist()  # lines that get their number in the database
        identities = list(zip(*keys, strict=True))
        kept = _kept(identities, self.part.repeats)
        if len(kept) == len(identities):
            return plain, lines.tolist()
        drawn = {name: values[kept].tolist() for name, values in columns.items()}
        for name, column in self.part.columns.items():
            if column.pick is not None and name in columns:
                picked = _picked(identities, plain[name], column.pick)
                drawn[name] = [picked.get(identities[index]) for index in kept]
        return drawn, lines[kept].tolist()


def _each(texts: pd.Series[Any], read: Callable[[str], Any]) -> Values:
    """What `read` makes of each text, asked once for each distinct one."""
    codes, distinct = pd.factorize(texts, use_na_sentinel=False)
    return _filled([None if pd.isna(text) else read(text) for text in distinct])[codes]


def _filled(values: Sequence[Any]) -> Values:
    """An array of these objects as they are: no guess at a common type."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _raw(column: Column, frame: pd.DataFrame) -> pd.Series[Any]:
    if column.column is not None:
        return frame[column.column]
    if column.template is None:
        return pd.Series([written(column.constant)] * len(frame), dtype=object)
    fields = template_fields(column.template)
    pattern = re.sub(r"\{([^{}:]+)(?::(slug|id))?\}", "{}", column.template)
    ways = {"slug": slug, "id": lambda text: without_fraction(clean_line(text)), "": clean_line}
    parts = [_each(frame[name], ways[way]) for name, way in fields]
    return pd.Series([pattern.format(*row) for row in zip(*parts, strict=True)], dtype=object)


def _products(column: Column, frame: pd.DataFrame, kind: str) -> Values:
    left, right = (_each(frame[name], lambda text: _factor(text, column)) for name in column.sources)
    scale = (Money.scale if kind == "money" else 1) * (-1 if column.negate else 1)
    return _filled([_product(a, b, scale) for a, b in zip(left, right, strict=True)])


def _factor(text: str, column: Column) -> Decimal | Misfit | None:
    text = text.strip()
    value = number(text, column) if text else None
    return Misfit("wrong number", text) if text and value is None else value


def _product(left: Any, right: Any, scale: int) -> Reading:
    for factor in (left, right):
        if factor is None or isinstance(factor, Misfit):
            return factor
    product = left * right
    return int((product * scale).to_integral_value()) if abs(product) < LARGEST_MONEY else Misfit("wrong number")


def _email(text: str) -> Reading:
    if (address := ascii_email(text)) is not None:
        return address
    local = text.rpartition("@")[0]
    return Misfit("broken e-mail" if local.isascii() else LETTERS_BEFORE_AT, text)


def _misfits(values: Values, *, also_none: bool = False) -> list[int]:
    kinds = (Misfit, type(None)) if also_none else Misfit
    return [index for index, value in enumerate(values) if isinstance(value, kinds)]


def _fingerprint(row: tuple[Any, ...]) -> str:
    return blake2b("\x1f".join(map(str, row)).encode(), digest_size=12).hexdigest()


def _kept(identities: Sequence[Any], repeats: str) -> list[int]:
    """Where the row of each identity stands that counts."""
    places: dict[Any, int] = {}
    for index, identity in enumerate(identities):
        if repeats == "last" or identity not in places:
            places[identity] = index
    return sorted(places.values())


_PICKS: dict[str, Callable[[Any, Any], Any]] = {
    "first": lambda before, _new: before,
    "last": lambda _before, new: new,
    "min": min,
    "max": max,
    "sum": operator.add,
}


def _picked(identities: Sequence[Any], values: Sequence[Any], pick: str) -> dict[Any, Any]:
    """What the rows of each identity say together; empty ones say nothing."""
    together = _PICKS[pick]
    said: dict[Any, Any] = {}
    for identity, value in zip(identities, values, strict=True):
        if value is not None:
            said[identity] = together(said[identity], value) if identity in said else value
    return said
