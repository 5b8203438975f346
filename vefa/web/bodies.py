"""What comes in as JSON, made harmless: real numbers only, no depths to fall into, no letters a database refuses."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import HTTPException

from vefa.text import clean_lines

#: How far objects and lists may stand inside one another.
DEEPEST = 32


def read_json(body: bytes) -> Any:
    """The value, its texts and names in the normal form (`vefa.text`); raises HTTPException with a sentence."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, f"The body is no JSON in UTF-8: {_place(error)}.") from None
    try:
        return _clean(value, DEEPEST)
    except RecursionError:
        raise HTTPException(400, f"The JSON is nested deeper than {DEEPEST} levels.") from None


def _place(error: orjson.JSONDecodeError) -> str:
    """Where it ends to be JSON. The words of the body stay out of it."""
    return f"{error.msg.split(':')[0]} in line {error.lineno}, column {error.colno}"


def _clean(value: Any, left: int) -> Any:
    if isinstance(value, str):
        return clean_lines(value)
    if not isinstance(value, dict | list):
        return value
    if not left:
        raise RecursionError
    if isinstance(value, list):
        return [_clean(each, left - 1) for each in value]
    return {_clean(name, left): _clean(each, left - 1) for name, each in value.items()}
