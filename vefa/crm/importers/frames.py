"""One chunk of a source's texts to rows of one target: chosen, read, checked and, where keys repeat, drawn together.

Every reader works on the distinct texts of a column only, so that a column of few values costs next to nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd

from vefa.crm.identity import address_key, bucket
from vefa.crm.importers.addresses import parse_phone
from vefa.crm.importers.chunks import Chunk
from vefa.crm.importers.columns import (
    Masks,
    Values,
    as_unicode,
    canonical,
    each,
    email,
    filled,
    fingerprint,
    guest_reader,
    kept,
    misfits,
    named_address,
    picked,
    products,
    raw,
    typed_each,
)
from vefa.crm.importers.filling import filler_of_lines
from vefa.crm.importers.filters import test_of
from vefa.crm.importers.lookups import Lookups, lookup_key
from vefa.crm.importers.maps import Column, Condition, ImportMap, Part
from vefa.crm.importers.readings import Habits, Misfit, Reader, Reading, reader
from vefa.crm.importers.rejecting import ANYBODY, Reject, hint_of
from vefa.database import to_micros
from vefa.settings import Settings

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
        self,
        part: Part,
        given: ImportMap,
        settings: Settings,
        now: datetime,
        tables: Lookups | None = None,
    ) -> None:
        self.part = part
        self.target = part.target
        self._habits = Habits(given.zone or settings.shop.zone, given.time_of_day, settings.shop.country)
        self._shop_zone = settings.shop.zone
        self._left_out: Counter[str] = Counter()
        self._source, self._now = given.source, to_micros(now)
        self._tables = tables or {}
        self._typed: Masks = {}
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
        together = self._drawn_together(columns, lines)
        return Batch(*together, count, tuple(rejects.values()), refused, counted)

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
            wanted &= each(chunk.frame[name], test).astype(bool)
        self._typed = {name: mask[wanted] for name, mask in chunk.typed.items()}
        return chunk.frame[wanted], lines[wanted]

    def _column(self, name: str, column: Column, frame: pd.DataFrame, before: dict[str, Values]) -> Values:
        if name == "address":
            return self._addresses(column, frame, before)
        kind = self.target.columns.get(name, "id")
        if column.multiply is not None:
            return products(column, frame, kind, self._typed)
        if column.at_import is not None:
            return self._moments(column.at_import, frame)
        read, plain = self._reader(kind, column), self._reader(kind, canonical(column))
        return typed_each(raw(column, frame), self._typed.get(column.column or ""), read, plain)

    def _reader(self, kind: str, column: Column) -> Reader:
        read = reader(kind, column, self._habits, self._tables.get(lookup_key(column)))
        return guest_reader(read) if column.guest else read

    def _moments(self, tests: Mapping[str, Condition], frame: pd.DataFrame) -> Values:
        """The import's own moment, where the row's cells are as the column says."""
        holds = np.ones(len(frame), dtype=bool)
        for name, condition in tests.items():
            holds &= each(frame[name], test_of(condition)).astype(bool)
        return filled([self._now if one else None for one in holds.tolist()])

    def _addresses(self, column: Column, frame: pd.DataFrame, before: dict[str, Values]) -> Values:
        texts = each(raw(column, frame), self._reader("text", column))
        if self.part.columns["channel"].constant == "email":
            return each(pd.Series(texts, dtype=object), lambda text: text if isinstance(text, Misfit) else email(text))
        countries = before.get("country", np.full(len(texts), None, dtype=object))
        pairs = zip(texts, countries, strict=True)
        return filled([self._phone(text, country) for text, country in pairs])

    def _phone(self, text: Any, country: Any) -> Reading:
        if text is None or isinstance(text, Misfit):
            return text
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
            for index in misfits(values):
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
            for index in misfits(values, also_none=needed):
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
            rows = zip(*(each(frame[self.part.data[name]], as_unicode) for name in names), strict=True)
            more["data"] = filled([orjson.dumps(dict(zip(names, row, strict=True))).decode() for row in rows])
        if self.target.name == "events":
            given = columns.get("occurrence", np.full(len(frame), None, dtype=object))
            more["occurrence"] = filled([value or 0 for value in given])
        if self.target.name == "customers":
            more["bucket"] = filled([bucket(outside_id) for outside_id in columns["outside_id"]])
        if "address" in columns:
            more["address_key"] = filled([address_key(address) for address in columns["address"]])
        if (named := columns.get("outside_id" if self.target.name == "customers" else "customer")) is not None:
            more["customer_at"] = each(pd.Series(named, dtype=object), named_address)
        if self.target.name == "suppressions":
            more |= self._of_suppressions(columns, len(frame))
        if self.target.has_fingerprint:
            said = [
                filled([value is not None for value in values]) if column.at_import is not None else values
                for name, values in columns.items()
                if (column := self.part.columns[name]).pick is None
            ]
            more["fingerprint"] = filled([fingerprint(row) for row in zip(*said, strict=True)])
        return more

    def _of_suppressions(self, columns: dict[str, Values], count: int) -> dict[str, Values]:
        """What need not be said: now, and by this import."""
        nothing = filled([None] * count)
        when, why = (columns.get(name, nothing) for name in ("occurred_at", "evidence"))
        return {
            "occurred_at": filled([self._now if value is None else value for value in when]),
            "evidence": filled([value or f"import {self._source}" for value in why]),
        }

    def _drawn_together(
        self, columns: dict[str, Values], lines: npt.NDArray[np.int64]
    ) -> tuple[dict[str, Sequence[Any]], Sequence[int]]:
        """One row per key of this chunk; what stands in several chunks is drawn together in the database."""
        keys = [columns.get(name) for name in self.target.key]
        plain = {name: values.tolist() for name, values in columns.items()}
        if any(values is None for values in keys):
            return plain, lines.tolist()  # lines that get their number in the database
        identities = list(zip(*keys, strict=True))
        places = kept(identities, self.part.repeats)
        if len(places) == len(identities):
            return plain, lines.tolist()
        drawn = {name: values[places].tolist() for name, values in columns.items()}
        for name, column in self.part.columns.items():
            if column.pick is not None and name in columns:
                said = picked(identities, plain[name], column.pick)
                drawn[name] = [said.get(identities[index]) for index in places]
        return drawn, lines[places].tolist()
