"""Links of a letter, changed on the way out: campaign names for the shop's statistics, and where a click is counted.

It works on what was rendered, so templates know nothing of it and pay nothing where it is off. What all recipients
share is changed once for all of them; the one word that tells their letters apart becomes a piece of its own. Only
where a link itself is personal is it changed for each. Written out, a letter is byte for byte what changing it whole
would give.

The proof is in where the text is cut: a link is changed inside one tag, from `<` to `>`, and no cut falls into a tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Final
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from vefa.content.tracked_links import CLICK_PATH, OPEN_PATH, TrackedLinks
from vefa.skeletons import Parts, Skeleton

#: Where the letter's own word comes: a character that no text may have.
LETTER: Final = "\ufdd0"

#: in small letters, as everybody writes them: without regard to case the search takes four times as long
_LINK = re.compile(
    r"""(?P<before><a\s(?:[^<>]*?\s)?href=)(?:"(?P<double>https?://[^"<>\s]+)"|'(?P<single>https?://[^'<>\s]+)')"""
)
_REFERENCE = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|\w+);", re.A)
_BEYOND = re.compile(r"""[\s"'<>]""")
_ANCHOR = re.compile(r"<a\s")
_END = "</body>"
#: stands between pieces that are changed together: no text may have it either
_APART: Final = "\ufdd1"
#: links that are remembered, and letters of pieces that are changed together
_MOST_KNOWN, _AT_ONCE = 10_000, 4_000_000
#: what may stand in an address as it is
_SAFE = "%/:=&?~#+!$,;'@()*[]"

#: a part of the text: words of all, or a column of pieces
_Strand = str | Sequence[str]


@dataclass(frozen=True)
class Campaign:
    """What the shop's statistics are told of a visit: added to links to the shop's own pages that name none."""

    hosts: frozenset[str]
    name: str
    content: str

    def named(self, url: str) -> str:
        """The address with the campaign's names."""
        parts = urlsplit(url)
        if "utm_" in parts.query or not self._is_own(parts.hostname or ""):
            return url
        names = {"utm_source": "vefa", "utm_medium": "email", "utm_campaign": self.name, "utm_content": self.content}
        query = "&".join(filter(None, (parts.query, urlencode(names))))
        return urlunsplit(parts._replace(query=query))

    def _is_own(self, host: str) -> bool:
        return any(host == own or host.endswith(f".{own}") for own in self.hosts)


@dataclass(frozen=True)
class Tracker:
    """What becomes of the links of one step's letters. Without `clicks` they lead straight to their targets."""

    links: TrackedLinks
    clicks: bool = False
    opens: bool = False
    campaign: Campaign | None = None
    _known: dict[str, str] = field(init=False, default_factory=dict, repr=False, compare=False)

    def track(
        self, skeleton: Skeleton, pieces: Sequence[Sequence[str]], refs: Sequence[str]
    ) -> tuple[Skeleton, tuple[Sequence[str], ...]]:
        """The letters with their links changed. `refs` name them, a row each."""
        letters = self.links.letters(refs) if self.clicks or self.opens else []
        strands = _joined(self._changed(_strands(skeleton.html, pieces), letters))
        if self.opens:
            strands = _with_picture(strands, self._picture, letters)
        return _numbered(skeleton, strands, pieces, letters)

    def whole(self, html: str, ref: str) -> str:
        """One letter's HTML, changed whole."""
        (letter,) = self.links.letters([ref])
        changed = self._rewritten(html)
        if self.opens:
            changed = _pictured(changed, self._picture)
        return changed.replace(LETTER, letter)

    @property
    def _picture(self) -> str:
        source = f"{self.links.public_url}{OPEN_PATH}/{LETTER}.gif"
        return f'<img src="{source}" width="1" height="1" alt="" style="display:block;border:0;">'

    # --- one text

    def _rewritten(self, text: str) -> str:
        """A text with whole tags in it, LETTER standing for the letter's word."""
        return _LINK.sub(self._link, text)

    def _link(self, match: re.Match[str]) -> str:
        double = match["double"]
        quoted = double or match["single"]
        if quoted not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[quoted] = self._led(quoted)
        mark = '"' if double else "'"
        return f"{match['before']}{mark}{self._known[quoted]}{mark}"

    def _led(self, quoted: str) -> str:
        """Where a link leads instead, as it is written in HTML."""
        url = _REFERENCE.sub(lambda match: unescape(match[0]), quoted)
        own = self.links.public_url
        if url == own or url.startswith((f"{own}/", f"{own}?")) or not _is_address(url):
            return quoted  # our own: to unsubscribe must not hang on anything else
        target = self.campaign.named(url) if self.campaign else url
        if self.clicks:
            return f"{own}{CLICK_PATH}/{LETTER}/{self.links.target(quote(target, safe=_SAFE))}"
        return quoted if target == url else escape(target).encode("ascii", "xmlcharrefreplace").decode()

    # --- texts of many

    def _changed(self, strands: Iterable[_Strand], letters: Sequence[str]) -> Iterable[_Strand]:
        """Cut between tags: what lies in one stays together until it is closed for everybody."""
        tag: list[_Strand] = []
        for strand in strands:
            if not isinstance(strand, str):
                if tag or not _is_closed(strand):
                    tag.append(strand)
                else:
                    yield self._column(strand, letters)
                continue
            words = strand
            if tag:
                end = words.find(">") + 1
                tag.append(words[:end] if end else words)
                if not end:
                    continue
                yield from self._tag(tag, letters)
                tag, words = [], words[end:]
            start = words.rfind("<")
            if start > words.rfind(">"):
                tag, words = [words[start:]], words[:start]
            yield self._rewritten(words)
        if tag:
            yield from self._tag(tag, letters)

    def _tag(self, strands: list[_Strand], letters: Sequence[str]) -> Iterable[_Strand]:
        """One tag, or whatever tags the pieces in it make of it."""
        if all(isinstance(strand, str) for strand in strands):
            return [self._rewritten("".join(map(str, strands)))]
        first = strands[0]
        if isinstance(first, str) and not _ANCHOR.match(first) and len(first) > 2 and not _has_tags(strands[1:]):
            return strands
        if self._leads_home(strands):
            return strands
        before = _filled(strands)
        after = self._column(before, letters)
        return strands if after is before else [after]

    def _leads_home(self, strands: list[_Strand]) -> bool:
        """The commonest personal link of all, to unsubscribe: told without writing it out for everybody."""
        first, column, rest = strands[0], strands[1:2], strands[2:]
        if not isinstance(first, str) or first.count("href=") != 1 or not first.endswith(' href="'):
            return False
        if any(not isinstance(words, str) or "href=" in words for words in rest):
            return False
        own = (f"{self.links.public_url}/", f"{self.links.public_url}?")
        pieces = column[0]
        return all(piece.startswith(own) for piece in pieces) and not _BEYOND.search("".join(pieces))

    def _column(self, column: Sequence[str], letters: Sequence[str]) -> Sequence[str]:
        """Each piece by itself, at once where their tags are closed; the very same column where nothing changes."""
        if sum(map(len, column)) <= _AT_ONCE and _is_closed(column):
            after = self._rewritten(_APART.join(column)).split(_APART)
        else:
            after = list(map(self._rewritten, column))
        if after == list(column):
            return column
        return (
            [piece.replace(LETTER, letter) for piece, letter in zip(after, letters, strict=True)] if letters else after
        )


