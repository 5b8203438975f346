"""Numbers as people and programs write them, within bounds: a text either is such a number, or it is none.

Nothing here raises, whatever the text: an exponent of a million or ten thousand digits are simply no number of a shop.
"""

from __future__ import annotations

import re
from decimal import Decimal

#: Letters of the longest number that anybody writes on purpose.
_LONGEST = 60
#: No number of a shop is larger or has more decimal places than this power of ten.
_LARGEST_EXPONENT = 30
_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2212": "-"})


def parse_number(text: str, decimal: str = ".", thousands: str = "") -> Decimal | None:
    """The number written with these marks; None where it is none, or none that a shop could mean.

    Digits may be those of any script. Thousands are marked in groups of three (or as in India: 12,34,567), so that
    12.5 is not read as 125 where the dot marks thousands.
    """
    text = text.strip()
    if not text or len(text) > _LONGEST:
        return None
    text = text.translate(_SPACES)
    if thousands:
        text = _without_thousands(text, decimal, thousands.translate(_SPACES)) or ""
    if decimal != ".":
        text = "" if "." in text else text.replace(decimal, ".")
    if not _PLAIN.fullmatch(text):
        return None
    value = Decimal(text)
    return value if _is_in_bounds(value) else None


def _is_in_bounds(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    small = isinstance(exponent, int) and exponent >= -_LONGEST
    return small and (not value or abs(value.adjusted()) <= _LARGEST_EXPONENT)


def _without_thousands(text: str, decimal: str, thousands: str) -> str | None:
    """The text without the marks between thousands; None where they stand elsewhere."""
    whole, mark, fraction = text.partition(decimal)
    if thousands not in whole:
        return text
    first, *groups = whole.split(thousands)
    lengths = {len(group) for group in groups[:-1]}
    if len(groups[-1]) != 3 or not lengths <= {2, 3} or not 1 <= len(first.lstrip("+-")) <= 3:
        return None
    return first + "".join(groups) + mark + fraction
