"""The measurements: who runs beside whom, and which goal is read off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from bench import ours, peers
from bench.crm import Figure, measure
from bench.laboratory import QUICK, Contestant, Laboratory, Sizes
from bench.peers import LAST_EMAIL
from bench.postgres import postgresql
from bench.processes import Failed
from bench.report import Goal, Row
from bench.shops import make_shop
from bench.workers import IN_FLIGHT, run_workers

#: most memory of one walk, in MB
MEMORY = 200.0

Found = tuple[list[Goal], list[Row]]


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


#: Goals of a big shop: seconds that each piece of work whose name begins so may take.
SECONDS = (("segment ", 0.5), ("RFM", 3.0), ("tick of ", 1.0), ("tick with all of them waiting", 1.0))


def crm(lab: Laboratory) -> Found:
    """Segments, scores and ticks of a shop with five orders for each customer, each beside its peer."""
    customers = lab.sizes.recipients
    figures = measure(customers, 5 * customers, lab.folder / "crm")
    return [
        _within(figure, most) for figure in figures for begins, most in SECONDS if figure.what.startswith(begins)
    ], []


def _within(figure: Figure, most: float) -> Goal:
    beside = "" if figure.peer_wall is None else f"; {figure.peer}: {figure.peer_wall:.3f} s"
    rows = f"{figure.rows:,} found; " if figure.rows else ""
    measured = f"{figure.wall:.3f} s ({rows}{figure.cpu:.3f} s CPU{beside})"
    return Goal(f"big shop: {figure.what}", f"≤ {most:g} s", measured, figure.wall <= most)


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
