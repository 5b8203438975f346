"""MJML to HTML, once per template, with the template tags kept where they stand.

Template tags, and all content that is plain HTML, are hidden from the MJML compiler behind tokens and put back
afterwards. So a `<`, a quote or a loose `<br>` in them cannot confuse it, and a token that does not come back
tells that the compiler has dropped something.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import mrml

from vefa.content.expressions import TAG, Slip, line_at

#: tags with HTML inside
HTML_TAGS = frozenset(
    f"mj-{part}"
    for part in (
        *("text", "button", "table", "raw", "style", "title", "preview"),
        *("social-element", "navbar-link", "accordion-text", "accordion-title"),
    )
)
#: the tags that mrml knows; it would leave out any other one without a word
KNOWN_TAGS = HTML_TAGS | {
    "mjml",
    *(
        f"mj-{part}"
        for part in (
            *("head", "body", "attributes", "all", "class", "breakpoint", "font"),
            *("accordion", "accordion-element", "carousel", "carousel-image", "navbar", "social"),
            *("wrapper", "section", "group", "column", "hero", "divider", "image", "spacer"),
        )
    ),
}
#: tags between whose children a template tag may stand; "" is the file itself, whose sections go into the layout
CONTROL_HOMES = frozenset({"", "mj-body", "mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-hero"})

_ATTRIBUTES = r"""(?:"[^"]*"|'[^']*'|[^>"'])*?"""
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_ELEMENT = re.compile(rf"<(?P<close>/?)(?P<name>mj[\w-]*)(?P<attributes>{_ATTRIBUTES})(?P<empty>/?)>", re.S)
_HTML_CONTENT = re.compile(
    rf"(?P<open><(?P<name>{'|'.join(sorted(HTML_TAGS, key=len, reverse=True))})(?=[\s>]){_ATTRIBUTES}(?<!/)>)"
    r"(?P<content>.*?)(?P<end></(?P=name)\s*>)",
    re.S,
)
_DEFAULTS = re.compile(r"<mj-attributes\b.*?</mj-attributes\s*>", re.S)
_TOKEN = re.compile(r"vq(\d+)qv")
_AS_IT_IS = re.compile(rf"{TAG.pattern}|<style\b.*?</style>", re.S)
_PLAIN = re.compile(r"[\w#.%-]*\Z", re.A)

_MARKS = {"{#": " ", "{%": "·", "{{": "¤"}

Fold = Callable[[str], str | None]


class MarkupRefused(Exception):  # told to the user as a problem, never raised further
    """The MJML compiler refuses a template; the text says why."""


def compile_markup(source: str, fold: Fold) -> str:
    """HTML with template tags in it, all ASCII but for styles. `fold` gives a tag's value where it never changes."""
    tokens = _Tokens(fold)
    hidden = tokens.hide(_COMMENT.sub("", source))
    try:
        html = mrml.to_html(hidden, None, mrml.RenderOptions(fonts={})).content
    except OSError as error:
        raise MarkupRefused(f"the MJML cannot be read: {error}") from None
    whole = tokens.put_back(html)
    if lost := tokens.lost():
        raise MarkupRefused(f"{lost[0]} has no effect where it stands: MJML leaves it out")
    return to_ascii(whole)


def to_ascii(html: str) -> str:
    """Letters beyond ASCII as entities, except in template tags and styles, where entities mean nothing."""
    parts, end = [], 0
    for kept in _AS_IT_IS.finditer(html):
        parts += [_entities(html[end : kept.start()]), kept[0]]
        end = kept.end()
    return "".join([*parts, _entities(html[end:])])


