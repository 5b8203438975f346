"""Rows that continue the row above: an export of orders often says what belongs to the order in its first row only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from vefa.crm.importers.chunks import Chunk
from vefa.crm.importers.maps import ImportMap, Part


class DownFiller:
    """Puts into empty cells of some columns what stands above them; goes on from chunk to chunk of one place.

    `within` names a column that must hold the same text in both rows: else a row without an id would be counted to
    the order above, whose it is not.
    """

    def __init__(self, columns: Iterable[str], within: str | None) -> None:
        self._columns = tuple(columns)
        self._within = within
        self._place: str | None = None
        self._above: dict[str, str] = {}
        self._group = ""

    @property
    def sources(self) -> tuple[str, ...]:
        """The source's columns that it looks at."""
        return (*self._columns, *((self._within,) if self._within else ()))

    def fill(self, chunk: Chunk) -> Chunk:
        """The chunk with its cells filled."""
        if not self._columns or not len(chunk.lines):
            return chunk
        if chunk.place != self._place:
            self._place, self._above = chunk.place, {}
        frame = chunk.frame.copy(deep=False)
        groups = frame[self._within].tolist() if self._within else [""] * len(frame)
        cells = {name: frame[name].tolist() for name in self._columns}
        for index, group in enumerate(groups):
            self._continue(index, group.strip(), cells)
        for name, values in cells.items():
            frame[name] = values
        return replace(chunk, frame=frame)

    def _continue(self, index: int, group: str, cells: Mapping[str, list[str]]) -> None:
        if self._within and group != self._group:
            self._group, self._above = group, {}
        for name, values in cells.items():
            if values[index].strip():
                self._above[name] = values[index]
            elif name in self._above and (group or not self._within):
                values[index] = self._above[name]


def filled(given: ImportMap, input_name: str, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """The chunks of an input, filled as it says."""
    filler = filler_of(given, input_name)
    return (filler.fill(chunk) for chunk in chunks)


def filler_of(given: ImportMap, input_name: str) -> DownFiller:
    """What the input says of cells to be filled; perhaps nothing."""
    wanted = given.inputs[input_name]
    return DownFiller(wanted.fill_down, wanted.fill_within)


def filler_of_lines(given: ImportMap, input_name: str, part: Part) -> DownFiller | None:
    """Of lines in the file of their orders, an empty order's id is that of the row above with the same number.

    Nobody need say so: without an id such a line would be lost. None where the map says how, or names no numbers.
    """
    if part.into != "order_lines" or given.inputs[input_name].fill_down:
        return None
    named = part.columns["order"].column
    for other in given.parts_of(input_name):
        number = other.columns.get("number")
        if other.into == "orders" and other.columns["outside_id"].column == named and named and number:
            return DownFiller((named,), number.column) if number.column else None
    return None
