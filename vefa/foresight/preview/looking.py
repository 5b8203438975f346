"""What is wrong with a message as it looks: in its words, and in the pictures that a browser made of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lxml.html import document_fromstring

from vefa.content.contrast import READABLE
from vefa.foresight.findings import Finding, Severity
from vefa.foresight.preview.chromium import Seen
from vefa.foresight.preview.rendering import Preview

#: Mail programs show about so much of a subject beside the sender.
LONGEST_SUBJECT = 60
#: More than this is a letter, and each segment is paid for.
MOST_SEGMENTS = 3
#: A finger needs so much.
FINGER = 44

_REPLACED = re.compile("\ufffd")
#: UTF-8 that was read as Latin-1 or Windows-1252: Ã¼, Ä±, ÅŸ, â€™
_MOJIBAKE = re.compile(
    "[ÃÄÅ][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]|â€|Â[\u00a0-\u00bf]"
)
_UNFILLED = re.compile(r"\{\{.{0,40}|\{%.{0,40}|\bvefa:\w+")
_NOTHING = re.compile(r"(?<![\w’'])(?:None|undefined|NaN)(?![\w’'])")


def look(preview: Preview) -> Iterator[Finding]:
    """What the words alone show."""
    if preview.fault:
        yield _finding("error", preview, f"cannot be written: {preview.fault}")
        return
    yield from _characters(preview)
    yield from _sms(preview) if preview.medium == "sms" else _email(preview)


def _characters(preview: Preview) -> Iterator[Finding]:
    said = {"subject": preview.subject, "preheader": preview.preheader, "plain part": preview.text}
    if preview.html:
        said["page"] = document_fromstring(preview.html).text_content()
    for part, text in said.items():
        if _REPLACED.search(text):
            yield _finding("error", preview, f"the {part} holds a character that could not be read (\ufffd)")
        if broken := _MOJIBAKE.search(text):
            yield _finding(
                "error", preview, f'the {part} holds "{_around(text, broken)}": letters read in a wrong code'
            )
        if unfilled := _UNFILLED.search(text):
            yield _finding("error", preview, f'the {part} holds "{unfilled[0].strip()}", which nothing has filled in')
        if nothing := _NOTHING.search(text):
            yield _finding("warning", preview, f'the {part} says "{_around(text, nothing)}": is a value missing?')


def _around(text: str, found: re.Match[str]) -> str:
    return " ".join(text[max(0, found.start() - 12) : found.end() + 12].split())


def _email(preview: Preview) -> Iterator[Finding]:
    if not preview.text.strip():
        yield _finding("error", preview, "has no plain part")
    if not preview.preheader:
        yield _finding("warning", preview, "has no preheader: programs show the first words of the page instead")
    if preview.sample == "usual" and len(preview.subject) > LONGEST_SUBJECT:
        says = f"the subject has {len(preview.subject)} characters; programs show about {LONGEST_SUBJECT}"
        yield _finding("warning", preview, says)
    for image in document_fromstring(preview.html).iter("img"):
        if not (image.get("src") or "").strip():
            yield _finding("error", preview, "has a picture without an address")
        if image.get("alt") is None:
            yield _finding("warning", preview, f"has a picture without words for who cannot see it: {_name(image)}")


def _name(image: Any) -> str:
    return str(image.get("src") or "")[:60]


def _sms(preview: Preview) -> Iterator[Finding]:
    if preview.sample != "long" and preview.segments > MOST_SEGMENTS:
        yield _finding("warning", preview, f"takes {preview.segments} segments, each of which is paid for")


def look_at(preview: Preview, pictures: Iterable[Seen]) -> Iterator[Finding]:
    """What the pictures of it show."""
    for seen in pictures:
        at = f"at {seen.width} pixels, {seen.mode}"
        if seen.content_width > seen.width:
            yield _finding(
                "error", preview, f"{at}: is {seen.content_width} pixels wide, so it must be pushed sideways"
            )
        for address in seen.broken:
            yield _missing(preview, address)
        for words, ratio in seen.faint:
            says = f'{at}: "{words}" has a contrast of {ratio:.1f}; {READABLE} can be read by everybody'
            yield _finding("error", preview, says)
        for words, height in seen.small:
            yield _finding(
                "warning", preview, f'{at}: the button "{words}" is {height} pixels high; a finger needs {FINGER}'
            )


def _missing(preview: Preview, address: str) -> Finding:
    """A picture of the shop's own site may be there for others: this machine only could not fetch it."""
    here = address.startswith(("http://", "https://"))
    severity: Severity = "warning" if here else "error"
    return _finding(severity, preview, f"the picture {address[:100]} does not show" + (" here" if here else ""))


def told(findings: Iterable[Finding]) -> tuple[Sequence[Finding], Sequence[Finding]]:
    """Errors and warnings, each once."""
    once = list(dict.fromkeys(findings))
    return [each for each in once if each.severity == "error"], [each for each in once if each.severity == "warning"]


def _finding(severity: Severity, preview: Preview, says: str) -> Finding:
    return Finding(severity, preview.place, says)
