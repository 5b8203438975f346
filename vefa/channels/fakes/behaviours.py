"""How a fake provider may misbehave, and who decides when."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from threading import Lock


@dataclass(frozen=True)
class Answer:
    """Answer so, whatever was asked. `keeps`: the messages were taken all the same, as a real 500 may hide."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    keeps: bool = False


@dataclass(frozen=True)
class Hang:
    """Say nothing for so long, then answer as usual."""

    seconds: float
    keeps: bool = True


@dataclass(frozen=True)
class Drop:
    """Cut the connection: before the body is read (only from the queue), or after. `keeps`: the messages were taken."""

    before_reading: bool = False
    keeps: bool = False


Behaviour = Answer | Hang | Drop


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Rule = Callable[[Asked], Behaviour | None]


def busy(retry_after: int | None = None) -> Answer:
    """429, with or without a word on when to come again."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    body = b'{"errors":[{"field":null,"message":"too many requests"}],"code":20429,"message":"Too many requests"}'
    return Answer(429, body, headers)


def at_rate(behaviour: Behaviour, share: float, seed: int = 0) -> Rule:
    """A rule that misbehaves so for a `share` of the requests, the same ones in every run."""

    def rule(asked: Asked) -> Behaviour | None:
        digest = blake2b(f"{seed}:{asked.number}".encode(), digest_size=4).digest()
        return behaviour if int.from_bytes(digest, "big") < share * 2**32 else None

    return rule


@dataclass(frozen=True)
class Turn:
    """Whether something was queued for a request, and what: None means that it goes well."""

    queued: bool
    behaviour: Behaviour | None = None


class Script:
    """What happens next: queued behaviours first, then the rules in turn; None lets the request through."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._queue: deque[Behaviour | None] = deque()
        self._rules: list[Rule] = []

    def queue(self, *behaviours: Behaviour | None) -> None:
        """One for each of the next requests; None for one that goes well."""
        with self._lock:
            self._queue.extend(behaviours)

    def rule(self, rule: Rule) -> None:
        """Ask this of every request for which nothing is queued."""
        with self._lock:
            self._rules.append(rule)

    def clear(self) -> None:
        """Behave from now on."""
        with self._lock:
            self._queue.clear()
            self._rules.clear()

    def from_queue(self) -> Turn:
        """What is queued for this request, if anything is."""
        with self._lock:
            return Turn(True, self._queue.popleft()) if self._queue else Turn(False)

    def by_rule(self, asked: Asked) -> Behaviour | None:
        """What the first rule with an opinion says to this request."""
        with self._lock:
            rules = tuple(self._rules)
        return next((found for rule in rules if (found := rule(asked)) is not None), None)
