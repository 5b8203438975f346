"""The measurements: who runs beside whom, and which goal is read off."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from bench import ours, peers
from bench.peers import LAST_EMAIL
from bench.postgres import postgresql
from bench.processes import Failed, Sample, measured
from bench.report import Goal, Row
from bench.shops import Shop, make_shop
from bench.sinks import Sink, Taken, sink
from bench.workers import IN_FLIGHT, run_workers

#: seconds after which the slow sink answers
SLOW = 0.06
#: most memory of one walk, in MB
MEMORY = 200.0

Told = Callable[[str], None]
Found = tuple[list[Goal], list[Row]]


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


def batch(lab: Laboratory) -> Found:
    """The batch path at full size, with and without Prefect around it, and its memory."""
    size, small = lab.sizes.recipients, lab.sizes.recipients // 100
    rows = lab.rows(
        lab.batch(size),
        lab.peer("bare loop, batches", size, lab.mail, peers.bare_batches, lab.mail.url, lab.batch_body),
        lab.flow(size),
        lab.batch(small),
    )
    vefa, bare, flow, few = rows
    share, more, growth = vefa.rate / bare.rate, flow.wall / vefa.wall - 1, vefa.peak / few.peak
    start = flow.more["start-up and end"]
    return [
        Goal(f"batch path, {size:,} recipients", "≤ 20 µs CPU each", _by_path(vefa), vefa.each <= 20),
        Goal("… against the bare loop", "≥ 0.25 ×", f"{share:.2f} ×", share >= 0.25),
        Goal(
            "… as a Prefect flow, first to last task run", "≤ 5 % more wall time",
            f"{more:+.1%}; start-up and end {start:.1f} s", more <= 0.05,
        ),
        Goal(f"… peak memory over that at {small:,}", "≤ 1.25 ×", f"{growth:.2f} ×", growth <= 1.25),
        Goal("… peak memory", "≤ 200 MB", f"{vefa.peak:.0f} MB", vefa.peak <= MEMORY),
    ], rows  # fmt: skip


def _by_path(vefa: Row) -> str:
    told = f"{vefa.each:.1f} µs"
    return told if vefa.per_request > 1 else f"{told}; a request for each, so this was no batch path"


def whole(lab: Laboratory) -> Found:
    """Whole letters, and the peers that send one request for each recipient; the batch path runs beside them."""
    sizes, mail = lab.sizes, lab.mail
    body, beside = lab.whole_body, lab.shop(200)
    rows = lab.rows(
        lab.whole(sizes.letters),
        lab.peer("bare loop, whole letters", sizes.letters, mail, peers.bare_letters, mail.url, body),
        lab.peer("one SDK call per recipient", sizes.calls, mail, peers.sdk_calls, mail.url, body),
        lab.peer("one Prefect task per recipient", sizes.tasks, mail, peers.prefect_tasks, beside, mail.url, body),
        lab.batch(sizes.beside_peers),
    )
    letters, bare, call, task, many = rows
    if letters.per_request != 1:
        raise Failed(f"{letters.name}: {letters.per_request:.1f} recipients a request; it was to be one.")
    ratios = [letters.rate / peer.rate for peer in (bare, call, task)]
    told = "{:.2f} × the bare loop, {:.1f} × the SDK, {:.0f} × Prefect tasks".format(*ratios)
    return [
        Goal("whole-rendered, one request each", "≤ 250 µs CPU each", f"{letters.each:.0f} µs", letters.each <= 250),
        _against(many, call, 60),
        _against(many, task, 800),
        Goal("whole letters against all three", "none set", told, None),
    ], rows  # fmt: skip


def _against(ours: Row, peer: Row, goal: int) -> Goal:
    """By the peer's rate; where it also knows when its last e-mail went, the ratio by that is told besides."""
    ratio = ours.rate / peer.rate
    told = f"{ratio:,.0f} ×"
    if last := peer.more.get(LAST_EMAIL):
        sooner = ours.rate * last / peer.recipients
        told += f" until its server has written the runs down; {sooner:,.0f} × by its last e-mail"
    return Goal(f"batch path against {peer.name}", f"≥ {goal} ×", told, ratio >= goal)


