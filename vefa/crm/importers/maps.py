"""Column maps: how a shop's own files or tables become customers, orders and the rest.

One YAML file per source in `config/importers/`. Each key is declared once, with its meaning; unknown keys, unknown
columns and missing ones are errors that say where they stand.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from vefa.crm.importers import dates
from vefa.crm.importers.targets import TARGETS, Target

Scalar = str | int | float | bool
Pick = Literal["first", "last", "min", "max", "sum"]
_CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?")


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _known_zone(value: str | None) -> str | None:
    try:
        return value and str(ZoneInfo(value))
    except (KeyError, ValueError, OSError):
        raise ValueError(f'"{value}" is no IANA time zone; write one such as Europe/Istanbul') from None


def _known_clock(value: str | None) -> str | None:
    if value is not None and not _CLOCK.fullmatch(value):
        raise ValueError(f'"{value}" is no time of day; write one such as "12:00", in quotes')
    return value


class Input(_Closed):
    """Where rows come from: files in the folder that is imported, or a table or query of a database."""

    file: str | None = Field(None, description="a file name or pattern, such as orders*.csv; .gz is opened as it is")
    table: str | None = Field(None, description="a table or view, where the import's path is a database URL")
    query: str | None = Field(
        None, description="a SELECT in the database's own words, where the path is a database URL"
    )
    encoding: str = Field("utf-8-sig", description="utf-8-sig reads UTF-8 with or without its mark")
    delimiter: str = Field(",", min_length=1, max_length=1)
    fill_down: tuple[str, ...] = Field((), description="columns whose empty cells mean what stands above them")
    fill_within: str | None = Field(None, description="with fill_down: only from rows with the same text here")
    header: tuple[str, ...] = Field((), description="the names of the columns, of a file whose first row is data")
    sheet: str | None = Field(None, description="of an Excel file: the sheet's name; unsaid, the first one")
    rows: str | None = Field(None, description="of a JSON file: the key under which the rows are, such as data")
    optional: bool = Field(False, description="no such file: nothing is imported from it, and nothing is wrong")

    @model_validator(mode="after")
    def _one_place(self) -> Input:
        if sum(place is not None for place in (self.file, self.table, self.query)) != 1:
            raise ValueError("needs exactly one of file, table and query")
        return self

    @model_validator(mode="after")
    def _fills_something(self) -> Input:
        if self.fill_within is not None and not self.fill_down:
            raise ValueError("fill_within is for fill_down")
        return self


class Condition(_Closed):
    """What a column's text must be for a row to count. All that is said must hold."""

    equals: Scalar | None = None
    one_of: tuple[Scalar, ...] | None = None
    not_one_of: tuple[Scalar, ...] | None = None
    starts_with: str | tuple[str, ...] | None = None
    not_starts_with: str | tuple[str, ...] | None = None
    matches: str | None = Field(None, description="a regular expression for the whole text")
    present: bool | None = None
    above: float | None = None
    below: float | None = None

    @field_validator("matches")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return value


class Split(_Closed):
    """Which part of a text is taken. `first word`, `last word` and so on are short for it."""

    by: str | None = Field(None, min_length=1, description="what stands between the parts; unsaid, any space")
    take: int | Literal["first", "last", "all but first", "all but last"] = "first"

    @field_validator("take")
    @classmethod
    def _counts_from_one(cls, value: int | str) -> int | str:
        if value == 0:
            raise ValueError("the first part is 1, the last is -1")
        return value


class Lookup(_Closed):
    """A value that stands in another input of the map, in the row that has the column's text in `match`."""

    input: str
    match: str = Field(description="the other input's column that holds the text")
    take: str = Field(description="the other input's column that is taken")


_WORDS = {f"{which} word": which for which in ("first", "last", "all but first", "all but last")}


