"""One part of an e-mail (subject, HTML, plain text) for many recipients: words of all, and columns of pieces.

What stands in the skeleton is rendered once; the commonest personal places are worked out in columns; the engine is
asked for the others. Recipients for whom that fails are handed back: rendering whole decides what becomes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from threading import RLock

from minijinja import Environment, TemplateError, escape

from vefa.content.columns import Columns, Full
from vefa.content.environments import CONTROL, CONTROLS, FUEL, to_text
from vefa.content.expressions import TAG, strict_filters
from vefa.content.locales import locale_named
from vefa.content.plans import Marks, Plan
from vefa.content.seams import Finish, Strand, finished, merged
from vefa.content.splitting import Unsplittable, split
from vefa.content.vectors import Column, Evaluation, Vector, is_full

#: steps that each of the engine's two turns at a part may take: together with all plain places they stay below FUEL,
#: so that what would be stopped when rendered whole is not let through in pieces
TURN_FUEL = FUEL // 4
#: tags of a template that may be rendered in pieces; a plain one takes a handful of steps
_MOST_TAGS = FUEL // 80
#: sets of personal names, and of places to ask the engine for, that are remembered for a template
_MOST_PLANS = 32
_MOST_PRUNED = 64
#: stands in for the pieces of a recipient who is rendered whole, until then
HOLDER = "x"
#: stands between values while they are escaped together
_APART = "\x1f"


class SplitPart:
    """One part of an e-mail, split when first asked for. Safe to use from several threads."""

    def __init__(self, source: str, make: Callable[[], Environment], locale: str, finish: Finish | None) -> None:
        self._source = strict_filters(source)
        self._make = make
        self._locale = locale_named(locale)
        self._finish = finish
        self._lock = RLock()
        self._plans: dict[frozenset[str], ReadyPlan] = {}

    def strands(self, columns: Columns, lost: set[int]) -> list[Strand]:
        """The part for all recipients, finished. Who has to be rendered whole is put into `lost`."""
        strands = _PartBatch(self._plan(columns.names), columns, self._printed(columns)).strands(lost)
        return finished(strands, self._finish) if self._finish else merged(strands)

    def _plan(self, names: frozenset[str]) -> ReadyPlan:
        with self._lock:
            if names not in self._plans:
                if len(self._plans) >= _MOST_PLANS:
                    self._plans.clear()
                self._plans[names] = ReadyPlan(self._source, names, self._make())
            return self._plans[names]

    def _printed(self, columns: Columns) -> Callable[[str], Column]:
        fit = _without_controls if self._finish else _escaped

        def write(value: object) -> str:
            return to_text(value, self._locale)

        return cache(lambda path: fit(columns.texts(path, write)))


class ReadyPlan:
    """A plan with an engine of its own that knows its templates. Safe to use from several threads."""

    def __init__(self, source: str, names: frozenset[str], environment: Environment) -> None:
        if sum(1 for _ in TAG.finditer(source)) > _MOST_TAGS:
            raise Unsplittable
        self._marks = Marks()
        self._environment = environment
        self._lock = RLock()
        self._pruned: dict[frozenset[int], str] = {}
        try:
            self.plan = Plan(split(source, environment), names, self._marks)
            environment.add_template("skeleton", self.plan.skeleton)
        except TemplateError:
            raise Unsplittable from None  # a part of it does not stand alone

    def skeleton(self, context: Mapping[str, object]) -> tuple[str, list[tuple[int, str]]]:
        """The words before the first region, and each region that is reached with the words behind it."""
        return self._marks.parted(self._environment.render_template("skeleton", **context))

    def words(self, asked: frozenset[int], context: Mapping[str, object]) -> dict[int, str]:
        """What these cells come to."""
        return dict(self._marks.parted(self._environment.render_template(self._name(asked), **context))[1])

    def _name(self, asked: frozenset[int]) -> str:
        with self._lock:
            if asked not in self._pruned:
                if len(self._pruned) >= _MOST_PRUNED:
                    _, name = self._pruned.popitem()
                    self._environment.remove_template(name)
                name = ",".join(map(str, sorted(asked)))
                self._environment.add_template(name, self.plan.pruned(asked))
                self._pruned[asked] = name
            return self._pruned[asked]


class _PartBatch:
    """One part for one batch."""

    def __init__(self, ready: ReadyPlan, columns: Columns, printed: Callable[[str], Column]) -> None:
        self._ready = ready
        self._columns = columns
        self._evaluation = Evaluation(columns, printed, cache(self._shared))

    def strands(self, lost: set[int]) -> list[Strand]:
        try:
            first, rest = self._ready.skeleton(self._columns.common)
        except Exception:
            raise Unsplittable from None  # rendering whole will say what is wrong
        programs = self._ready.plan.programs
        vectors = {region: self._evaluation.vector(programs[region]) for region, _ in rest}
        columns = self._asked(vectors, lost)
        strands: list[Strand] = [first]
        for region, words in rest:
            strands += [columns[region], words]
        return strands

    def _shared(self, cell: int) -> str | None:
        try:
            return self._ready.words(frozenset({cell}), self._columns.common).get(cell)
        except Exception:
            return None  # whoever needs it meets the same failure again, alone

    def _asked(self, vectors: Mapping[int, Vector], lost: set[int]) -> dict[int, Strand]:
        """The vectors with what only the engine could tell."""
        strands: dict[int, Strand] = {region: vector for region, vector in vectors.items() if is_full(vector)}
        count, asked = self._columns.count, frozenset(vectors.keys() - strands.keys())
        open_ones = {region: _listed(vectors[region], count) for region in asked}
        open_rows = sorted({row for column in open_ones.values() for row, piece in enumerate(column) if piece is None})
        said = {row: None if row in lost else self._words(asked, row) for row in open_rows}
        lost.update(row for row, words in said.items() if words is None)
        for region, column in open_ones.items():
            strands[region] = [
                piece if piece is not None and row not in said else _said(said[row], region)
                for row, piece in enumerate(column)
            ]
        return strands

    def _words(self, asked: frozenset[int], row: int) -> dict[int, str] | None:
        try:
            return self._ready.words(asked, self._columns.context(row))
        except Exception:
            return None  # rendering whole will say what is wrong


def _said(words: dict[int, str] | None, region: int) -> str:
    return HOLDER if words is None else words.get(region, "")


def _listed(vector: Vector, count: int) -> list[str | None]:
    return list(vector) if isinstance(vector, list) else [vector] * count


def _escaped(texts: Column) -> Column:
    """As HTML prints them: escaped, in ASCII; all at once, told apart by a character that none of them has."""
    joined = _APART.join(texts) if isinstance(texts, Full) else ""
    if joined.count(_APART) != len(texts) - 1:
        return _each(_escape, texts)
    return Full(_escape(joined).split(_APART))


def _escape(text: str) -> str:
    escaped = str(escape(text))
    return escaped if escaped.isascii() else escaped.encode("ascii", "xmlcharrefreplace").decode()


def _without_controls(texts: Column) -> Column:
    """As plain text prints them."""
    if isinstance(texts, Full) and not any(map("".join(texts).__contains__, CONTROLS)):
        return texts
    return _each(partial(CONTROL.sub, ""), texts)


def _each(change: Callable[[str], str], texts: Column) -> Column:
    if isinstance(texts, Full):
        return Full(map(change, texts))
    return [None if text is None else change(text) for text in texts]
