"""E-mails to many, told apart: what is the same for everybody once, and the personal pieces in columns.

A text that many get is a tuple of literals (`str`) and slots (`int`, the number of a piece). A piece is a column: one
string a recipient. So a batch of a thousand letters is one text and a few lists, and never a thousand texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: literals and numbers of slots, in the order of the text
Parts = tuple[str | int, ...]


@dataclass(frozen=True)
class Skeleton:
    """The e-mail that all recipients of a batch share. `slots` is how many pieces each of them brings."""

    subject: Parts
    html: Parts
    text: Parts
    slots: int


def fill(parts: Parts, pieces: Sequence[str]) -> str:
    """The text of one recipient, whose piece n stands at slot n."""
    return "".join(part if isinstance(part, str) else pieces[part] for part in parts)
