"""Words that end messages and words that take them back, as people type them: any case, with Turkish marks or without.

A word counts alone or with the shop's name behind it. "iptal etmek istiyorum" is a question about an order: it is for
a person to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal
from unicodedata import combining, normalize

Meaning = Literal["stop", "start"]

STOPS = frozenset((
    "stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout",
    "dur", "durdur", "ret", "iptal", "cik", "mesajistemiyorum", "smsistemiyorum", "reklamistemiyorum",
))  # fmt: skip
STARTS = frozenset(("start", "unstop", "yes", "basla", "baslat"))
#: Nothing else begins with it, and what follows is the shop's name in whatever spelling.
REFUSAL, MOST_WORDS = "ret", 3

_DOTLESS = str.maketrans("ıI", "ii")
_NO_WORD = re.compile(r"[^\w]+")


def plain(text: str) -> list[str]:
    """The words in small letters from a to z: "İPTAL", "iptal" and "ıptal" are one."""
    letters = normalize("NFKD", text.translate(_DOTLESS))
    bare = "".join(letter for letter in letters if not combining(letter)).casefold().translate(_DOTLESS)
    return _NO_WORD.sub(" ", bare).split()


def meaning(text: str, names: Iterable[str] = ()) -> Meaning | None:
    """What a message means, if it is one of the words; `names` are what the shop is called."""
    words = plain(text)
    if not words:
        return None
    ways: tuple[tuple[Meaning, frozenset[str]], ...] = (("stop", STOPS), ("start", STARTS))
    for what, known in ways:
        if "".join(words) in known or (words[0] in known and _is_name(words[1:], names)):
            return what
    return "stop" if words[0] == REFUSAL and len(words) <= MOST_WORDS else None


def _is_name(words: list[str], names: Iterable[str]) -> bool:
    called = [plain(name) for name in names]
    return bool(words) and any(name and (words == name or words == name[:1]) for name in called)
