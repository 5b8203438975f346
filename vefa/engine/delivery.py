"""Messages from the ledger to the provider: one batch at a time per worker, several workers at once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

from vefa.database import reading, writing
from vefa.engine.batch import BatchWork
from vefa.engine.post import Post, StepCounts, queued, running
from vefa.ledger import claims, settlements

#: Messages reserved and rendered together.
BATCH = 500
#: Messages claimed and sent together: whoever dies between claim and settlement leaves so many in doubt at most.
CLAIM = 100


def deliver(post: Post, progress: Callable[[int, int], None] | None = None, limit: int | None = None) -> StepCounts:
    """Send what is queued at the step, with several requests in flight; with `limit`, about so many and no more.

    Ctrl-C ends it between batches.
    """
    counts, lock, stop = StepCounts(post.step.id), Lock(), Event()
    with reading(post.shop.database) as connection:
        total = min(queued(connection, post, post.clock()), limit or sys.maxsize)

    def work() -> None:
        while not stop.is_set() and (done := deliver_batch(post)) is not None:
            with lock:
                counts.add(done)
                if counts.handled >= total and limit:
                    stop.set()
                if progress:
                    progress(counts.handled, total)

    if not total:
        return counts
    post.shop.templates.refresh()
    workers = min(_workers(post), -(-total // BATCH))
    with ThreadPoolExecutor(workers, thread_name_prefix="vefa-send") as pool:
        try:
            for future in [pool.submit(work) for _ in range(workers)]:
                future.result()
        except BaseException:
            stop.set()
            raise
    return counts


def _workers(post: Post) -> int:
    local = all(channel.name == "outbox" for channel in post.shop.channels.values())
    return 1 if local else post.shop.settings.sends_in_flight


def deliver_batch(post: Post) -> StepCounts | None:
    """One batch from reservation to settlement; None when nothing is queued."""
    now, wall = post.clock(), post.wall()
    with reading(post.shop.database) as connection:
        if not running(connection, post):
            return None
    batch = claims.reserve(post.shop.database, post.mine, post.pin.journey_id, post.owner, now, wall, BATCH)
    if batch is None:
        return None
    work = BatchWork(post, batch, now)
    try:
        drafts = work.prepare()
        ids = sorted(drafts)
        for start in range(0, len(ids), CLAIM):
            part = {send_id: drafts[send_id] for send_id in ids[start : start + CLAIM]}
            work.send(work.claim(part), part)
        work.close()
    finally:
        with writing(post.shop.database) as connection:
            settlements.give_back(connection, batch)
    return work.counts
