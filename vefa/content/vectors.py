"""What the commonest personal places of a template come to, for all recipients at once and without the engine.

A vector is a string (the same for all), a list (one string a recipient), or None: the engine has to be asked. In a
list that is not full, None asks for that recipient.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import not_
from typing import Protocol, TypeGuard

from vefa.content.columns import Columns, Full
from vefa.content.splitting import Block, Branch, Choice, Node, Output, Text

Column = list[str | None] | Full[str]
Vector = str | Column | None
#: a test's outcome, in the same way
Judged = bool | list[bool | None] | Full[bool] | None


@dataclass(frozen=True)
class Words:
    """The same for everybody."""

    text: str


@dataclass(frozen=True)
class Shared:
    """Depends on nothing personal, but on the batch: the number of a cell that the engine renders once."""

    cell: int


@dataclass(frozen=True)
class Value:
    """A personal value, printed."""

    path: str


@dataclass(frozen=True)
class Row:
    """One thing behind the other."""

    items: tuple[Program, ...]


@dataclass(frozen=True)
class Truth:
    """Whether a personal value is there (or, if `negated`, is not)."""

    path: str
    negated: bool


@dataclass(frozen=True)
class Test:
    """Several truths joined, all of them (`every`) or one; or a shared cell, which is true where it has words."""

    truths: tuple[Truth | Shared, ...]
    every: bool


@dataclass(frozen=True)
class Either:
    """One or the other, by a test."""

    test: Test
    then: Program
    otherwise: Program


@dataclass(frozen=True)
class Unknown:
    """Only the engine can tell."""


Program = Words | Shared | Value | Row | Either | Unknown

_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_PRINTED = re.compile(rf"\{{\{{-?\s*({_PATH.pattern})\s*-?\}}\}}")
_OPERAND = re.compile(rf"(?P<negated>not\s+)?(?P<path>{_PATH.pattern})")
_KEYWORDS = frozenset({"not", "and", "or", "true", "false", "none", "True", "False", "None", "in", "is", "if", "else"})


class Places(Protocol):
    """What a plan knows of the names in it."""

    def is_personal(self, names: frozenset[str]) -> bool:
        """Whether something with these names differs by recipient."""

    def is_column(self, path: str) -> bool:
        """Whether the name is a column's, or a field of a column's, and nothing that the template makes."""

    def shared(self, source: str, names: frozenset[str]) -> int:
        """The number of a new cell that is the same for all."""


def program(node: Node, places: Places) -> Program:
    """How to come to the words of this node."""
    if isinstance(node, Text):
        return Words(node.text)
    if node.defines:
        return Unknown()
    if not places.is_personal(node.names):
        if _has_block(node):
            return Unknown()  # it may take many steps, and cells are not counted together
        return Shared(places.shared(node.source, node.names))
    if isinstance(node, Output):
        match = _PRINTED.fullmatch(node.source)
        return Value(match[1]) if match and places.is_column(match[1]) else Unknown()
    return _either(node.branches, places) if isinstance(node, Choice) else Unknown()


def _has_block(node: Node) -> bool:
    bodies = (branch.body for branch in node.branches) if isinstance(node, Choice) else ()
    return isinstance(node, Block) or any(_has_block(inner) for body in bodies for inner in body)


def _either(branches: tuple[Branch, ...], places: Places) -> Program:
    if not branches:
        return Words("")
    first, *others = branches
    body = _row(first.body, places)
    if not first.condition:
        return body
    test = _test(first, places)
    return Either(test, body, _either(tuple(others), places)) if test else Unknown()


def _row(nodes: tuple[Node, ...], places: Places) -> Program:
    items = tuple(program(node, places) for node in nodes)
    return items[0] if len(items) == 1 else Row(items)


def _test(branch: Branch, places: Places) -> Test | None:
    if not places.is_personal(branch.names):
        return Test((_shared_test(branch.condition, branch.names, places),), every=True)
    for joint, every in (("and", True), ("or", False)):
        operands = [_OPERAND.fullmatch(part) for part in re.split(rf"\s+{joint}\s+", branch.condition)]
        truths = tuple(_truth(operand, places) for operand in operands if operand)
        if len(truths) == len(operands) and None not in truths:
            return Test(tuple(truth for truth in truths if truth), every)
    return None


def _truth(operand: re.Match[str], places: Places) -> Truth | Shared | None:
    path = operand["path"]
    if path in _KEYWORDS:
        return None
    if not places.is_personal(frozenset({path})):
        return _shared_test(operand[0], frozenset({path}), places)
    return Truth(path, bool(operand["negated"])) if places.is_column(path) else None


def _shared_test(condition: str, names: frozenset[str], places: Places) -> Shared:
    return Shared(places.shared(f"{{% if {condition} %}}1{{% endif %}}", names))


@dataclass(frozen=True)
class Evaluation:
    """Programs run over the recipients of one batch. `cell` gives the words of a shared cell, None if it has none."""

    columns: Columns
    printed: Callable[[str], Column]
    cell: Callable[[int], str | None]

    def vector(self, asked: Program) -> Vector:
        """What the program comes to."""
        match asked:
            case Words(text):
                return text
            case Shared(cell):
                return self.cell(cell)
            case Value(path):
                return self.printed(path)
            case Row(items):
                return _joined([self.vector(item) for item in items])
            case Either(test, then, otherwise):
                return self._chosen(self._judged(test), then, otherwise)
            case Unknown():
                return None

    def _chosen(self, judged: Judged, then: Program, otherwise: Program) -> Vector:
        if judged is None:
            return None
        if isinstance(judged, bool):
            return self.vector(then if judged else otherwise)
        yes, no = self.vector(then), self.vector(otherwise)
        rows = zip(judged, _each(yes), _each(no), strict=False)
        if is_full(yes) and is_full(no) and isinstance(judged, Full):
            return Full([one if true else other for true, one, other in rows])
        return [None if true is None else one if true else other for true, one, other in rows]

    def _judged(self, test: Test) -> Judged:
        """As the engine does it, from left to right; what it might not get to see is left to it, too."""
        judged = [self._one_judged(truth) for truth in test.truths]
        first = judged[0]
        if isinstance(first, bool) and first is not test.every:
            return first  # the others are not looked at
        if None in judged:
            return None
        if all(isinstance(truth, bool) for truth in judged):
            return all(judged) if test.every else any(judged)
        return first if len(judged) == 1 else _combined(judged, test.every)

    def _one_judged(self, truth: Truth | Shared) -> Judged:
        if isinstance(truth, Shared):
            words = self.cell(truth.cell)
            return None if words is None else bool(words)
        truths = self.columns.truths(truth.path)
        if not truth.negated:
            return truths
        if isinstance(truths, Full):
            return Full(map(not_, truths))
        return [None if true is None else not true for true in truths]


def _combined(judged: list[Judged], every: bool) -> list[bool | None] | Full[bool]:
    columns = [truth if isinstance(truth, list) else repeat(truth) for truth in judged]
    decide = all if every else any
    if all(isinstance(truth, bool | Full) for truth in judged):
        return Full(map(decide, zip(*columns, strict=False)))
    return [None if None in row else decide(row) for row in zip(*columns, strict=False)]


def _each(vector: Vector) -> Iterable[str | None]:
    return vector if isinstance(vector, list) else repeat(vector)


def _joined(vectors: list[Vector]) -> Vector:
    full = [vector for vector in vectors if is_full(vector)]
    if len(full) == len(vectors):
        return Full(woven(full)) if any(isinstance(vector, list) for vector in full) else "".join(map(str, full))
    if None in vectors:
        return None
    rows = zip(*map(_each, vectors), strict=False)
    return [None if None in row else "".join(map(str, row)) for row in rows]


def woven(strands: Sequence[str | list[str]]) -> list[str]:
    """Words of all and columns, of which there is at least one, put together for each recipient."""
    places = [place for place, strand in enumerate(strands) if isinstance(strand, list)]
    if len(places) > 1:
        rows = zip(*(strand if isinstance(strand, list) else repeat(strand) for strand in strands), strict=False)
        return list(map("".join, rows))
    (place,) = places
    before, after = "".join(map(str, strands[:place])), "".join(map(str, strands[place + 1 :]))
    return [f"{before}{piece}{after}" for piece in strands[place]]


def is_full(vector: Vector) -> TypeGuard[str | Full[str]]:
    """Whether the engine need not be asked for anybody."""
    return isinstance(vector, str | Full)
