"""What is known of many recipients: the same for all, and a column for each personal value.

A column of strings bears None where a string cannot be had here; the template engine is asked for that recipient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Final, TypeVar

from vefa.content.problems import RenderError
from vefa.crm.values import MoneyAmount


class Absent(Enum):
    """What a column bears where the name is not known of that recipient at all."""

    ABSENT = "ABSENT"


ABSENT: Final = Absent.ABSENT

_T = TypeVar("_T")

#: values of these types that are equal are written the same in every way
_SAME_IF_EQUAL = frozenset({str, bool, int, date, NoneType, Absent})
_PRINTED = frozenset({str, bool, int, Decimal, MoneyAmount, date, datetime, time, NoneType})
#: what is true or not for the engine as it is for Python
_JUDGED = _PRINTED | {list, tuple, dict}
#: beyond, the engine has other numbers
_LARGEST = 2**63


class Full(list[_T]):
    """A column in which nothing is missing, so that nobody needs to look."""


class Columns:
    """The values of `count` recipients. Contexts of single ones are made where one is asked for."""

    def __init__(self, common: Mapping[str, object], personal: Mapping[str, Sequence[object]], count: int) -> None:
        self.common = common
        self.personal = personal
        self.count = count
        self.names = frozenset(personal)
        #: some name is asked for both as a whole and by its field
        self.tangled = any(name.startswith(other + ".") for name in personal for other in personal)
        self._values: dict[str, Sequence[object]] = {}
        self._truths: dict[str, list[bool | None] | Full[bool]] = {}
        self._by_depth = sorted(personal, key=lambda name: name.count("."))

    def folded(self) -> Columns:
        """The same, with columns that are the same for everybody among what is common."""
        if self.tangled:
            return self
        constant = {name: values[0] for name, values in self.personal.items() if _constant(values)}
        rest = {name: values for name, values in self.personal.items() if name not in constant}
        return Columns(nested(self.common, constant.items()), rest, self.count)

    def with_common(self, **values: object) -> Columns:
        """The same, with these names common to all."""
        return Columns({**self.common, **values}, self.personal, self.count)

    def with_personal(self, **columns: Sequence[object]) -> Columns:
        """The same, with these columns as well."""
        return Columns(self.common, {**self.personal, **columns}, self.count)

    def context(self, number: int) -> dict[str, object]:
        """All that is known of one recipient, as templates see it."""
        return nested(self.common, ((name, self.personal[name][number]) for name in self._by_depth))

    def column_of(self, path: str) -> str | None:
        """The column that has this name, or the group that it is a field of."""
        parts = path.split(".")
        names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        return next((name for name in names if name in self.personal), None)

    def values(self, path: str) -> Sequence[object]:
        """What stands at a dotted name; ABSENT where it cannot be told here."""
        if path not in self._values:
            name = self.column_of(path) or ""
            values = self.personal[name]
            for key in path[len(name) + 1 :].split(".") if path != name else ():
                values = [value.get(key, ABSENT) if type(value) is dict else ABSENT for value in values]
            self._values[path] = values
        return self._values[path]

    def truths(self, path: str) -> list[bool | None] | Full[bool]:
        """Whether what stands there is true to the engine."""
        if path not in self._truths:
            values = self.values(path)
            if set(map(type, values)) <= _JUDGED:
                self._truths[path] = Full(map(bool, values))
            else:
                self._truths[path] = [bool(value) if type(value) in _JUDGED else None for value in values]
        return self._truths[path]

    def texts(self, path: str, write: Callable[[object], str]) -> list[str | None] | Full[str]:
        """What stands there, written, but not yet made fit for HTML or plain text."""
        values = self.values(path)
        if set(map(type, values)) <= {str, NoneType}:
            return Full(map(str, [value or "" for value in values]))
        return [value if type(value) is str else _text(value, write) for value in values]


def nested(common: Mapping[str, object], named: Iterable[tuple[str, object]]) -> dict[str, object]:
    """`common` with these values at their dotted names. What is ABSENT leaves nothing behind."""
    context = dict(common)
    own: dict[str, dict[str, object]] = {"": context}
    for name, value in named:
        if value is ABSENT:
            continue
        group, _, field = name.rpartition(".")
        home = own.get(group)
        if home is None:
            home = _opened(group, own)
        home[field] = value
    return context


def _opened(group: str, own: dict[str, dict[str, object]]) -> dict[str, object]:
    """The dict of a group, a copy that may be written to; `own` has those that were opened before."""
    if group not in own:
        above, _, field = group.rpartition(".")
        home = _opened(above, own)
        old = home.get(field)
        own[group] = dict(old) if isinstance(old, Mapping) else {}
        home[field] = own[group]
    return own[group]


def _text(value: object, write: Callable[[object], str]) -> str | None:
    try:
        return write(value) if _printed(value) else None
    except RenderError:
        return None


def _printed(value: object) -> bool:
    return type(value) in _PRINTED and (type(value) is not int or -_LARGEST <= value < _LARGEST)


def _constant(values: Sequence[object]) -> bool:
    first = values[0]
    if type(first) in _SAME_IF_EQUAL:
        return all(type(value) is type(first) and value == first for value in values)
    return all(value is first for value in values)
