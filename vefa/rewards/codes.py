"""How codes are written, and how what customers type is compared with them."""

from __future__ import annotations

import re

#: A checkout's code: what a person can type on any keyboard.
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+#-]{2,63}")
_TURKISH = str.maketrans({"ı": "I", "İ": "I", "i": "I"})


def key_of(code: str) -> str:
    """The code without spaces and in capitals, the Turkish i as any other: what two ways of writing have in common."""
    return "".join(code.split()).translate(_TURKISH).upper()
