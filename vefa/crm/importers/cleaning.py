"""What happens to a cell's text before it is read as its type: the steps of a column, in their order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from vefa.crm.importers.maps import Column, Scalar, Split
from vefa.text import clean_lines

_FLOAT_ID = re.compile(r"([+-]?\d+)\.0*")
#: Excel and Shopify write an apostrophe before digits that are to stay a text.
_TEXT_MARK = re.compile(r"'[+-]?[\d+][\d+\-(). /,]*")


def clean_text(column: Column, table: Mapping[str, str] | None = None) -> Callable[[str], str | None]:
    """strip, split, id, case, lookup, map and default, as the column says them; None where `table` lacks the text."""
    values = {clean_lines(key): written(value) for key, value in (column.map or {}).items()}
    default = written(column.default)
    says_otherwise = column.map is not None and "otherwise" in column.model_fields_set
    shape = _shaper(column)

    def prepare(text: str) -> str | None:
        text = shape(text)
        if text and table is not None:
            if (found := table.get(text.casefold())) is None:
                return None
            text = found
        if text in values:
            text = values[text]
        elif says_otherwise and text:
            text = written(column.otherwise)
        return text or default

    return prepare


def _shaper(column: Column) -> Callable[[str], str]:
    def shape(text: str) -> str:
        text = clean_lines(text)
        if column.strip:
            text = text.strip(column.strip + " ").strip()
        if column.split is not None:
            text = part_of(text, column.split)
        if column.id:
            text = without_fraction(text)
        if column.case:
            text = text.upper() if column.case == "upper" else text.lower()
        return text

    return shape


def part_of(text: str, split: Split) -> str:
    """The part of the text that the split takes; empty where there is no such part."""
    parts = text.split() if split.by is None else [part.strip() for part in text.split(split.by)]
    match split.take:
        case "all but first":
            return (split.by or " ").join(parts[1:]).strip()
        case "all but last":
            return (split.by or " ").join(parts[:-1]).strip()
        case "first":
            place = 0
        case "last":
            place = -1
        case int() as number:
            place = number - 1 if number > 0 else number
    return parts[place] if -len(parts) <= place < len(parts) else ""


def without_text_mark(text: str) -> str:
    """The cell without the apostrophe that only says that its digits are a text: '0532 → 0532."""
    return text[1:] if text[:1] == "'" and _TEXT_MARK.fullmatch(text) else text


def without_fraction(text: str) -> str:
    """The id of a number that some tool has made a float of: 233000.0 → 233000."""
    found = _FLOAT_ID.fullmatch(text)
    return found[1] if found else text


def written(value: Scalar | None) -> str:
    """A value of the map as the text that a reader takes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
