"""Several processes deliver one step of one journey on PostgreSQL: everybody is queued, then all begin at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import sqlalchemy as sa

from bench.postgres import Server, watched_locks
from bench.processes import Sample, measured, together, watch
from bench.shops import NOW, Journey, Shop
from vefa.clock import stopped_at, system_clock
from vefa.crm import facts
from vefa.database import reading
from vefa.engine.delivery import deliver
from vefa.engine.lease import make_owner
from vefa.engine.plans import journey_row, plans_in_use
from vefa.engine.post import Post, queued
from vefa.engine.scopes import make_world
from vefa.engine.shop import Shop as OpenShop
from vefa.engine.shop import open_shop
from vefa.engine.stands import Stand
from vefa.engine.steps import advance
from vefa.engine.tick import Tick
from vefa.plan.project import load_project
from vefa.plan.steps import Message

JOURNEY: Journey = "newsletter"
#: requests that one worker has under way
IN_FLIGHT = 1


def run_workers(workers: int, server: Server, template: Shop, url: str) -> Sample:
    """So many workers deliver to all customers of the shop. Wall: from the first one's begin to the last one's end."""
    name = f"round_{workers}"
    server_url = server.create(name, sa.make_url(template.database_url).database)
    shop = replace(template, database_url=server_url)
    try:
        measured(queue_all, shop, url)
        before = server.cpu()
        with watched_locks(server) as waits:
            parts = together([(deliver_part, (shop, url), {}) for _ in range(workers)])
        after = server.cpu()
    finally:
        server.drop(name)
    recipients = sum(part.recipients for part in parts)
    began, ended = min(part.more["began"] for part in parts), max(part.more["ended"] for part in parts)
    more = {
        "server CPU µs each": (after - before) / recipients * 1e6,
        "lock waits µs each": waits.seconds / recipients * 1e6,
    }
    return Sample(recipients, ended - began, sum(p.cpu for p in parts), max(p.peak for p in parts), more)


def queue_all(shop: Shop, url: str) -> Sample:
    """Everybody enters, and their messages stand in the queue; the lease is given back."""
    opened = _opened(shop, url)
    try:
        with watch() as seen:
            tick = Tick.begin(opened, JOURNEY, clock=stopped_at(NOW), owner=make_owner())
            try:
                tick.enter()
                pin = tick.pins[0]
                for step in _messages(tick):
                    advance(Stand(opened, pin, step, tick.world, NOW))
            finally:
                tick.abandon()
        with reading(opened.database) as connection:
            return seen.sample(sum(queued(connection, post, NOW) for post in _posts(opened)))
    finally:
        opened.close()


def _messages(tick: Tick) -> list[Message]:
    return [step for step in tick.pins[0].plan.steps if isinstance(step, Message)]


def deliver_part(shop: Shop, url: str, ready: Callable[[], object] = lambda: None) -> Sample:
    """One worker: it sends whatever is queued until nothing is."""
    opened = _opened(shop, url)
    try:
        posts = _posts(opened)
        ready()
        with watch() as seen:
            sent = sum(deliver(post).sent for post in posts)
        return seen.sample(sent, began=seen.began, ended=seen.ended)
    finally:
        opened.close()


def _posts(opened: OpenShop) -> list[Post]:
    source = facts.refresh(opened.database, NOW, opened.settings.shop)
    with reading(opened.database) as connection:
        pin = plans_in_use(connection, journey_row(connection, JOURNEY))[0]
        world = make_world(connection, NOW, opened.settings.shop, source, pin)
    steps = [step for step in pin.plan.steps if isinstance(step, Message)]
    owner, clock = make_owner(), stopped_at(NOW)
    return [Post(opened, pin, pin, step, clock, system_clock, owner, world) for step in steps]


def _opened(shop: Shop, url: str) -> OpenShop:
    settings = shop.settings(url, JOURNEY, in_flight=IN_FLIGHT)
    return open_shop(settings, policy=load_project(settings.root, settings).policy)
