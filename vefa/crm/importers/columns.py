"""Columns of values: arrays of whatever the readers give, read and drawn together as wholes."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from vefa.crm.identity import address_key
from vefa.crm.importers.addresses import LETTERS_BEFORE_AT, ascii_email
from vefa.crm.importers.cleaning import without_fraction, written
from vefa.crm.importers.dates import EPOCH, ISO
from vefa.crm.importers.maps import Column, template_fields
from vefa.crm.importers.readings import LARGEST_MONEY, Misfit, Reading, number, slug
from vefa.database import Money, Quantity
from vefa.text import clean_line, clean_lines

Values = npt.NDArray[np.object_]
#: Which cells of a column are typed by their source, by the column's name.
Masks = Mapping[str, npt.NDArray[np.bool_]]


def each(texts: pd.Series[Any], read: Callable[[str], Any]) -> Values:
    """What `read` makes of each text, asked once for each distinct one."""
    codes, distinct = pd.factorize(texts, use_na_sentinel=False)
    return filled([None if pd.isna(text) else read(text) for text in distinct])[codes]


def filled(values: Sequence[Any]) -> Values:
    """An array of these objects as they are: no guess at a common type."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def raw(column: Column, frame: pd.DataFrame) -> pd.Series[Any]:
    """The texts from which a column is made."""
    if column.column is not None:
        return frame[column.column]
    if column.template is None:
        return pd.Series([written(column.constant)] * len(frame), dtype=object)
    fields = template_fields(column.template)
    pattern = re.sub(r"\{([^{}:]+)(?::(slug|id))?\}", "{}", column.template)
    ways = {"slug": slug, "id": lambda text: without_fraction(clean_line(text)), "": clean_line}
    parts = [each(frame[name], ways[way]) for name, way in fields]
    return pd.Series([pattern.format(*row) for row in zip(*parts, strict=True)], dtype=object)


def typed_each(
    texts: pd.Series[Any], mask: npt.NDArray[np.bool_] | None, read: Callable[[str], Any], plain: Callable[[str], Any]
) -> Values:
    """The same, with `plain` for the cells that are typed by their source."""
    if mask is None:
        return each(texts, read)
    return np.where(mask, each(texts, plain), each(texts, read))


def canonical(column: Column) -> Column:
    """The column as typed cells are read: no marks, no formats."""
    named = tuple(each for each in (EPOCH, ISO) if EPOCH in column.formats)
    return column.model_copy(update={"decimal": ".", "thousands": "", "format": named or None})


#: Numbers that the database holds as whole ones.
_SCALES = {"money": Money.scale, "quantity": Quantity.scale}


def products(column: Column, frame: pd.DataFrame, kind: str, typed: Masks) -> Values:
    """The product of two columns of numbers."""
    plain = canonical(column)
    left, right = (
        typed_each(frame[name], typed.get(name), lambda text: _factor(text, column), lambda text: _factor(text, plain))
        for name in column.sources
    )
    scale = _SCALES.get(kind, 1) * (-1 if column.negate else 1)
    return filled([_product(a, b, scale) for a, b in zip(left, right, strict=True)])


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


def email(text: str) -> Reading:
    """An e-mail address in ASCII."""
    if (address := ascii_email(text)) is not None:
        return address
    local = text.rpartition("@")[0]
    return Misfit("broken e-mail" if local.isascii() else LETTERS_BEFORE_AT, text)


def misfits(values: Values, *, also_none: bool = False) -> list[int]:
    """Where values stand that could not be read."""
    kinds = (Misfit, type(None)) if also_none else Misfit
    return [index for index, value in enumerate(values) if isinstance(value, kinds)]


def fingerprint(row: tuple[Any, ...]) -> str:
    """What tells a changed row."""
    return blake2b("\x1f".join(map(str, row)).encode(), digest_size=12).hexdigest()


def kept(identities: Sequence[Any], repeats: str) -> list[int]:
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


def picked(identities: Sequence[Any], values: Sequence[Any], pick: str) -> dict[Any, Any]:
    """What the rows of each identity say together; empty ones say nothing."""
    together = _PICKS[pick]
    said: dict[Any, Any] = {}
    for identity, value in zip(identities, values, strict=True):
        if value is not None:
            said[identity] = together(said[identity], value) if identity in said else value
    return said


def as_unicode(text: str) -> str:
    """The text as a database can keep it."""
    return clean_lines(text).encode(errors="replace").decode()


_GUEST = "guest:"


def guest_reader(read: Callable[[str], Reading]) -> Callable[[str], Reading]:
    """Reads an e-mail address, and gives the number of a guest who has it."""
    from vefa.crm.guests import guest_id

    def read_guest(text: str) -> Reading:
        address = read(text)
        if not isinstance(address, str):
            return address
        found = email(address)
        return guest_id(found) if isinstance(found, str) else found

    return read_guest


def named_address(customer: Any) -> str | None:
    """The key of the address by which a customer is named; None where it is a number."""
    if not isinstance(customer, str):
        return None
    if customer.startswith(_GUEST):
        return customer.removeprefix(_GUEST)
    address = ascii_email(customer) if "@" in customer else None
    return address_key(address) if address else None
