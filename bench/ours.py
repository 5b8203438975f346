"""What is measured of vefa, each in a process of its own: a journey by `run_tick`, the same as a Prefect flow."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any

from bench.processes import Failed, Sample, watch
from bench.shops import NOW, Journey, Shop
from vefa.channels.base import Channel, Outcome, Outgoing, Sms
from vefa.channels.registry import make_channel
from vefa.clock import stopped_at
from vefa.engine.lease import make_owner
from vefa.engine.shop import open_shop
from vefa.engine.walks import run_tick
from vefa.plan.project import load_project
from vefa.plan.steps import Medium


class WholeLetters:
    """A channel whose provider takes whole letters only: it can do what the one inside can, but not `deliver_bulk`."""

    def __init__(self, channel: Channel) -> None:
        self.name, self.medium, self.batch_size = channel.name, channel.medium, channel.batch_size
        self.deliver, self.close = channel.deliver, channel.close


def tick(shop: Shop, url: str, journey: Journey = "newsletter", *, whole: bool = False) -> Sample:
    """One walk of the journey: segment, enrol, personalise, claim, send, settle. `whole`: never in batches."""
    settings = shop.settings(url, journey)
    channels: dict[Medium, Channel] = {medium: make_channel(medium, settings) for medium in ("email", "sms")}
    if whole:
        channels["email"] = WholeLetters(channels["email"])
    opened = open_shop(settings, policy=load_project(settings.root, settings).policy, channels=channels)
    try:
        with watch() as seen:
            report = run_tick(opened, journey, clock=stopped_at(NOW), owner=make_owner())
    finally:
        opened.close()
    return seen.sample(report.sent)


def flow(shop: Shop, url: str, journey: Journey = "newsletter") -> Sample:
    """The same as a Prefect flow on a server of its own, from the first task run's start to the last one's end."""
    from flows.deployments import RUN_ENVIRONMENT
    from flows.prefect_server import quiet, speaking_to

    settings = shop.settings(url, journey)
    os.environ |= {**quiet(settings), **RUN_ENVIRONMENT, "PREFECT_LOGGING_LEVEL": "WARNING"}
    with speaking_to(settings, None), watch() as seen:
        runs, sent = asyncio.run(_walked(shop, url, journey))
    wall = (max(run.end_time for run in runs) - min(run.start_time for run in runs)).total_seconds()
    sample = seen.sample(sent, **{"start-up and end": seen.wall - wall})
    return Sample(sent, wall, sample.cpu, sample.peak, sample.more)


async def _walked(shop: Shop, url: str, journey: Journey) -> tuple[Sequence[Any], int]:
    from bench.task_runs import written_runs
    from flows.journey import journey_flow
    from flows.subjects import read_subject

    settings = shop.settings(url, journey)
    walk: Any = journey_flow(read_subject(journey, settings))
    state = await walk(now=NOW, return_state=True)
    if not state.is_completed():
        raise Failed(f"the flow run ended as {state.name}: {state.message}")
    return await written_runs(state.state_details.flow_run_id), _sent(shop, url)


def _sent(shop: Shop, url: str) -> int:
    """How many messages the ledger holds as sent."""
    import sqlalchemy as sa

    from vefa.database import open_database
    from vefa.ledger.tables import sends

    database = open_database(shop.settings(url).database)
    try:
        with database.connect() as connection:
            return connection.scalar(sa.select(sa.func.count()).where(sends.c.state == "sent")) or 0
    finally:
        database.dispose()


def sms_channel(shop: Shop, url: str, recipients: int) -> Sample:
    """SMS through the official SDK as our channel drives it, without a database."""
    channel = make_channel("sms", shop.settings(url, "text-message"))
    messages = [text_message(n) for n in range(1, recipients + 1)]
    try:
        with watch() as seen:
            outcomes = _in_parts(channel.deliver, messages, channel.batch_size)
    finally:
        channel.close()
    taken = sum(type(outcome).__name__ == "Accepted" for outcome in outcomes)
    return seen.sample(taken)


def text_message(n: int) -> Sms:
    """Recipient n's SMS."""
    text = f"Merhaba Sukru {n}, yeni sezon rafta, sizi bekliyoruz. Ornek Magaza, MERSIS 0123456789000015"
    return Sms(f"{n}.1", f"+{905_000_000_000 + n}", "ORNEK", text, "text-message", "word")


def _in_parts(
    deliver: Callable[[Sequence[Outgoing]], Sequence[Outcome]], messages: Sequence[Outgoing], size: int
) -> list[Outcome]:
    parts = (messages[start : start + size] for start in range(0, len(messages), size))
    return [outcome for part in parts for outcome in deliver(part)]
