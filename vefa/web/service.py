"""What every room of the web service works with."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy.engine import Engine

from vefa.clock import Clock, system_clock
from vefa.content.links import LinkSigner
from vefa.settings import Settings
from vefa.web.committing import Committer
from vefa.web.inbox import Inbox


@dataclass(frozen=True)
class Service:
    """One shop's settings, database, signer and clock, and the one thread that writes for all requests."""

    settings: Settings
    database: Engine
    secret: bytes = field(repr=False)
    links: LinkSigner = field(repr=False)
    committer: Committer = field(repr=False)
    inbox: Inbox = field(repr=False)
    clock: Clock = system_clock

    def close(self) -> None:
        """Finish what is being written; the database stays open."""
        self.committer.close()


def open_service(settings: Settings, database: Engine, secret: bytes, clock: Clock = system_clock) -> Service:
    """The service of these settings over an open database whose tables are there. Close it at the end."""
    committer = Committer(database)
    signer = LinkSigner(secret, settings.public_url)
    return Service(settings, database, secret, signer, committer, Inbox(committer, clock), clock)
