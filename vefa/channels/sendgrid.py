"""E-mail through SendGrid: `POST /v3/mail/send` of the official SDK, several requests in flight."""

from __future__ import annotations

import http.client
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import LifoQueue
from typing import Any

from python_http_client.exceptions import HTTPError

from vefa.channels.admission import bulk_faults, email_fault
from vefa.channels.base import Accepted, BulkEmail, Busy, Denied, Doubtful, Email, Outcome, Outgoing, Refused
from vefa.channels.http_answers import OddAnswerError
from vefa.channels.http_connection import Connection, NotSentError
from vefa.channels.sendgrid_bulk import build_bulk_requests
from vefa.channels.sendgrid_requests import Request, build_requests
from vefa.channels.sendgrid_transport import SilentBytes, sendgrid_client
from vefa.channels.sendgrid_verdicts import RETRY_AFTER, Partly, in_halves, verdict
from vefa.plan.steps import Medium


@dataclass(frozen=True)
class _Line:
    """The SDK's way to `/v3/mail/send` and the connection under it; for one thread at a time, for both hold state."""

    send: Any
    connection: Connection


class SendGridChannel:
    """E-mails whole or in bulk; those that may share a request do. At most `in_flight` requests are on their way,
    from however many threads."""

    name = "sendgrid"
    medium: Medium = "email"
    batch_size = 1000

    def __init__(self, api_key: str, *, base_url: str, timeout: float = 15.0, in_flight: int = 16) -> None:
        self._base_url = base_url
        self._timeout = timeout
        self._in_flight = in_flight
        self._threads = ThreadPoolExecutor(in_flight, thread_name_prefix="sendgrid")
        self._lines: list[_Line] = []
        for _ in range(in_flight):
            client, connection = sendgrid_client(api_key, base_url, timeout)
            self._lines.append(_Line(client.client.mail.send, connection))
        self._idle: LifoQueue[_Line] = LifoQueue()  # the last one used is the likeliest to be open still
        for line in self._lines:
            self._idle.put(line)

    def __repr__(self) -> str:
        return f"<SendGridChannel {self._base_url}>"

    def deliver(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]:
        """One outcome a message, in order. After a Busy or Denied the rest of the call is not even tried."""
        outcomes: list[Outcome | None] = [_fault(message) for message in messages]
        positions = [position for position, outcome in enumerate(outcomes) if outcome is None]
        emails = [message for position in positions if isinstance(message := messages[position], Email)]
        for index, outcome in self._settled(build_requests(emails)):
            outcomes[positions[index]] = outcome
        return _told(outcomes)

    def deliver_bulk(self, bulk: BulkEmail) -> Sequence[Outcome]:
        """One outcome a recipient, in order, as `deliver` would give for their e-mails written out."""
        outcomes: list[Outcome | None] = [None] * len(bulk)
        faults = bulk_faults(bulk)
        for row, fault in faults.items():
            outcomes[row] = fault
        rows = [row for row in range(len(bulk)) if row not in faults] if faults else range(len(bulk))
        for row, outcome in self._settled(build_bulk_requests(bulk, rows)):
            outcomes[row] = outcome
        return _told(outcomes)

    def close(self) -> None:
        """Wait for what is in flight and give the connections back."""
        self._threads.shutdown()
        for line in self._lines:
            line.connection.close()

    def _settled(self, requests: Iterable[Request]) -> list[tuple[int, Outcome]]:
        """All requests' outcomes. The caller's own thread takes part: one request alone waits for no other thread."""
        waiting = deque(requests)
        brake = _Brake()
        settled: list[tuple[int, Outcome]] = []

        def work() -> None:
            while waiting:
                try:
                    request = waiting.popleft()
                except IndexError:  # another thread was faster
                    return
                settled.extend(self._settle(request, brake))

        others = [self._threads.submit(work) for _ in range(min(self._in_flight, len(waiting)) - 1)]
        try:
            work()
        except BaseException:
            waiting.clear()
            raise
        for other in others:
            if not other.cancel():
                other.result()
        return settled

    def _settle(self, request: Request, brake: _Brake) -> list[tuple[int, Outcome]]:
        """Send, and where the provider refuses a request for some of its recipients, send the others again.

        Every repetition has fewer recipients than the one before, and follows a clear refusal only.
        """
        settled: list[tuple[int, Outcome]] = []
        waiting = [request]
        while waiting:
            part = waiting.pop()
            answer = brake.outcome or self._send(part)
            if isinstance(answer, Partly):
                settled += [(part.positions[index], refused) for index, refused in answer.refused.items()]
                waiting += [rest for rest in answer.again if len(rest)]
            else:
                brake.hold(answer)
                settled += [(position, answer) for position in part.positions]
        return settled

    def _send(self, request: Request) -> Outcome | Partly:
        try:
            body = SilentBytes(request.body())
        except TypeError:  # half of a surrogate pair: no UTF-8 can say it
            return in_halves(request, Refused("bad text", "the message cannot be written as UTF-8"))
        try:
            response = self._post(body)
        except NotSentError as error:
            return Busy(str(error), RETRY_AFTER)
        except HTTPError as error:
            return verdict(request, error)
        except TimeoutError:
            return Doubtful("time-out", f"no answer within {self._timeout:g} s")
        except (OSError, http.client.HTTPException) as error:
            return Doubtful("connection lost", type(error).__name__)
        except OddAnswerError as error:
            return Doubtful("strange answer", str(error))
        except Exception as error:  # it was sent, and the others must be told of
            return Doubtful("strange answer", type(error).__name__)
        if response.status_code not in (200, 202):  # 200 is the sandbox's answer
            return Doubtful("strange answer", f"status {response.status_code}")
        if response.body.lstrip().startswith(b"<"):  # a page of somebody in between; the provider's own answer is empty
            return Doubtful("strange answer", "a web page")
        return Accepted(response.headers.get("X-Message-Id"))

    def _post(self, body: SilentBytes) -> Any:
        line = self._idle.get()
        try:
            return line.send.post(request_body=body)
        finally:
            self._idle.put(line)


class _Brake:
    """The first outcome that holds for the whole channel; what was not begun by then gets the same."""

    outcome: Busy | Denied | None = None

    def hold(self, outcome: Outcome) -> None:
        if isinstance(outcome, Busy | Denied):
            self.outcome = outcome


def _fault(message: Outgoing) -> Outcome | None:
    if not isinstance(message, Email):
        return Refused("wrong medium", "this channel carries e-mail")
    return email_fault(message)


def _told(outcomes: Sequence[Outcome | None]) -> list[Outcome]:
    return [outcome or Doubtful("no answer", "the request was lost") for outcome in outcomes]
