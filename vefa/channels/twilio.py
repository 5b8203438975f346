"""SMS through Twilio: the official SDK's async client on an event loop of its own, many requests in flight."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from threading import Lock, Thread
from typing import Any, TypeVar

import aiohttp
from twilio.base.exceptions import TwilioRestException, TwilioServiceException

from vefa.channels.admission import sms_fault
from vefa.channels.base import Accepted, Busy, Denied, Doubtful, Found, Outcome, Outgoing, Refused, Sms
from vefa.channels.twilio_transport import SdkClient, retry_after
from vefa.crm.lifting import OPTED_OUT
from vefa.errors import ChannelError
from vefa.plan.steps import Medium

RETRY_AFTER = 30.0
LONGEST_RETRY_AFTER = 3600.0
IN_FLIGHT = 50
#: The newest messages to a number that a look-up goes through.
LISTED = 50
#: Twilio's clock and ours agree within this.
CLOCKS_APART = timedelta(minutes=1)

#: the number itself is at fault, for good
SUPPRESSING = frozenset({21211, 21214, 21217, 21614})
#: whoever has the number wrote STOP to the provider, which lets nothing through before they write START
STOPPED_THERE = 21610
#: keys, rights or sender set-up: the same for everybody
DENYING = frozenset({20003, 20005, 21212, 21408, 21603, 21606, 21608, 21612, 21660, 21703, 30103})

_NUMBER = re.compile(r"\+?\d{7,}")
_NO_SMS = Refused("wrong medium", "this channel carries SMS")
#: the request surely never left
_NOT_CONNECTED = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientProxyConnectionError,
    aiohttp.ClientHttpProxyError,
)
_Result = TypeVar("_Result")


class TwilioChannel:
    """One request a message, up to `in_flight` at a time. Twilio carries no arguments of ours: the ref rides in the
    address to which it reports, `status_url`; without one it stays here."""

    name = "twilio"
    medium: Medium = "sms"
    batch_size = 500

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        *,
        base_url: str,
        timeout: float = 15.0,
        in_flight: int = IN_FLIGHT,
        validity_seconds: int | None = None,
        status_url: str | None = None,
    ) -> None:
        self._login = (account_sid, auth_token)
        self._base_url = base_url
        self._timeout = timeout
        self._in_flight = in_flight
        self._validity = {} if validity_seconds is None else {"validity_period": validity_seconds}
        self._status_url = status_url
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._client: SdkClient | None = None
        self._gate: asyncio.Semaphore | None = None

    def __repr__(self) -> str:
        return f"<TwilioChannel {self._base_url}>"

    def deliver(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]:
        """One outcome a message, in order. After a Busy or Denied what was not begun is not even tried."""
        return self._on_loop(self._deliver_all(messages))

    def look_up(self, to: str, since: datetime) -> Sequence[Found] | None:
        """What Twilio took for this number since then, the newest first; None where it would not say."""
        try:
            listed = self._on_loop(self._list(to))
        except Exception:  # no answer, a refusal, or one that the SDK cannot read: all the same to who asks
            return None
        return [
            Found(one.sid, one.body or "", one.date_created)
            for one in listed
            if one.date_created is not None and one.date_created >= since - CLOCKS_APART
        ]

    def close(self) -> None:
        """Close the connections and end the thread."""
        with self._lock:
            loop, thread, client = self._loop, self._thread, self._client
            self._loop = self._thread = self._client = self._gate = None
        if loop is None or thread is None:
            return
        if client is not None:
            asyncio.run_coroutine_threadsafe(client.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _on_loop(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = Thread(target=self._loop.run_forever, name="twilio", daemon=True)
                self._thread.start()
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result()

    async def _deliver_all(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """A few tasks that each send one message after the other: cheaper than a task a message."""
        client, gate = self._sdk()
        outcomes: dict[int, Outcome] = {}
        waiting = iter(enumerate(messages))
        brake: list[Outcome] = []

        async def some() -> None:
            for n, message in waiting:
                if not isinstance(message, Sms):
                    outcomes[n] = _NO_SMS
                    continue
                if fault := sms_fault(message):
                    outcomes[n] = fault
                    continue
                async with gate:
                    outcomes[n] = brake[0] if brake else await self._send(client, message)
                if isinstance(outcomes[n], Busy | Denied):
                    brake.append(outcomes[n])

        await asyncio.gather(*(some() for _ in range(min(self._in_flight, len(messages)))))
        return [outcomes[n] for n in range(len(messages))]

    async def _list(self, to: str) -> list[Any]:
        client, gate = self._sdk()
        async with gate:
            # not by DateSent, which a message that waits in Twilio's queue has not yet
            page = await client.messages.page_async(to=to, page_size=LISTED)
        return list(page)

    async def _send(self, client: SdkClient, message: Sms) -> Outcome:
        sender = "messaging_service_sid" if message.sender.startswith("MG") else "from_"
        given = {sender: message.sender, **self._validity}
        if self._status_url is not None:
            given["status_callback"] = f"{self._status_url}?ref={message.ref}"
        try:
            made = await client.messages.create_async(to=message.to, body=message.text, **given)
        except (TwilioRestException, TwilioServiceException) as error:
            sentence = getattr(error, "msg", "") or getattr(error, "title", "")
            return outcome_of(error.status, error.code, str(sentence), retry_after.get())
        except _NOT_CONNECTED:
            return Busy("cannot connect", RETRY_AFTER)
        except TimeoutError:
            return Doubtful("time-out", f"no answer within {self._timeout:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Doubtful("connection lost", type(error).__name__)
        except ChannelError as error:
            return Denied("wrong host", str(error))
        except Exception as error:  # an answer that the SDK cannot read: it was sent, and the others must be told of
            return Doubtful("strange answer", type(error).__name__)
        return Accepted(made.sid) if isinstance(made.sid, str) else Doubtful("strange answer", "no sid")

    def _sdk(self) -> tuple[SdkClient, asyncio.Semaphore]:
        """Made on the loop, where the SDK's session belongs."""
        if self._client is None or self._gate is None:
            self._client = SdkClient(
                *self._login, base_url=self._base_url, timeout=self._timeout, connections=self._in_flight
            )
            self._gate = asyncio.Semaphore(self._in_flight)
        return self._client, self._gate


def outcome_of(status: int, code: int | None, message: str = "", retry_after: str | None = None) -> Outcome:
    """What an error of Twilio's means: by its code where the table knows it, else by the status."""
    sentence = _NUMBER.sub("[number]", message)[:300]  # details are kept and logged
    detail = f"{code}: {sentence}" if code else sentence
    if status == 429 or code == 20429:
        return Busy("too many requests", _seconds(retry_after))
    if status == 408 or status >= 500:
        return Doubtful(f"status {status}", detail)
    if code == STOPPED_THERE:
        return Refused("refused by the provider", detail, suppress=True, stop=OPTED_OUT)
    if code in SUPPRESSING:
        return Refused("refused by the provider", detail, suppress=True)
    if code in DENYING or status in (401, 403, 404, 405) or status < 400:
        return Denied(f"status {status}", detail)
    return Refused("refused by the provider", detail)


def _seconds(value: str | None) -> float:
    try:
        return min(max(float(int(value or "")), 1.0), LONGEST_RETRY_AFTER)
    except ValueError:
        return RETRY_AFTER
