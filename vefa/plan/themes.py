"""`config/themes.yaml` as data: what people write about, told by the words they use.

No list of words is ever whole, but everybody can read this one and add to it. A word stands for every word that
begins with it, because Turkish says in endings what others say in words of their own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vefa.language.durations import quoted
from vefa.language.forms import read_form
from vefa.language.source import Source, Trail, read_optional
from vefa.language.surveys import ThemeForm
from vefa.plan.named import by_name, is_name

#: Letters that stay when their marks are taken off, and the I that Turkish and English do not share.
_SAME = str.maketrans({"ı": "i", "ß": "ss", "ø": "o", "æ": "ae", "’": " ", "'": " "})


def plain(text: str) -> str:
    """The text in small letters without marks, so that İADE, Iade and iâde are one word, whatever the keyboard."""
    apart = unicodedata.normalize("NFKD", text.replace("İ", "i").replace("I", "i").casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).translate(_SAME)


@dataclass(frozen=True)
class Theme:
    """One theme, and the expression that finds it in plain text."""

    name: str
    words: Mapping[str, str]
    pattern: re.Pattern[str]

    def is_in(self, text: str) -> bool:
        """Whether a text made `plain` speaks of it."""
        return self.pattern.search(text) is not None


def read_themes(source: Source, locales: Sequence[str]) -> dict[str, Theme]:
    """The shop's themes by name; what cannot be read is told of and left out."""
    themes: dict[str, Theme] = {}
    for name in by_name(source, "name: {words: […]}"):
        if is_name(source, (name,), "a theme", "delivery-time") and (theme := _theme(source, name, locales)):
            themes[name] = theme
    return themes


def shop_themes(root: Path, locales: Sequence[str]) -> dict[str, Theme]:
    """The themes as they stand in the file now; without one there are none."""
    return read_themes(read_optional(root, "config/themes.yaml"), locales)


def _theme(source: Source, name: str, locales: Sequence[str]) -> Theme | None:
    form = read_form(source, ThemeForm, (name,))
    if form is None:
        return None
    parts = [_part(source, (name, "words", place), word) for place, word in enumerate(form.words or ())]
    known = sorted({part for part in parts if part})
    if form.name is None or not known:
        return None
    said = {locales[0]: form.name} if isinstance(form.name, str) else form.name
    return Theme(name, said, re.compile(rf"\b(?:{'|'.join(known)})"))


def _part(source: Source, trail: Trail, word: object) -> str | None:
    """`geç kal` as an expression: words in a row that begin so; `=geç`: that very word."""
    if not isinstance(word, str) or not plain(word).replace("=", "").strip():
        source.report(trail, f"{quoted(word)} is no word", 'Put it in quotes: "paket".', "type")
        return None
    return r"\W+".join(_one(each) for each in plain(word).split())


def _one(word: str) -> str:
    if word.startswith("="):
        return re.escape(word[1:]) + r"\b"
    return re.escape(word) + r"\w*"