class Column(_Closed):
    """How one column is made from a row. Written as a plain text, it is the name of the source's column."""

    column: str | None = Field(None, description="the source's column")
    constant: Scalar | None = Field(None, description="the same for every row")
    template: str | None = Field(
        None,
        description="several columns in one text: {given_name:slug}.{key:id}@shop.example; "
        "slug folds to lower ASCII letters and digits, id takes .0 away",
    )
    multiply: tuple[str, str] | None = Field(None, description="the product of two columns of numbers")
    negate: bool = Field(False, description="with multiply: the product with its sign turned")
    from_lines: Literal[True] | None = Field(
        None, description="orders' total only: the sum of quantity times price over the order's lines"
    )
    at_import: dict[str, Condition] | None = Field(
        None,
        description="the moment of the import, where the row's cells are so and no moment is known yet: "
        "of files that say a state and not since when",
    )
    ordinal: Literal[True] | None = Field(
        None, description="order lines' line only: 1, 2, 3 … within the order, as the lines come"
    )
    strip: str | None = Field(None, min_length=1, description="letters that are taken off both ends, such as # or '")
    split: Split | None = Field(None, description="first word, last word, or one part of several")
    lookup: Lookup | None = Field(None, description="what another input of the same import says of the text")
    guest: bool = Field(False, description="customers only: the text is an address; who has it, else a guest with it")
    separator: str = Field(",", min_length=1, description="of tags: what stands between them")
    id: bool = Field(False, description="the text is a number's: 233000.0 means 233000")
    format: str | tuple[str, ...] | None = Field(
        None,
        description="how dates are written, such as %d.%m.%Y %H:%M, epoch (since 1970) or iso; without it ISO 8601",
    )
    zone: str | None = Field(None, description="IANA zone of dates without one; else the map's")
    time_of_day: str | None = Field(None, description="of dates without one; else the map's")
    decimal: str = Field(".", min_length=1, max_length=1, description="the decimal mark")
    thousands: str = Field("", max_length=1, description="the mark between thousands")
    case: Literal["upper", "lower"] | None = None
    map: dict[str, Scalar | None] | None = Field(None, description="values and what they become")
    otherwise: Scalar | None = Field(
        None, description="what values outside the map become; unsaid, they stay as they are"
    )
    default: Scalar | None = Field(None, description="what an empty text becomes")
    derive: Literal["zone", "language"] | None = Field(
        None, description="the zone or language that a country's customers most probably have"
    )
    pick: Pick | None = Field(
        None, description="which of several rows with the same key says it; else the target's repeats"
    )
    on_error: Literal["reject", "empty"] | None = Field(
        None, description="a value that cannot be read rejects the row, or is left out and counted"
    )

    _zone = field_validator("zone")(_known_zone)
    _clock = field_validator("time_of_day")(_known_clock)

    @field_validator("at_import", mode="before")
    @classmethod
    def _plain_value_is_equals(cls, value: Any) -> Any:
        return plain_conditions(value)

    @field_validator("split", mode="before")
    @classmethod
    def _words_are_a_split(cls, value: Any) -> Any:
        return {"take": _WORDS[value]} if isinstance(value, str) and value in _WORDS else value

    @field_validator("format")
    @classmethod
    def _reads_dates(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for pattern in (value,) if isinstance(value, str) else value or ():
            if problem := dates.problem_of(pattern):
                raise ValueError(problem)
        return value

    @model_validator(mode="before")
    @classmethod
    def _plain_text_is_a_column(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_way(self) -> Column:
        ways = ("column", "constant", "template", "multiply", "from_lines", "ordinal", "at_import")
        said = [way for way in ways if getattr(self, way) is not None]
        if len(said) != 1:
            raise ValueError(f"needs exactly one of {', '.join(ways)}")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """The source's columns that it needs."""
        if self.template is not None:
            return tuple(name for name, _ in template_fields(self.template))
        if self.multiply is not None:
            return self.multiply
        if self.at_import is not None:
            return tuple(self.at_import)
        return (self.column,) if self.column is not None else ()

    @property
    def formats(self) -> tuple[str, ...]:
        """How its dates may be written; none: as ISO 8601 says."""
        return (self.format,) if isinstance(self.format, str) else (self.format or ())

    @property
    def computed_in_database(self) -> bool:
        """Whether it is known only when all rows are together."""
        return self.ordinal is not None or self.from_lines is not None


_FIELD = re.compile(r"\{([^{}:]+)(?::(slug|id))?\}")


def template_fields(template: str) -> list[tuple[str, str]]:
    """The (column, way) pairs of a template."""
    return [(found[1], found[2] or "") for found in _FIELD.finditer(template)]


class Part(_Closed):
    """One target, filled from one input."""

    into: str
    input: str | None = Field(None, description="which input; needless where there is only one")
    where: dict[str, Condition] = Field(default_factory=dict, description="rows that do not fit are passed over")
    repeats: Literal["first", "last"] = Field("last", description="which of several rows with the same key counts")
    columns: dict[str, Column]
    data: dict[str, str] = Field(
        default_factory=dict, description="events only: what else the event says, name: source's column"
    )
    whole: bool | None = Field(
        None,
        description="order lines only: each order's lines are all there, so others go away. True with ordinal",
    )
    sets_orders: bool = Field(
        False,
        description="deliveries only: an order is shipped with its first parcel and delivered with its last",
    )

    @field_validator("where", mode="before")
    @classmethod
    def _plain_value_is_equals(cls, value: Any) -> Any:
        return plain_conditions(value)

    @field_validator("into")
    @classmethod
    def _known_target(cls, value: str) -> str:
        if value not in TARGETS:
            raise ValueError(unknown("target", value, TARGETS))
        return value

    @model_validator(mode="after")
    def _columns_fit(self) -> Part:
        target = TARGETS[self.into]
        for name in self.columns:
            if name not in target.names:
                raise ValueError(unknown(f"column of {self.into}", name, target.names))
        missing = [name for name in _needed(target, self) if name not in self.columns]
        if missing:
            raise ValueError(f"{self.into} needs {', '.join(missing)}")
        for problem in _misuses(target, self):
            raise ValueError(problem)
        return self

    @property
    def target(self) -> Target:
        """What it fills."""
        return TARGETS[self.into]

    @property
    def is_whole(self) -> bool:
        """Whether lines that are not in the source go away."""
        line = self.columns.get("line")
        return bool(line and line.ordinal) if self.whole is None else self.whole

    @property
    def sources(self) -> set[str]:
        """Every column of the source that it reads."""
        named = {name for column in self.columns.values() for name in column.sources}
        return named | set(self.where) | set(self.data.values())


def plain_conditions(value: Any) -> Any:
    """`Status: paid` and `Status: [paid, sent]` written out."""
    if not isinstance(value, dict):
        return value
    return {name: test if isinstance(test, dict | Condition) else _plain(test) for name, test in value.items()}


def _plain(test: Any) -> dict[str, Any]:
    return {"one_of": test} if isinstance(test, list) else {"equals": test}


def _needed(target: Target, part: Part) -> Iterator[str]:
    for name in target.required:
        if name == "customer" and "order" in part.columns and target.owner is None:
            continue  # the order knows its customer
        if name == "customer" and "address" in part.columns and target.name == "consents":
            continue  # whoever has the address
        yield name


def _misuses(target: Target, part: Part) -> Iterator[str]:
    """What is said where it means nothing: better an error than silence."""
    for name, column in part.columns.items():
        if column.from_lines and (target.name, name) != ("orders", "total"):
            yield f"{name}: from_lines is for the total of orders"
        if column.ordinal and (target.name, name) != ("order_lines", "line"):
            yield f"{name}: ordinal is for the line of order_lines"
        if target.columns.get(name) == "time" and not all(map(dates.has_year, column.formats)):
            yield f"{name}: a moment needs a year in its format"
        if column.at_import is not None and (name not in target.moments or target.compared):
            yield f"{name}: at_import is for moments of orders, deliveries, returns, tickets and so on"
        if column.guest and (name, target.name) != ("outside_id", "customers") and name != "customer":
            yield f"{name}: guest is for a customer"
        if column.pick == "sum" and target.columns.get(name) not in ("money", "quantity", "whole"):
            yield f"{name}: only numbers have a sum"
    if "address" in part.columns and part.columns["channel"].constant not in ("email", "sms"):
        yield "channel: with addresses it is a constant, email or sms; write one part for each"
    if target.name == "consents" and {"customer", "address"} <= set(part.columns):
        yield "address: name the customer or the address, not both"
    if part.data and target.name != "events":
        yield "data is for events"
    if part.sets_orders and target.name != "deliveries":
        yield "sets_orders is for deliveries"
    if part.whole is not None and target.name != "order_lines":
        yield "whole is for order_lines"


class ImportMap(_Closed):
    """A whole map."""

    name: str = ""
    about: str = Field("", description="a sentence for people")
    source: str = Field("", description="whose ids these are; the map's name unless said")
    zone: str | None = Field(None, description="IANA zone of dates without one; else the shop's")
    time_of_day: str = Field("12:00", description="of dates without one")
    inputs: dict[str, Input] = Field(min_length=1)
    targets: tuple[Part, ...] = Field(min_length=1)

    _zone = field_validator("zone")(_known_zone)
    _clock = field_validator("time_of_day")(_known_clock)

    @model_validator(mode="after")
    def _inputs_exist(self) -> ImportMap:
        for part in self.targets:
            if part.input is None and len(self.inputs) > 1:
                raise ValueError(f"targets ({part.into}): say which input: {', '.join(self.inputs)}")
            if part.input is not None and part.input not in self.inputs:
                raise ValueError(f"targets: {unknown('input', part.input, self.inputs)}")
        return self

    @model_validator(mode="after")
    def _lookups_exist(self) -> ImportMap:
        for part in self.targets:
            for column in part.columns.values():
                if column.lookup is not None and column.lookup.input not in self.inputs:
                    raise ValueError(f"lookup: {unknown('input', column.lookup.input, self.inputs)}")
        return self

    @model_validator(mode="after")
    def _parts_agree(self) -> ImportMap:
        first: dict[str, Part] = {}
        for part in self.targets:
            before = first.setdefault(part.into, part)
            if set(before.columns) != set(part.columns):
                raise ValueError(f"targets: the parts of {part.into} must fill the same columns")
            if _merging(before) != _merging(part):
                raise ValueError(f"targets: the parts of {part.into} must treat repeats alike")
        return self

    def parts_of(self, input_name: str) -> tuple[Part, ...]:
        """The parts that read this input."""
        return tuple(part for part in self.targets if self.input_of(part) == input_name)

    def input_of(self, part: Part) -> str:
        """The input that the part reads."""
        return part.input or next(iter(self.inputs))


def _merging(part: Part) -> tuple[Any, ...]:
    picks = {name: column.pick for name, column in part.columns.items()}
    return part.repeats, picks, part.is_whole, part.sets_orders


def unknown(what: str, word: str, known: Any) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    hint = f' Did you mean "{near[0]}"?' if near else f" There are: {', '.join(known)}."
    return f'unknown {what} "{word}".{hint}'
