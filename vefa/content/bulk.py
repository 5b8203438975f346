"""An e-mail to many, rendered as one skeleton and a column of pieces for each of its personal places.

What it gives is, byte for byte, what rendering for each recipient gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock

from minijinja import Environment

from vefa.content.columns import Columns
from vefa.content.parts import SplitPart
from vefa.content.plain_text import LONGEST_SUBJECT, cut, one_line
from vefa.content.problems import RenderError
from vefa.content.seams import ONE_LINE, TIDY, Strand, merged
from vefa.content.splitting import Unsplittable
from vefa.content.vectors import woven
from vefa.skeletons import Parts, Skeleton

#: names that rendering makes itself
_MADE = frozenset({"locale", "subject", "preheader"})
#: subjects and preheaders that are remembered for a template
_MOST_LINES = 64

#: subject, HTML and text
Three = tuple[str, str, str]


@dataclass(frozen=True)
class RenderedBulk:
    """What all recipients share and what each of them brings: a column for each slot of the skeleton.

    `faults` are the recipients who cannot be written to, and why; their pieces are empty.
    """

    skeleton: Skeleton
    pieces: tuple[Sequence[str], ...]
    faults: Mapping[int, RenderError]


class SplitEmail:
    """The parts of one template, ready for batches. Safe to use from several threads."""

    def __init__(
        self,
        locale: str,
        html: str,
        text: str,
        make_html: Callable[[], Environment],
        make_text: Callable[[], Environment],
    ) -> None:
        self.locale = locale
        self.html = SplitPart(html, make_html, locale, None)
        self.text = SplitPart(text, make_text, locale, TIDY)
        self._make_text = make_text
        self._lock = RLock()
        self._lines: dict[str, SplitPart] = {}

    def line(self, source: str) -> SplitPart:
        """A subject or preheader."""
        with self._lock:
            if source not in self._lines:
                if len(self._lines) >= _MOST_LINES:
                    self._lines.clear()
                self._lines[source] = SplitPart(source, self._make_text, self.locale, ONE_LINE)
            return self._lines[source]


@dataclass
class Bulk:
    """One batch. `whole` renders one recipient."""

    email: SplitEmail
    whole: Callable[[Mapping[str, object]], Three]
    columns: Columns
    faults: dict[int, RenderError] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)

    def rendered(self, subject: str, preheader: str) -> RenderedBulk:
        """The batch in pieces, or, where that is not sure to be right, with every part a piece."""
        try:
            parts = self._split(subject, preheader)
            self._settle(parts)
        except Unsplittable:
            self.faults.clear()
            parts = self._whole()
        return _numbered(parts, self.faults, self.columns.count)

    def _split(self, subject: str, preheader: str) -> list[list[Strand]]:
        if not self.columns.count or any(name.split(".")[0] in _MADE for name in self.columns.names):
            raise Unsplittable
        known = self.columns.folded().with_common(locale=self.email.locale)
        heading = self._subject(self._line(subject, known))
        known = _with(known, "subject", heading)
        known = _with(known, "preheader", self._line(preheader, known))
        html = self.email.html.strands(known, self.lost)
        return [heading, html, self.email.text.strands(known, self.lost)]

    def _line(self, source: str, known: Columns) -> list[Strand]:
        if "{" not in source:
            return merged([one_line(source)])
        return self.email.line(source).strands(known, self.lost)

    def _subject(self, strands: list[Strand]) -> list[Strand]:
        """Cut where it is too long; who has none is lost."""
        lines = _filled(strands, self.columns.count)
        if "" in lines:
            self.lost.update(row for row, line in enumerate(lines) if not line)
        return strands if max(map(len, lines)) <= LONGEST_SUBJECT else [list(map(cut, lines))]

    def _settle(self, parts: list[list[Strand]]) -> None:
        """Render the lost ones whole, and find their pieces in what comes out."""
        if not self.lost:
            return
        for part in parts:
            part[:] = [list(strand) if isinstance(strand, list) else strand for strand in part]
        for row in sorted(self.lost):
            three = self._rendered(row)
            for part, text in zip(parts, three or (None, None, None), strict=True):
                _fit(part, row, text)

    def _rendered(self, row: int) -> Three | None:
        try:
            return self.whole(self.columns.context(row))
        except RenderError as error:
            self.faults[row] = error
            return None

    def _whole(self) -> list[list[Strand]]:
        rows = [self._rendered(row) or ("", "", "") for row in range(self.columns.count)]
        return [[list(column)] for column in zip(*rows, strict=True)] or [[], [], []]


def _with(columns: Columns, name: str, strands: list[Strand]) -> Columns:
    """The columns and, under this name, what the strands come to."""
    if all(isinstance(strand, str) for strand in strands):
        return columns.with_common(**{name: "".join(map(str, strands))})
    return columns.with_personal(**{name: _filled(strands, columns.count)})


def _filled(strands: list[Strand], count: int) -> list[str]:
    if all(isinstance(strand, str) for strand in strands):
        return ["".join(map(str, strands))] * count
    return woven(strands)


def _fit(part: list[Strand], row: int, text: str | None) -> None:
    """Set the pieces of one recipient so that the part, filled in, is `text`; Unsplittable if its words are not there.

    As with a pattern of wildcards, the first place where the next words stand is always good enough.
    """
    place, piece_of = 0, None
    for strand in part:
        if isinstance(strand, list):
            strand[row], piece_of = "", strand
        elif text is not None:
            found = _found(strand, text, place, last=strand is part[-1])
            if found < place or (piece_of is None and found > place):
                raise Unsplittable
            if piece_of is not None:
                piece_of[row] = text[place:found]
            place, piece_of = found + len(strand), None
    if text is not None and piece_of is not None:
        piece_of[row] = text[place:]
    elif text is not None and place != len(text):
        raise Unsplittable


def _found(words: str, text: str, place: int, *, last: bool) -> int:
    """Where the words stand, from `place` on; at the end if they are the last. -1 if nowhere."""
    if not last:
        return text.find(words, place)
    return len(text) - len(words) if text.endswith(words) else -1


def _numbered(parts: list[list[Strand]], faults: Mapping[int, RenderError], count: int) -> RenderedBulk:
    """Slots for the columns; what is the same for everybody becomes words, and equal columns share a slot."""
    pieces: list[list[str]] = []
    live = next((row for row in range(count) if row not in faults), 0)

    def placed(strand: Strand) -> str | int:
        if isinstance(strand, str):
            return strand
        if strand.count(strand[live]) == count - (len(faults) if strand[live] else 0):
            return strand[live]
        if strand not in pieces:
            pieces.append(strand)
        return pieces.index(strand)

    subject, html, text = (_parts(map(placed, part)) for part in parts)
    return RenderedBulk(Skeleton(subject, html, text, len(pieces)), tuple(pieces), dict(faults))


def _parts(placed: Iterable[str | int]) -> Parts:
    parts: list[str | int] = []
    for part in placed:
        if isinstance(part, str) and parts and isinstance(last := parts[-1], str):
            parts[-1] = last + part
        elif part != "":
            parts.append(part)
    return tuple(parts)