def _is_address(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname) and url.isprintable()
    except ValueError:
        return False


def _is_closed(column: Sequence[str]) -> bool:
    return "<" not in "".join(column) or all(piece.rfind("<") <= piece.rfind(">") for piece in column)


def _has_tags(strands: Iterable[_Strand]) -> bool:
    return any("<" in (strand if isinstance(strand, str) else "".join(strand)) for strand in strands)


def _strands(parts: Parts, pieces: Sequence[Sequence[str]]) -> list[_Strand]:
    return [part if isinstance(part, str) else pieces[part] for part in parts]


def _joined(strands: Iterable[_Strand]) -> list[_Strand]:
    """Words beside words made one."""
    joined: list[_Strand] = []
    for strand in strands:
        if isinstance(strand, str) and joined and isinstance(last := joined[-1], str):
            joined[-1] = last + strand
        elif not isinstance(strand, str) or strand:
            joined.append(strand)
    return joined


def _filled(strands: Sequence[_Strand]) -> list[str]:
    count = next(len(strand) for strand in strands if not isinstance(strand, str))
    rows = zip(*([strand] * count if isinstance(strand, str) else strand for strand in strands), strict=True)
    return ["".join(row) for row in rows]


def _pictured(html: str, picture: str) -> str:
    place = html.rfind(_END)
    return html + picture if place < 0 else html[:place] + picture + html[place:]


def _with_picture(strands: list[_Strand], picture: str, letters: Sequence[str]) -> list[_Strand]:
    """The picture before the last end of a body, wherever that is; where there is none, behind everything."""
    for place in reversed(range(len(strands))):
        strand = strands[place]
        if isinstance(strand, str):
            if _END in strand:
                return [*strands[:place], _pictured(strand, picture), *strands[place + 1 :]]
        elif _END in "".join(strand):
            rows = zip(_filled(strands), letters, strict=True)
            return [[_pictured(row, picture).replace(LETTER, letter) for row, letter in rows]]
    return _joined([*strands, picture])


def _numbered(
    skeleton: Skeleton, strands: Iterable[_Strand], pieces: Sequence[Sequence[str]], letters: Sequence[str]
) -> tuple[Skeleton, tuple[Sequence[str], ...]]:
    """Slots for the columns that are still used anywhere."""
    columns: list[Sequence[str]] = []
    slots: dict[int, int] = {}

    def slot(column: Sequence[str]) -> int:
        if id(column) not in slots:
            slots[id(column)] = len(columns)
            columns.append(column)
        return slots[id(column)]

    def renumbered(parts: Parts) -> Parts:
        return tuple(part if isinstance(part, str) else slot(pieces[part]) for part in parts)

    html: list[str | int] = []
    for strand in strands:
        if not isinstance(strand, str):
            html.append(slot(strand))
            continue
        for place, words in enumerate(strand.split(LETTER)):
            html += [slot(letters)] if place else []
            html += [words] if words else []
    subject, text = renumbered(skeleton.subject), renumbered(skeleton.text)
    return Skeleton(subject, tuple(html), text, len(columns)), tuple(columns)
