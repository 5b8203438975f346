"""What SendGrid's refusals mean: whom they concern, and who may be sent to again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
from python_http_client.exceptions import HTTPError

from vefa.channels.base import Busy, Denied, Doubtful, Outcome, Refused
from vefa.channels.sendgrid_requests import Request

RETRY_AFTER = 30.0
LONGEST_RETRY_AFTER = 3600.0

_PERSON = re.compile(r"personalizations[.\[](\d+)")
_ADDRESS = re.compile(r"\S+@\S+")
#: what all recipients of a request have in common: no use in asking for each of them again
_COMMON_FIELDS = ("reply_to", "categories", "asm", "tracking_settings", "mail_settings", "ip_pool_name", "template_id")


@dataclass(frozen=True)
class Partly:
    """A refusal that does not concern everybody: these are refused (by index), those go again."""

    refused: Mapping[int, Refused] = field(default_factory=dict)
    again: tuple[Request, ...] = ()


def verdict(request: Request, error: HTTPError) -> Outcome | Partly:
    """What the provider's error means for the request's recipients."""
    status = error.status_code
    if status in (400, 422):
        return _bad_request(request, list(_errors(error.body)))
    if status == 413:
        return in_halves(request, Refused("too large", "the provider takes 30 MB at most"))
    if status == 429:
        return Busy("too many requests", retry_after(error.headers))
    if status == 408 or status >= 500:
        return Doubtful(f"status {status}", _sentence(_errors(error.body)))
    return Denied(f"status {status}", _sentence(_errors(error.body)))  # 401, 403; 3xx and 404: not this host


def _bad_request(request: Request, errors: list[_Error]) -> Outcome | Partly:
    named = {
        index: Refused("refused by the provider", error.message, suppress=error.field.endswith(".email"))
        for error in errors
        if (found := _PERSON.match(error.field)) and (index := int(found[1])) < len(request)
    }
    if named:
        return Partly(named, (request.without(named),))
    whole = Refused("refused by the provider", _sentence(errors))
    if any(error.field.startswith("from") for error in errors):
        return Denied("the sender is refused", whole.detail)
    if errors and all(error.field.startswith(_COMMON_FIELDS) for error in errors):
        return whole
    return in_halves(request, whole)


def in_halves(request: Request, alone: Refused) -> Outcome | Partly:
    """A refusal of nobody knows whom: each half is asked again, until who is alone is who was meant."""
    return alone if len(request) == 1 else Partly(again=request.halves())


@dataclass(frozen=True)
class _Error:
    field: str
    message: str


def _errors(body: bytes) -> Iterator[_Error]:
    """The provider's errors, whatever it sent; addresses are taken out, for details are kept and logged."""
    try:
        given: Any = orjson.loads(body)["errors"]
        errors = [each for each in given if isinstance(each, dict)]
    except (ValueError, KeyError, TypeError):
        return
    for each in errors:
        message = _ADDRESS.sub("[address]", str(each.get("message") or ""))
        yield _Error(str(each.get("field") or ""), message[:300])


def _sentence(errors: Iterator[_Error] | list[_Error]) -> str:
    return "; ".join(f"{error.field}: {error.message}" if error.field else error.message for error in errors)[:600]


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds until the provider wants to hear from us again: Retry-After, else X-RateLimit-Reset against its Date."""
    for seconds in (_seconds(headers.get("Retry-After")), _until_reset(headers)):
        if seconds is not None:
            return min(max(seconds, 1.0), LONGEST_RETRY_AFTER)
    return RETRY_AFTER


def _seconds(value: str | None) -> float | None:
    try:
        return float(int(value or ""))
    except ValueError:
        return None


def _until_reset(headers: Mapping[str, str]) -> float | None:
    reset = _seconds(headers.get("X-RateLimit-Reset"))
    try:
        now = parsedate_to_datetime(headers.get("Date") or "").timestamp()
    except ValueError:
        return None
    return None if reset is None else reset - now
