"""What the engine hands to a channel, and what it gets back. A channel knows no ledger, the ledger no vendor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from vefa.plan.steps import Medium


@dataclass(frozen=True)
class Sender:
    """Who a message comes from."""

    address: str
    name: str = ""


@dataclass(frozen=True)
class Email:
    """One e-mail, ready to go. `ref` (ledger id "." attempt) goes over the wire and comes back in events.

    `html` and `text` are whole; `to` is ASCII; `headers` hold List-Unsubscribe and the like.
    """

    ref: str
    to: str
    sender: Sender
    subject: str
    html: str
    text: str
    to_name: str = ""
    reply_to: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    journey: str = ""
    step: str = ""
    medium: Medium = "email"


@dataclass(frozen=True)
class Sms:
    """One SMS. `to` is E.164."""

    ref: str
    to: str
    sender: str
    text: str
    journey: str = ""
    step: str = ""
    medium: Medium = "sms"


Outgoing = Email | Sms


@dataclass(frozen=True)
class Accepted:
    """The provider has it."""

    provider_id: str | None = None


@dataclass(frozen=True)
class Refused:
    """Surely not sent, and the fault is this message's: its address or its content. `suppress`: never again."""

    reason: str
    detail: str = ""
    suppress: bool = False


@dataclass(frozen=True)
class Busy:
    """Surely not sent, and nobody's fault: 429, a refused connection. May go again after `retry_after` seconds."""

    reason: str
    retry_after: float = 30.0


@dataclass(frozen=True)
class Denied:
    """Surely not sent: keys, rights or sender set-up (401, 403). Nothing else may go by this channel till mended."""

    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Doubtful:
    """It may or may not have been sent: a time-out, a 5xx or a lost connection after the request was begun."""

    reason: str
    detail: str = ""


Outcome = Accepted | Refused | Busy | Denied | Doubtful


class Channel(Protocol):
    """A way out for one medium. `deliver` answers one outcome per message, in order, and never raises for a
    provider's answer; it blocks, and may be called from several threads at once."""

    name: str
    medium: Medium
    #: messages per call at most
    batch_size: int

    def deliver(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]: ...

    def close(self) -> None: ...