def markup_slips(source: str) -> Iterator[Slip]:
    """Tags that MJML does not know, that are not closed, and template tags where none may stand."""
    blanked = _COMMENT.sub(_blank, TAG.sub(_mark, source))
    content = _HTML_CONTENT.sub(lambda m: m["open"] + _blank_text(m["content"]) + m["end"], blanked)
    open_tags: list[tuple[str, int]] = []
    end = 0
    for element in _ELEMENT.finditer(content):
        home = open_tags[-1][0] if open_tags else ""
        yield from _misplaced(content[end : element.start()], home, line_at(content, end))
        end = element.end()
        line = line_at(content, element.start())
        if element["name"] not in KNOWN_TAGS:
            yield Slip(line, f"<{element['name']}> is no MJML tag{_nearest(element['name'])}")
        elif element["close"]:
            yield from _closed(element["name"], open_tags, line)
        elif not element["empty"]:
            open_tags.append((element["name"], line))
    yield from (Slip(line, f"<{name}> is not closed") for name, line in open_tags)


class _Tokens:
    """What is hidden from the MJML compiler, by the number of its token."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self._hidden: list[str] = []
        self._seen: set[int] = set()
        self._defaults = range(0)

    def hide(self, source: str) -> str:
        tagless = TAG.sub(self._hide_tag, _DEFAULTS.sub(self._hide_defaults, source))
        return _HTML_CONTENT.sub(self._hide_content, tagless)

    def put_back(self, html: str) -> str:
        """Tokens may hold tokens: the content of a tag holds template tags."""
        while _TOKEN.search(html):
            html = _TOKEN.sub(self._reveal, html)
        return html

    def lost(self) -> list[str]:
        """What was hidden and has not come back; defaults that no part of this message takes are no loss."""
        found = enumerate(self._hidden)
        return [text for number, text in found if text and number not in self._seen and number not in self._defaults]

    def _hide_defaults(self, match: re.Match[str]) -> str:
        first = len(self._hidden)
        hidden = TAG.sub(self._hide_tag, match[0])
        self._defaults = range(first, len(self._hidden))
        return hidden

    def _reveal(self, match: re.Match[str]) -> str:
        self._seen.add(int(match[1]))
        return self._hidden[int(match[1])]

    def _token(self, text: str) -> str:
        self._hidden.append(text)
        return f"vq{len(self._hidden) - 1}qv"

    def _hide_tag(self, match: re.Match[str]) -> str:
        if match[0].startswith("{#"):
            return ""
        value = self._fold(match[0])
        if value is not None and _PLAIN.match(value):
            return value  # a colour or a width, which the compiler reckons with
        return self._token(match[0] if value is None else value)

    def _hide_content(self, match: re.Match[str]) -> str:
        if "inline" in match["open"] and match["name"] == "mj-style":
            return match[0]
        if not match["content"].strip():
            return match[0]
        return match["open"] + self._token(match["content"]) + match["end"]


def _entities(text: str) -> str:
    return text if text.isascii() else text.encode("ascii", "xmlcharrefreplace").decode()


def _blank_text(text: str) -> str:
    return re.sub(r"\S", " ", text)


def _blank(match: re.Match[str]) -> str:
    return _blank_text(match[0])


def _mark(match: re.Match[str]) -> str:
    """A template tag as marks of the same length: nothing in it looks like markup, yet its place shows."""
    return re.sub(r"\S", _MARKS[match[0][:2]], match[0])


def _misplaced(text: str, home: str, line: int) -> Iterator[Slip]:
    stripped = text.lstrip()
    line += text[: len(text) - len(stripped)].count("\n")
    if "·" in stripped and home not in CONTROL_HOMES | HTML_TAGS:
        yield Slip(line, f"<{home}> cannot hold template tags between its parts; put them around <{home}>")
    elif stripped.replace("·", "").strip() and home not in HTML_TAGS:
        yield Slip(line, "text stands between the parts of the message; put it into <mj-text>")


def _closed(name: str, open_tags: list[tuple[str, int]], line: int) -> Iterator[Slip]:
    if open_tags and open_tags[-1][0] == name:
        open_tags.pop()
        return
    yield Slip(line, f"</{name}> closes what is not open here")
    while any(opened == name for opened, _ in open_tags):
        if open_tags.pop()[0] == name:
            break


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, KNOWN_TAGS, 1)
    return f"; did you mean <{close[0]}>?" if close else ""
