"""Where things are measured: sinks, shops, the peers' bodies, and rounds in which all run by turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from bench import ours
from bench.processes import Failed, Sample, measured
from bench.report import Row
from bench.shops import Shop, make_shop
from bench.sinks import Sink, Taken, sink

#: seconds after which the slow sink answers
SLOW = 0.06

Told = Callable[[str], None]


@dataclass(frozen=True)
class Sizes:
    """How many recipients each thing is measured with, and how often."""

    recipients: int = 1_000_000
    beside_peers: int = 100_000
    letters: int = 20_000
    calls: int = 1_000
    tasks: int = 300
    slow: int = 200_000
    texts: int = 5_000
    workers: int = 100_000
    rounds: int = 3


QUICK = Sizes(20_000, 5_000, 1_000, 200, 50, 1_000, 1_000, 1_000, 1)


@dataclass(frozen=True)
class Contestant:
    """One thing to be measured: its name, how many must be reached, the sink that counts them, one round of it."""

    name: str
    recipients: int
    sink: Sink
    round: Callable[[], Sample]

    def once(self) -> tuple[Sample, Taken]:
        """One round. Raises Failed unless the sink got everybody, and everybody once."""
        self.sink.taken()
        sample, taken = self.round(), self.sink.taken()
        if not sample.recipients == taken.recipients == taken.unique == self.recipients:
            raise Failed(
                f"{self.name}: {self.recipients:,} were to be reached once each; the sender says "
                f"{sample.recipients:,}, the sink took {taken.recipients:,}, of them {taken.unique:,} different."
            )
        return sample, taken


def interleaved(contestants: Sequence[Contestant], rounds: int, told: Told) -> list[Row]:
    """All contestants by turns, so that whatever the machine does besides touches them alike."""
    found: list[list[tuple[Sample, Taken]]] = [[] for _ in contestants]
    for number in range(rounds):
        for contestant, results in zip(contestants, found, strict=True):
            told(f"round {number + 1} of {rounds}: {contestant.name}")
            results.append(contestant.once())
    return [
        Row(contestant.name, *(tuple(column) for column in zip(*results, strict=True)))
        for contestant, results in zip(contestants, found, strict=True)
    ]


class Laboratory:
    """Sinks, shops and the bodies that the peers send, made when they are first asked for."""

    def __init__(self, folder: Path, sizes: Sizes, told: Told) -> None:
        self.folder, self.sizes, self.told = folder, sizes, told
        self._open = ExitStack()
        self._shops: dict[int, Shop] = {}

    def close(self) -> None:
        self._open.close()

    @cached_property
    def mail(self) -> Sink:
        return self._open.enter_context(sink("sendgrid"))

    @cached_property
    def slow_mail(self) -> Sink:
        return self._open.enter_context(sink("sendgrid", delay=SLOW))

    @cached_property
    def texts(self) -> Sink:
        return self._open.enter_context(sink("twilio"))

    def shop(self, customers: int) -> Shop:
        if customers not in self._shops:
            self.told(f"a shop of {customers:,} customers")
            self._shops[customers] = make_shop(self.folder / f"shop-{customers}", customers)
        return self._shops[customers]

    @cached_property
    def batch_body(self) -> bytes:
        """One of our requests on the batch path."""
        return self._body(whole=False)

    @cached_property
    def whole_body(self) -> bytes:
        """One of our requests with a whole letter."""
        return self._body(whole=True)

    def _body(self, *, whole: bool) -> bytes:
        with sink("sendgrid", keep=True) as mail, self.shop(200).copied() as shop:
            measured(ours.tick, shop, mail.url, whole=whole)
            return mail.body()

    def rows(self, *contestants: Contestant, rounds: int | None = None) -> list[Row]:
        return interleaved(contestants, rounds or self.sizes.rounds, self.told)

    # --- contestants

    def batch(self, customers: int, where: Sink | None = None, name: str = "vefa, batch path") -> Contestant:
        return self._walk(f"{name}, {customers:,}", customers, where or self.mail, ours.tick)

    def whole(self, customers: int) -> Contestant:
        return self._walk("vefa, whole letters", customers, self.mail, partial(ours.tick, whole=True))

    def flow(self, customers: int) -> Contestant:
        return self._walk("vefa, batch path, as a Prefect flow", customers, self.mail, ours.flow)

    def sms(self, customers: int) -> Contestant:
        walk = partial(ours.tick, journey="text-message")
        return self._walk("vefa, SMS: the whole journey", customers, self.texts, walk)

    def _walk(self, name: str, customers: int, where: Sink, walk: Callable[..., Sample]) -> Contestant:
        def once() -> Sample:
            with self.shop(customers).copied() as shop:
                return measured(walk, shop, where.url)

        return Contestant(name, customers, where, once)

    def peer(self, name: str, recipients: int, where: Sink, peer: Callable[..., Sample], *given: object) -> Contestant:
        return Contestant(name, recipients, where, lambda: measured(peer, *given, recipients))
