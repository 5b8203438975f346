"""White space where pieces and words meet: finishing a text changes it there, so it is finished there piece by piece.

`tidy` and `one_line` work on each run of white space for itself, whatever stands around it. So a text may be finished
in parts, if each run lies within one part. A strand is a string (words of all) or a list (one string a recipient).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from vefa.content.plain_text import NOT_ONE_LINE, one_line, tidy
from vefa.content.vectors import woven

Strand = str | list[str]

#: ends a line
_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
#: stands for a neighbour that is no white space
_ANCHOR = "x"


@dataclass(frozen=True)
class Finish:
    """How a text is finished; `end` is what stands at its end in any case."""

    whole: Callable[[str], str]
    end: str
    lead: re.Pattern[str]
    trail: re.Pattern[str]
    #: whether finishing leaves this alone, but for its edges
    is_quiet: Callable[[str], bool]

    def between(self, text: str, before: bool, behind: bool) -> str:
        """A part of a text, finished. `before` and `behind` say whether more of the text stands there."""
        finished = self.whole(f"{_ANCHOR if before else ''}{text}{_ANCHOR if behind else ''}")
        end = len(finished) - len(_ANCHOR + self.end) if behind else len(finished)
        return finished[len(_ANCHOR) if before else 0 : end]


TIDY = Finish(
    tidy, "\n", re.compile(r"\s*"), re.compile(r"\s*\Z"), lambda text: not any(sign in text for sign in _BREAKS)
)
ONE_LINE = Finish(
    one_line,
    "",
    re.compile(f"(?:{NOT_ONE_LINE.pattern})?"),
    re.compile(rf"(?:{NOT_ONE_LINE.pattern})?\Z"),
    lambda text: text.isprintable() and "  " not in text,
)


def finished(strands: list[Strand], finish: Finish) -> list[Strand]:
    """Strands that, filled in, are the finished text."""
    result: list[Strand] = []
    gap: list[Strand] = []
    anchored = False
    for strand in merged(strands):
        if isinstance(strand, list):
            gap.append(strand)
            continue
        before, core, behind = _parted(strand, finish)
        if not core:
            gap.append(before)
            continue
        result += [*_gap([*gap, before], finish, anchored, True), core]
        gap, anchored = [behind], True
    return merged([*result, *_gap(gap, finish, anchored, False)])


def merged(strands: list[Strand]) -> list[Strand]:
    """The same without empty words, and words beside words made one."""
    result: list[Strand] = []
    for strand in strands:
        if isinstance(strand, str) and result and isinstance(last := result[-1], str):
            result[-1] = last + strand
        elif strand != "":
            result.append(strand)
    return result


def _parted(text: str, finish: Finish) -> tuple[str, str, str]:
    """White space at the beginning, the rest finished, white space at the end."""
    lead = finish.lead.match(text)
    start = lead.end() if lead else 0
    rest = text[start:]
    core = rest[: _trail_start(rest, finish)]
    return text[:start], finish.between(core, True, True) if core else "", rest[len(core) :]


def _trail_start(text: str, finish: Finish) -> int:
    start = len(text)
    while start and finish.trail.match(text, start - 1):
        start -= 1
    return start


def _gap(gap: list[Strand], finish: Finish, before: bool, behind: bool) -> list[Strand]:
    """What lies between two cores (or the text's ends): white space and columns."""
    gap = merged(gap)
    columns = [strand for strand in gap if isinstance(strand, list)]
    if not columns:
        return [finish.between("".join(strand for strand in gap if isinstance(strand, str)), before, behind)]
    if _is_neat(gap, columns, finish, before, behind):
        return list(_apart(gap, finish, before, behind))
    return [_absorbed(gap, finish, before, behind)]


def _is_neat(gap: list[Strand], columns: list[list[str]], finish: Finish, before: bool, behind: bool) -> bool:
    """Whether the pieces, as they are, change nothing of the white space around them, nor it of them."""
    alone = len(columns) == 1
    touches_before = alone and before and gap[0] is columns[0]
    touches_behind = alone and behind and gap[-1] is columns[0]
    stripped = _STRIPPED[touches_before, touches_behind]
    may_be_empty = touches_before or touches_behind
    return all(
        (may_be_empty or "" not in column)
        and finish.is_quiet(_ANCHOR + _ANCHOR.join(column))
        and (stripped is None or list(map(stripped, column)) == column)
        for column in columns
    )


#: what must change nothing of a piece, by whether words touch it before and behind
_STRIPPED: dict[tuple[bool, bool], Callable[[str], str] | None] = {
    (False, False): str.strip,
    (True, False): str.rstrip,
    (False, True): str.lstrip,
    (True, True): None,
}


def _apart(gap: list[Strand], finish: Finish, before: bool, behind: bool) -> Iterator[Strand]:
    """Columns as they are, white space between them finished."""
    last = len(gap) - 1
    for place, strand in enumerate(gap):
        if isinstance(strand, list):
            yield strand
        else:
            yield finish.between(strand, before or place > 0, behind or place < last)
    if isinstance(gap[-1], list) and not behind:
        yield finish.end


def _absorbed(gap: list[Strand], finish: Finish, before: bool, behind: bool) -> list[str]:
    """One column that has the white space as well."""
    between = cache(lambda text: finish.between(text, before, behind))
    return list(map(between, woven(gap)))
