"""Names of persons as they come from outside: what is no name, and what a mail program would make a link of."""

from __future__ import annotations

import re

from vefa.text import clean_line, without_links

#: What exports and forms write where nobody wrote a name, in small letters.
_PLACEHOLDERS = frozenset(
    {
        *("null", "(null)", "<null>", "[null]", "none", "n/a", "#n/a", "n.a.", "n.a", "undefined", "\\n", "#name?"),
        *("(none)", "<none>", "[none]", "(blank)", "blank", "(empty)", "empty", "unknown", "anonymous", "not provided"),
        *("yok", "bilinmiyor", "belirtilmemiş", "anonim", "isimsiz", "unbekannt", "keine angabe", "inconnu"),
        *("[object object]", "firstname", "first_name", "lastname", "last_name", "first name", "last name"),
    }
)
#: Nan, Na and Nil are names of people; so these count as written by programs only.
_WRITTEN_BY_PROGRAMS = frozenset({"NaN", "nan", "NA", "NIL", "nil", "None", "NaT"})
_ALL_X = re.compile(r"[xX]{2,}")
#: A scheme, or the beginning of a web address.
_LINK = re.compile(r"://|(?:^|[^\w.])www\d?[.。．｡]|(?:mailto|tel|javascript|data|vbscript):", re.IGNORECASE)


def read_name(text: str | None) -> str | None:
    """The name in its stored form; None where the text is nobody's name.

    A name has a letter, is none of the words that programs write for a missing one, and no web or e-mail address. A
    space stands behind each dot inside it, so that no mail program makes a link of it.
    """
    name = clean_line(text or "")
    if not any(map(str.isalpha, name)) or name in _WRITTEN_BY_PROGRAMS or name.lower() in _PLACEHOLDERS:
        return None
    if _ALL_X.fullmatch(name) or _LINK.search(name) or "@" in name or "＠" in name:
        return None
    return without_links(name)
