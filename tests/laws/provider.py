"""A provider that answers by a script: mostly well, sometimes not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from vefa.channels.base import Accepted, Busy, Denied, Doubtful, Outcome, Outgoing, Refused
from vefa.plan.steps import Medium

#: What a channel with chaos does, of 256 times.
MISHAPS = (("refused", 15), ("blocked", 25), ("busy", 45), ("denied", 53), ("doubtful", 90), ("crash", 115))


class Crash(BaseException):
    """The process ends here. Not an Exception: nothing may catch it and go on."""


@dataclass(frozen=True)
class Request:
    """One message as the provider got it, and whether it may have reached the customer."""

    at: datetime
    medium: Medium
    ref: str
    to: str
    journey: str
    step: str
    outcome: str

    @property
    def send_id(self) -> int:
        return int(self.ref.partition(".")[0])

    @property
    def person(self) -> int:
        """Addresses are numbered by person."""
        return int("".join(c for c in self.to.partition("@")[0] if c.isdigit())[-2:])


@dataclass
class ScriptedChannel:
    """Answers by the hash of whom, what and the attempt: the same in any order, on any database."""

    medium: Medium
    clock: list[datetime]
    chaos: int | None
    got: list[Request]
    gentle: bool = False
    name: str = "scripted"
    batch_size: int = 3

    def deliver(self, messages: Sequence[Outgoing]) -> Sequence[Outcome]:
        answers = []
        for message in messages:
            kind = self._kind(message)
            one = Request(self.clock[0], self.medium, message.ref, message.to, message.journey, message.step, kind)
            self.got.append(one)
            if kind == "crash":
                raise Crash(message.ref)
            answers.append(self._answer(kind))
        return answers

    def _kind(self, message: Outgoing) -> str:
        if self.chaos is None:
            return "accepted"
        attempt = message.ref.partition(".")[2]
        text = f"{self.chaos} {message.to} {message.journey} {message.step} {attempt}"
        dice = blake2b(text.encode(), digest_size=2).digest()[0]
        for kind, upto in MISHAPS:
            if dice < upto:
                return "accepted" if self.gentle and kind in {"denied", "crash"} else kind
        return "accepted"

    def _answer(self, kind: str) -> Outcome:
        return {
            "accepted": Accepted("id"),
            "refused": Refused("invalid"),
            "blocked": Refused("blocked", suppress=True),
            "busy": Busy("429", 90.0),
            "denied": Denied("401"),
            "doubtful": Doubtful("timeout"),
        }[kind]

    def close(self) -> None:
        """Nothing to let go of."""
