"""A split template, for batches that bring certain columns: what is personal in it, and templates for the rest.

The skeleton template is the whole one with a mark at each personal place (a *region*). What only the engine can tell is
rendered from a pruned one, which has nothing but the asked places and the definitions and choices that lead to them.
Marks hold a secret, so that no value can pass for one.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vefa.content.splitting import (
    Block,
    Choice,
    Definition,
    Node,
    Output,
    Tagged,
    Text,
    defined_in,
    trims_before,
    trims_behind,
)
from vefa.content.vectors import Program, program


@dataclass(frozen=True)
class Cell:
    """What the engine can be asked for: a region, or a part of one that is the same for all. `place` is its region."""

    place: int
    source: str
    names: frozenset[str]


class Marks:
    """What stands in front of the words of each cell in rendered text."""

    def __init__(self) -> None:
        self._secret = secrets.token_hex(8)
        self._pattern = re.compile(f"\x1f{self._secret}:(-?\\d+)\x1f")

    def at(self, cell: int) -> str:
        """The mark of a cell."""
        return f"\x1f{self._secret}:{cell}\x1f"

    def parted(self, text: str) -> tuple[str, list[tuple[int, str]]]:
        """What stands before the first mark, and each cell with the words behind its mark."""
        first, *rest = self._pattern.split(text)
        return first, [(int(cell), words) for cell, words in zip(rest[::2], rest[1::2], strict=True)]


#: marks words that nobody has asked for
_UNASKED = -1


class Plan:
    """One template, where these names are personal."""

    def __init__(self, nodes: tuple[Node, ...], columns: frozenset[str], marks: Marks) -> None:
        self._nodes = nodes
        self._marks = marks
        self._columns = columns
        self._groups = frozenset(
            ".".join(name.split(".")[:n]) for name in columns for n in range(1, name.count(".") + 1)
        )
        self._made = defined_in(nodes)
        self._tainted: frozenset[str] = frozenset()
        self._regions: dict[int, Tagged] = {}
        self._number_of: dict[int, int] = {}
        self.cells: list[Cell] = []
        self.programs: dict[int, Program] = {}
        # at its end a note, so that no line break stands there, which the engine would take away
        self.skeleton = "".join(self._marked(nodes)) + "{# #}"

    def is_personal(self, names: frozenset[str]) -> bool:
        """Whether something with these names differs by recipient."""
        return any(_root(name) in self._tainted or name in self._groups or self._in_column(name) for name in names)

    def is_column(self, path: str) -> bool:
        """Whether the name is a column's, or a field of a column's, and nothing that the template makes."""
        return _root(path) not in self._made and path not in self._groups and self._in_column(path)

    def shared(self, source: str, names: frozenset[str]) -> int:
        """The number of a new cell that is the same for all; it belongs to the region at hand."""
        self.cells.append(Cell(max(self._regions), source, names))
        return len(self.cells) - 1

    def pruned(self, asked: frozenset[int]) -> str:
        """A template that gives the words of these cells, each behind its mark."""
        needed = frozenset(_root(name) for cell in asked for name in self.cells[cell].names)
        while (more := needed | self._leading_to(self._nodes, asked, needed)) != needed:
            needed = more
        return "".join(self._kept(self._nodes, asked, needed))

    def _in_column(self, name: str) -> bool:
        parts = name.split(".")
        return any(".".join(parts[:length]) in self._columns for length in range(1, len(parts) + 1))

    def _marked(self, nodes: tuple[Node, ...]) -> Iterator[str]:
        for node in nodes:
            if isinstance(node, Text):
                yield node.source
            elif isinstance(node, Choice) and not any(self.is_personal(branch.names) for branch in node.branches):
                for branch in node.branches:
                    yield branch.tag
                    yield from self._marked(branch.body)
                yield node.end
            elif self.is_personal(node.names):
                yield from self._region(node)
            else:
                yield node.source

    def _region(self, node: Output | Definition | Block | Choice) -> Iterator[str]:
        self._tainted |= node.defines
        number = len(self.cells)
        self.cells.append(Cell(number, node.source, node.names))
        self._regions[number] = node
        self._number_of[id(node)] = number
        self.programs[number] = program(node, self)
        yield "{#- #}" if trims_before(node.source) else "{# #}"
        yield self._marks.at(number)
        yield "{# -#}" if trims_behind(node.source) else "{# #}"

    def _leading_to(self, nodes: tuple[Node, ...], asked: frozenset[int], needed: frozenset[str]) -> frozenset[str]:
        """Names that definitions of needed names, and choices around what is kept, need themselves."""
        found: set[str] = set()
        for node in nodes:
            if isinstance(node, Text) or not self._leads(node, asked, needed):
                continue
            if not isinstance(node, Choice) or id(node) in self._number_of:
                found.update(map(_root, node.names))
                continue
            for branch in node.branches:
                found.update(map(_root, branch.names))
                found |= self._leading_to(branch.body, asked, needed)
        return frozenset(found)

    def _leads(self, node: Tagged, asked: frozenset[int], needed: frozenset[str]) -> bool:
        if node.defines & needed or self._asked_at(node, asked):
            return True
        bodies = (branch.body for branch in node.branches) if isinstance(node, Choice) else ()
        return any(
            not isinstance(inner, Text) and self._leads(inner, asked, needed) for body in bodies for inner in body
        )

    def _asked_at(self, node: Tagged, asked: Iterable[int]) -> list[int]:
        number = self._number_of.get(id(node))
        return [cell for cell in sorted(asked) if number is not None and self.cells[cell].place == number]

    def _kept(self, nodes: tuple[Node, ...], asked: frozenset[int], needed: frozenset[str]) -> Iterator[str]:
        for node in nodes:
            if isinstance(node, Text) or not self._leads(node, asked, needed):
                continue
            cells = self._asked_at(node, asked)
            if isinstance(node, Choice) and id(node) not in self._number_of:
                for branch in node.branches:
                    yield branch.tag
                    yield from self._kept(branch.body, asked, needed)
                yield node.end
            else:
                yield from (self._marks.at(cell) + self.cells[cell].source for cell in cells)
                if node.defines and node.source not in {self.cells[cell].source for cell in cells}:
                    yield self._marks.at(_UNASKED) + node.source
        yield ""


def _root(name: str) -> str:
    return name.split(".", 1)[0]
