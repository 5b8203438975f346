"""The plain part of an e-mail, derived once from its compiled HTML template and then a template itself."""

from __future__ import annotations

import re

from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.html_engine import Inscriptis
from inscriptis.model.config import ParserConfig
from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types
from lxml.html import HtmlElement, document_fromstring  # type: ignore[import-untyped]  # as above

from vefa.content.expressions import TAG

#: layout tables are no tables to a reader: rows become lines, cells stand beside each other
AS_BLOCK = frozenset({"table", "thead", "tbody", "tfoot", "tr", "center"})
AS_INLINE = frozenset({"td", "th"})
UNSEEN = frozenset({"head", "style", "script", "title"})
_HIDDEN = re.compile(r"display:\s*none")
_TOKEN = re.compile(r"vq(\d+)qv")
_BLANK_LINES = re.compile(r"\n{3,}")
_SPACES = re.compile(r"[ \t\xa0\u034f\u200b-\u200d\u2007]+")
_CODE_LIKE = re.compile(r"\{(?=[{%#])")


def derive_text(html: str) -> str:
    """A text template that says what `html` says; each link's target stands behind its words."""
    tags: list[str] = []

    def hide(match: re.Match[str]) -> str:
        tags.append(match[0])
        return f"vq{len(tags) - 1}qv"

    tree = document_fromstring(TAG.sub(hide, html))
    _simplify(tree)
    laid_out = Inscriptis(tree, ParserConfig(css=CSS_PROFILES["strict"].copy())).get_text()
    plain = _CODE_LIKE.sub('{{ "{" }}', laid_out)
    return tidy(_TOKEN.sub(lambda match: tags[int(match[1])], plain))


def tidy(text: str) -> str:
    """No space at the ends of lines, no more than one empty line, one line break at the end."""
    lines = (_SPACES.sub(" ", line).strip() for line in text.splitlines())
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip() + "\n"


def _simplify(tree: HtmlElement) -> None:
    for comment in list(tree.iter(etree.Comment)):
        comment.drop_tree()
    for element in list(tree.iter()):
        if element.tag in UNSEEN or _HIDDEN.search(element.get("style") or ""):
            _drop(element)
    links = list(tree.iter("a"))
    worded = frozenset((link.get("href") or "").strip() for link in links if link.text_content().strip())
    for link in links:
        _write_target(link, worded)
    for element in tree.iter():
        if element.tag in AS_BLOCK:
            element.tag = "div"
        elif element.tag in AS_INLINE:
            element.tag = "span"
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
