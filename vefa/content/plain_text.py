"""The plain part of an e-mail, derived once from its compiled HTML template and then a template itself."""

from __future__ import annotations

import re

from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.html_engine import Inscriptis
from inscriptis.model.config import ParserConfig
from lxml.html import HtmlElement, document_fromstring

from vefa.content.expressions import TAG

#: layout tables are no tables to a reader: rows become lines, cells stand beside each other
AS_BLOCK = frozenset({"table", "thead", "tbody", "tfoot", "tr", "center"})
AS_INLINE = frozenset({"td", "th"})
UNSEEN = frozenset({"head", "style", "script", "title"})
_HIDDEN = re.compile(r"display:\s*none")
#: what MJML writes on the cell of each text, button, picture and table: a paragraph of its own
_PARAGRAPH = re.compile(r"word-break:\s*break-word")
_TAGS_ALONE = re.compile(r"^[ \t]*((?:\{%(?:[^%]|%(?!\}))*%\}[ \t]*)+)\n", re.M)
_TOKEN = re.compile(r"vq(\d+)qv")
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_BLANK_LINES = re.compile(r"\n{3,}")
_SPACES = re.compile(r"[ \t\xa0\u034f\u200b-\u200d\u2007]+")
LONGEST_SUBJECT = 200
NOT_ONE_LINE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_CODE_LIKE = re.compile(r"\{(?=[{%#])")


def derive_text(html: str) -> str:
    """A text template that says what `html` says; each link's target stands behind its words."""
    tags: list[str] = []

    def hide(match: re.Match[str]) -> str:
        tags.append(match[0])
        return f"vq{len(tags) - 1}qv"

    def keep_statements(comment: re.Match[str]) -> str:
        """Between the parts of a wrapper, MJML puts what stands there into comments for Outlook."""
        return "".join(m[0] for m in _TOKEN.finditer(comment[0]) if tags[int(m[1])].startswith("{%"))

    tree = document_fromstring(_COMMENT.sub(keep_statements, TAG.sub(hide, html)))
    _simplify(tree)
    laid_out = Inscriptis(tree, ParserConfig(css=CSS_PROFILES["strict"].copy())).get_text()
    plain = _CODE_LIKE.sub('{{ "{" }}', laid_out)
    spaced = tidy(_SPACES.sub(" ", plain))
    return without_tag_lines(_TOKEN.sub(lambda match: tags[int(match[1])], spaced))


def without_tag_lines(source: str) -> str:
    """A line that holds nothing but tags joins the next one, so that it leaves no empty line behind."""
    return _TAGS_ALONE.sub(lambda match: match[1].rstrip(), source)


def tidy(text: str) -> str:
    """No space at the ends of lines, no more than one empty line, one line break at the end."""
    text = "\n".join(map(str.strip, text.splitlines()))
    return (_BLANK_LINES.sub("\n\n", text) if "\n\n\n" in text else text).strip() + "\n"


def one_line(text: str) -> str:
    """No line breaks, control characters or reversals of direction: nothing that could begin another header."""
    if text.isprintable() and "  " not in text:
        return text.strip()  # a space is the only white space that counts as printable
    return NOT_ONE_LINE.sub(" ", text).strip()


def cut(subject: str) -> str:
    """A subject short enough to go."""
    return subject if len(subject) <= LONGEST_SUBJECT else subject[: LONGEST_SUBJECT - 1].rstrip() + "…"


def _simplify(tree: HtmlElement) -> None:
    for element in list(tree.iter()):
        unseen = element.tag in UNSEEN or element.get("data-text") == "none"
        if unseen or _HIDDEN.search(element.get("style") or ""):
            _drop(element)
    links = list(tree.iter("a"))
    worded = frozenset((link.get("href") or "").strip() for link in links if link.text_content().strip())
    for link in links:
        _write_target(link, worded)
    for element in tree.iter():
        if element.tag in AS_BLOCK:
            element.tag = "div"
        elif element.tag in AS_INLINE:
            paragraph = _PARAGRAPH.search(element.get("style") or "")
            element.tag = "p" if paragraph else "span"
            element.tail = " " + (element.tail or "")


def _drop(element: HtmlElement) -> None:
    if element.getparent() is not None:
        element.drop_tree()


def _write_target(link: HtmlElement, worded: frozenset[str]) -> None:
    """A picture that links where words link too says nothing new."""
    label = " ".join(link.text_content().split())
    target = (link.get("href") or "").strip()
    if not label and target not in worded:
        label = next((image.get("alt") for image in link.iter("img") if image.get("alt")), target)
    for child in list(link):
        link.remove(child)
    bare = target.removeprefix("mailto:").removeprefix("tel:")
    told = not label or not target or target.startswith("#") or label in (target, bare)
    link.text = label if told else f"{label} ({target})"
