"""E-mail through SendGrid: `POST /v3/mail/send` of the official SDK, several requests in flight."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from threading import Lock, local
from typing import Any

import orjson
from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient

from vefa.channels.admission import email_fault
from vefa.channels.base import Accepted, Busy, Denied, Doubtful, Email, Outcome, Outgoing, Refused
from vefa.channels.sendgrid_requests import Request, build_requests, request_body
from vefa.channels.sendgrid_transport import Connection, NotSentError, SilentBytes, sendgrid_client
from vefa.plan.steps import Medium

RETRY_AFTER = 30.0
LONGEST_RETRY_AFTER = 3600.0

_PERSON = re.compile(r"personalizations[.\[](\d+)")
_ADDRESS = re.compile(r"\S+@\S+")
#: what all recipients of a request have in common: no use in asking for each of them again
_COMMON_FIELDS = ("reply_to", "categories", "asm", "tracking_settings", "mail_settings", "ip_pool_name", "template_id")


class SendGridChannel:
    """Whole-rendered e-mails; those that may share a request do. One SDK client to a thread, for it holds state."""

    name = "sendgrid"
    medium: Medium = "email"
    batch_size = 1000

    def __init__(self, api_key: str, *, base_url: str, timeout: float = 15.0, in_flight: int = 4) -> None:
        self._api_key = api_key
        self._base_url = base_url
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(in_flight, thread_name_prefix="sendgrid")
        self._own = local()
        self._lock = Lock()
        self._connections: list[Connection] = []

    def __repr__(self) -> str:
        return f"<SendGridChannel {self._base_url}>"

    def deliver(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]:
        """One outcome a message, in order. After a Busy or Denied the rest of the call is not even tried."""
        outcomes: list[Outcome | None] = [_fault(message) for message in messages]
        positions = [position for position, outcome in enumerate(outcomes) if outcome is None]
        emails = [message for position in positions if isinstance(message := messages[position], Email)]
        brake = _Brake()
        requests = build_requests(emails)
        for settled in self._threads.map(lambda request: self._settle(request, brake), requests):
            for index, outcome in settled:
                outcomes[positions[index]] = outcome
        return [outcome or Doubtful("no answer", "the request was lost") for outcome in outcomes]

    def close(self) -> None:
        """Wait for what is in flight and give the connections back."""
        self._threads.shutdown()
        for connection in self._connections:
            connection.close()

    def _settle(self, request: Request, brake: _Brake) -> list[tuple[int, Outcome]]:
        """Send, and where the provider refuses a request for some of its recipients, send the others again.

        Every repetition has fewer recipients than the one before, and follows a clear refusal only.
        """
        settled: list[tuple[int, Outcome]] = []
        waiting = [request]
        while waiting:
            part = waiting.pop()
            verdict = brake.outcome or self._send(part)
            if isinstance(verdict, _Partly):
                settled += [(part.positions[index], refused) for index, refused in verdict.refused.items()]
                waiting += [rest for rest in verdict.again if rest.messages]
            else:
                brake.hold(verdict)
                settled += [(position, verdict) for position in part.positions]
        return settled

    def _send(self, request: Request) -> Outcome | _Partly:
        try:
            body = SilentBytes(request_body(request))
        except TypeError:  # half of a surrogate pair: no UTF-8 can say it
            return _in_halves(request, Refused("bad text", "the message cannot be written as UTF-8"))
        try:
            response = self._client().client.mail.send.post(request_body=body)
        except NotSentError as error:
            return Busy(str(error), RETRY_AFTER)
        except HTTPError as error:
            return _verdict(request, error)
        except TimeoutError:
            return Doubtful("time-out", f"no answer within {self._timeout:g} s")
        except (OSError, http.client.HTTPException) as error:
            return Doubtful("connection lost", type(error).__name__)
        except Exception as error:  # an answer that the SDK cannot read: it was sent, and the others must be told of
            return Doubtful("strange answer", type(error).__name__)
        if response.status_code not in (200, 202):  # 200 is the sandbox's answer
            return Doubtful("strange answer", f"status {response.status_code}")
        if response.body.lstrip().startswith(b"<"):  # a page of somebody in between; the provider's own answer is empty
            return Doubtful("strange answer", "a web page")
        return Accepted(response.headers.get("X-Message-Id"))

    def _client(self) -> SendGridAPIClient:
        if not hasattr(self._own, "client"):
            self._own.client, connection = sendgrid_client(self._api_key, self._base_url, self._timeout)
            with self._lock:
                self._connections.append(connection)
        return self._own.client


class _Brake:
    """The first outcome that holds for the whole channel; what was not begun by then gets the same."""

    outcome: Busy | Denied | None = None

    def hold(self, outcome: Outcome) -> None:
        if isinstance(outcome, Busy | Denied):
            self.outcome = outcome


@dataclass(frozen=True)
class _Partly:
    """A refusal that does not concern everybody: these are refused (by index), those go again."""

    refused: Mapping[int, Refused] = field(default_factory=dict)
    again: tuple[Request, ...] = ()


def _fault(message: Outgoing) -> Outcome | None:
    if not isinstance(message, Email):
        return Refused("wrong medium", "this channel carries e-mail")
    return email_fault(message)


def _verdict(request: Request, error: HTTPError) -> Outcome | _Partly:
    status = error.status_code
    if status in (400, 422):
        return _bad_request(request, list(_errors(error.body)))
    if status == 413:
        return _in_halves(request, Refused("too large", "the provider takes 30 MB at most"))
    if status == 429:
        return Busy("too many requests", retry_after(error.headers))
    if status == 408 or status >= 500:
        return Doubtful(f"status {status}", _sentence(_errors(error.body)))
    return Denied(f"status {status}", _sentence(_errors(error.body)))  # 401, 403; 3xx and 404: not this host


def _bad_request(request: Request, errors: list[_Error]) -> Outcome | _Partly:
    named = {
        index: Refused("refused by the provider", error.message, suppress=error.field.endswith(".email"))
        for error in errors
        if (found := _PERSON.match(error.field)) and (index := int(found[1])) < len(request.messages)
    }
    if named:
        return _Partly(named, (request.without(named),))
    whole = Refused("refused by the provider", _sentence(errors))
    if any(error.field.startswith("from") for error in errors):
        return Denied("the sender is refused", whole.detail)
    if errors and all(error.field.startswith(_COMMON_FIELDS) for error in errors):
        return whole
    return _in_halves(request, whole)


def _in_halves(request: Request, alone: Refused) -> Outcome | _Partly:
    return alone if len(request.messages) == 1 else _Partly(again=request.halves())


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