def slow(lab: Laboratory) -> Found:
    """A sink that takes its time."""
    size = lab.sizes.slow
    rows = lab.rows(
        lab.batch(size, name="vefa, batch path, sink at 0 ms"),
        lab.batch(size, lab.slow_mail, name="vefa, batch path, sink at 60 ms"),
    )
    share = rows[1].rate / rows[0].rate
    return [Goal("a sink that answers after 60 ms", "≥ 0.9 × the rate at 0 ms", f"{share:.2f} ×", share >= 0.9)], rows


def sms(lab: Laboratory) -> Found:
    """SMS: through the SDK as the channel drives it, by a bare loop, and as a whole journey."""
    size, texts = lab.sizes.texts, lab.texts
    rows = lab.rows(
        lab.peer("SMS through the SDK", size, texts, ours.sms_channel, lab.shop(200), texts.url),
        lab.peer("bare async loop, SMS", size, texts, peers.bare_texts, texts.url),
        lab.sms(size),
    )
    share, journey = rows[0].rate / rows[1].rate, rows[2].rate / rows[1].rate
    told = f"{share:.2f} ×; the whole journey {journey:.2f} ×"
    return [Goal("SMS through the SDK against a bare async loop", "≥ 0.45 ×", told, share >= 0.45)], rows


def workers(lab: Laboratory) -> Found:
    """One worker and two on PostgreSQL."""
    size, where = lab.sizes.workers, lab.slow_mail
    with postgresql() as server:
        lab.told(f"a PostgreSQL shop of {size:,} customers")
        shop = make_shop(lab.folder / "shop-postgresql", size, server.create("shop"))
        rows = lab.rows(
            *(
                Contestant(
                    f"vefa, PostgreSQL, sink at 60 ms, workers: {number}", size, where,
                    partial(run_workers, number, server, shop, where.url),
                )
                for number in (1, 2)
            )
        )  # fmt: skip
    ratio = rows[1].rate / rows[0].rate
    costs = "; ".join(
        f"{number}: {row.each:.0f} µs CPU, the server {row.more['server CPU µs each']:.0f} µs, "
        f"locks {row.more['lock waits µs each']:.1f} µs each"
        for number, row in zip(("one", "two"), rows, strict=True)
    )
    measure = f"PostgreSQL, 60 ms, {IN_FLIGHT} request in flight a worker: two workers against one"
    return [Goal(measure, "≥ 1.6 ×", f"{ratio:.2f} × ({costs})", ratio >= 1.6)], rows


def crm(lab: Laboratory) -> Found:
    """Segments, RFM and a tick with nothing due: `bench.crm.measure(folder, quick)` gives goals."""
    if importlib.util.find_spec("bench.crm") is None:
        return [Goal("segments · RFM · a tick with nothing due", "≤ 0.5 s · ≤ 3 s · ≤ 1 s", "", None)], []
    module = importlib.import_module("bench.crm")
    quick = lab.sizes.recipients < Sizes.recipients
    return list(module.measure(folder=lab.folder, quick=quick)), []


def ten_million(lab: Laboratory) -> Found:
    """Ten times as many, on disk."""
    size = lab.sizes.recipients
    rows = lab.rows(lab.batch(size), lab.batch(10 * size), rounds=1)
    ratio = rows[1].each / rows[0].each
    return [
        Goal(f"CPU per recipient at {10 * size:,} against {size:,}", "≤ 1.2 ×", f"{ratio:.2f} ×", ratio <= 1.2)
    ], rows


EXPERIMENTS: dict[str, Callable[[Laboratory], Found]] = {
    "batch": batch,
    "whole": whole,
    "slow": slow,
    "sms": sms,
    "workers": workers,
    "crm": crm,
    "ten-million": ten_million,
}


def sized(quick: bool, recipients: int | None) -> Sizes:
    """The sizes of this run; `recipients` is for the batch path."""
    sizes = QUICK if quick else Sizes()
    return sizes if recipients is None else replace(sizes, recipients=recipients)
