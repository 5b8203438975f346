"""A template as a tree: words, and tags with what they need and make. Read once; rendering needs no more than that.

What cannot be told apart for certain (macros, raw text, things that remember) is refused: it is rendered whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from minijinja import Environment

from vefa.content.expressions import TAG


class Unsplittable(Exception):  # never leaves vefa.content: whoever meets it renders whole
    """This template, or this batch of it, has to be rendered whole."""


@dataclass(frozen=True)
class Text:
    """Words as they come out, white space that tags take away taken away. `source` is what gives them."""

    text: str
    source: str


@dataclass(frozen=True)
class Tagged:
    """A tag, or a block of them, as it stands in the template: the dotted names it needs, the names it makes."""

    source: str
    names: frozenset[str]
    defines: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Output(Tagged):
    """`{{ … }}`."""


@dataclass(frozen=True)
class Definition(Tagged):
    """`{% set … %}`, with its end where it has one."""


@dataclass(frozen=True)
class Block(Tagged):
    """A loop or another block with a scope of its own."""


@dataclass(frozen=True)
class Branch:
    """One way of a choice. `condition` is empty for `{% else %}`; `names` are those of the condition."""

    tag: str
    condition: str
    names: frozenset[str]
    body: tuple[Node, ...]


@dataclass(frozen=True)
class Choice(Tagged):
    """`{% if … %}` to `{% endif %}`."""

    branches: tuple[Branch, ...] = ()
    end: str = ""


Node = Text | Output | Definition | Block | Choice

_CODE = re.compile(r"\{[{%#]")
_STRINGS = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""", re.S)
_STATEMENT = re.compile(r"\{%[-+]?\s*(?P<verb>\w+)\s*(?P<rest>.*?)\s*[-+]?%\}\Z", re.S)
_TARGETS = re.compile(r"(?P<targets>[\w\s,()]+?)\s*(?P<how>=|\||\Z)")
#: what remembers from one place to the next, or belongs to parts of templates that are rendered elsewhere
_REMEMBERS = re.compile(r"\b(?:namespace|cycler|joiner|self|super|caller)\b")
#: what the engine takes for white space; Python counts some control characters too
_WHITE = "\t\n\x0b\x0c\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"

_BLOCKS = {"for": "endfor", "with": "endwith", "filter": "endfilter"}
_IN_LOOPS = frozenset({"continue", "break"})


def split(source: str, environment: Environment) -> tuple[Node, ...]:
    """The tree of a template; Unsplittable if it is not sure to be the same template."""
    return _Reader(source.removesuffix("\n").removesuffix("\r"), environment).read()  # as the engine does


def trims_before(source: str) -> bool:
    """Whether the first tag takes away the white space in front of it."""
    return source[2:3] == "-"


def trims_behind(source: str) -> bool:
    """Whether the last tag takes away the white space behind it."""
    return source[-3:-2] == "-" and len(source) > len("{#-#}")


def defined_in(nodes: Iterable[Node]) -> frozenset[str]:
    """All names that are made there."""
    return frozenset().union(*(node.defines for node in nodes if not isinstance(node, Text)))


class _Reader:
    """Walks over the tags of one source, once, from the first to the last."""

    def __init__(self, source: str, environment: Environment) -> None:
        self._source = source
        self._environment = environment
        self._tags = list(TAG.finditer(source))
        self._next = 0
        self._place = 0

    def read(self) -> tuple[Node, ...]:
        nodes = self._nodes(frozenset())
        if self._next < len(self._tags):
            raise Unsplittable
        return nodes

    def _nodes(self, stop: frozenset[str]) -> tuple[Node, ...]:
        """All nodes up to a statement in `stop`, which is left for the caller."""
        nodes: list[Node] = []
        while True:
            nodes += self._words()
            if self._next == len(self._tags) or self._verb() in stop:
                return tuple(nodes)
            nodes.append(self._tagged())

    def _words(self) -> list[Node]:
        last = self._next == len(self._tags)
        end = len(self._source) if last else self._tags[self._next].start()
        text = self._source[self._place : end]
        if _CODE.search(text):
            raise Unsplittable
        if self._next and trims_behind(self._tags[self._next - 1][0]):
            text = text.lstrip(_WHITE)
        if not last and trims_before(self._tags[self._next][0]):
            text = text.rstrip(_WHITE)
        self._place = end
        return [Text(text, text)] if text else []

    def _verb(self) -> str:
        match = _STATEMENT.match(self._tags[self._next][0])
        return match["verb"] if match else ""

    def _take(self) -> str:
        tag = self._tags[self._next]
        self._next += 1
        self._place = tag.end()
        bare = _STRINGS.sub("", tag[0])
        if not bare.startswith("{#") and (_REMEMBERS.search(bare) or (bare.startswith("{{") and "{" in bare[2:])):
            raise Unsplittable
        return tag[0]

    def _tagged(self) -> Node:
        verb, start = self._verb(), self._tags[self._next].start()
        if verb == "if":
            return self._choice(start)
        tag = self._take()
        if tag.startswith("{#"):
            return Text("", tag)
        if tag.startswith("{{"):
            return Output(tag, self._names(tag))
        if verb == "set":
            return self._definition(tag, start)
        if verb in _BLOCKS:
            return self._block(start, frozenset({_BLOCKS[verb]}))
        if verb in _IN_LOOPS:
            return Block(tag, frozenset())
        raise Unsplittable

    def _definition(self, tag: str, start: int) -> Node:
        statement = _STATEMENT.match(tag)
        target = _TARGETS.match(statement["rest"]) if statement else None
        if target is None:
            raise Unsplittable
        defines = frozenset(re.findall(r"\w+", target["targets"]))
        if target["how"] != "=":
            defines |= self._up_to(frozenset({"endset"}))
        source = self._source[start : self._place]
        return Definition(source, self._names(source), defines)

    def _block(self, start: int, end: frozenset[str]) -> Node:
        defines = self._up_to(end)
        source = self._source[start : self._place]
        return Block(source, self._names(source), defines)

    def _up_to(self, end: frozenset[str]) -> frozenset[str]:
        """What the body of a block makes; the tag that ends it is taken."""
        defines = defined_in(self._nodes(end | {"else"}))
        if self._next == len(self._tags):
            raise Unsplittable
        ended = self._verb() in end
        self._take()
        return defines if ended else defines | self._up_to(end)

    def _choice(self, start: int) -> Node:
        branches: list[Branch] = []
        while self._next < len(self._tags):
            verb, tag = self._verb(), self._take()
            if verb == "endif":
                source = self._source[start : self._place]
                defines = frozenset().union(*(defined_in(branch.body) for branch in branches))
                return Choice(source, self._names(source), defines, tuple(branches), tag)
            statement = _STATEMENT.match(tag)
            condition = statement["rest"] if statement else ""
            names = self._names(f"{{% if {condition} %}}{{% endif %}}") if condition else frozenset()
            branches.append(Branch(tag, condition, names, self._nodes(frozenset({"elif", "else", "endif"}))))
        raise Unsplittable

    def _names(self, source: str) -> frozenset[str]:
        return frozenset(self._environment.undeclared_variables_in_str(source, nested=True))
