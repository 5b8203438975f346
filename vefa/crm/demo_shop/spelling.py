"""Names in plain ASCII, for e-mail addresses and URLs."""

from __future__ import annotations

import re
import unicodedata

#: Letters that Unicode does not take apart.
_WHOLE = str.maketrans({"ı": "i", "ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "'": "", "’": ""})


def ascii_letters(text: str) -> str:
    """The text in lower case without accents: Şükrü becomes sukru."""
    lower = text.replace("İ", "i").replace("I", "i").lower().translate(_WHOLE)
    return unicodedata.normalize("NFKD", lower).encode("ascii", "ignore").decode()


def slug(text: str) -> str:
    """The text as a part of a URL."""
    return re.sub(r"[^a-z0-9]+", "-", ascii_letters(text)).strip("-")
