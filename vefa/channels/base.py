"""What the engine hands to a channel, and what it gets back. A channel knows no ledger, the ledger no vendor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import eq
from typing import Protocol, runtime_checkable

from vefa.plan.steps import Medium
from vefa.skeletons import Skeleton, fill


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
class BulkEmail:
    """One e-mail to many, in columns of equal length: row n of each is recipient n.

    `pieces` holds one column a slot of the skeleton; `headers` a column of values for each header's name.
    """

    skeleton: Skeleton
    sender: Sender
    refs: Sequence[str]
    to: Sequence[str]
    pieces: tuple[Sequence[str], ...] = ()
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reply_to: str | None = None
    journey: str = ""
    step: str = ""
    medium: Medium = "email"

    def __len__(self) -> int:
        return len(self.refs)

    def email(self, n: int) -> Email:
        """Recipient n's e-mail, whole."""
        pieces = [column[n] for column in self.pieces]
        subject, html, text = (
            fill(part, pieces) for part in (self.skeleton.subject, self.skeleton.html, self.skeleton.text)
        )
        headers = {name: column[n] for name, column in self.headers.items()}
        return Email(
            self.refs[n], self.to[n], self.sender, subject, html, text,
            reply_to=self.reply_to, headers=headers, journey=self.journey, step=self.step,
        )  # fmt: skip

    def only(self, rows: Sequence[int]) -> BulkEmail:
        """The same e-mail to these recipients."""
        if len(rows) == len(self) and all(map(eq, rows, range(len(self)))):
            return self

        def chosen(column: Sequence[str]) -> list[str]:
            return list(map(column.__getitem__, rows))

        return replace(
            self,
            refs=chosen(self.refs),
            to=chosen(self.to),
            pieces=tuple(map(chosen, self.pieces)),
            headers={name: chosen(column) for name, column in self.headers.items()},
        )


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
    """Surely not sent, and the fault is this message's: its address or its content.

    `suppress`: the address gets the stop of that name, of `vefa.crm.lifting`.
    """

    reason: str
    detail: str = ""
    suppress: bool = False
    stop: str = "blocked"


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


@dataclass(frozen=True)
class Found:
    """A message that the provider says it took: its id there, its words and when it came."""

    provider_id: str
    text: str
    at: datetime


class Channel(Protocol):
    """A way out for one medium. `deliver` answers one outcome per message, in order, and never raises for a
    provider's answer; it blocks, and may be called from several threads at once."""

    name: str
    medium: Medium
    #: messages per call at most
    batch_size: int

    def deliver(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]: ...

    def close(self) -> None: ...


@runtime_checkable
class BulkChannel(Protocol):
    """A channel that can take one e-mail to many without their whole texts. As `deliver`: one outcome a recipient."""

    def deliver_bulk(self, bulk: BulkEmail) -> Sequence[Outcome]: ...


@runtime_checkable
class AskableChannel(Protocol):
    """A channel whose provider can be asked what it took: what is found settles a message in doubt."""

    def look_up(self, to: str, since: datetime) -> Sequence[Found] | None:
        """What went to an address since then, the newest first; None where the provider would not say.

        That nothing is found proves nothing: the message may still be on its way into the provider's books.
        """
        ...


def deliver_bulk(channel: Channel, bulk: BulkEmail) -> Sequence[Outcome]:
    """One outcome a recipient, in order: by the channel's own way, else in whole e-mails, a batch at a time."""
    if isinstance(channel, BulkChannel):
        return channel.deliver_bulk(bulk)
    outcomes: list[Outcome] = []
    for start in range(0, len(bulk), channel.batch_size):
        rows = range(start, min(start + channel.batch_size, len(bulk)))
        outcomes += channel.deliver([bulk.email(n) for n in rows])
    return outcomes
