"""The instant path's errands: a thread of its own, so that a slow tool holds up nobody's answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread

import sqlalchemy as sa

from vefa.clock import Clock
from vefa.engine.errands import run_errands
from vefa.engine.lease import make_owner
from vefa.engine.shop import Shop
from vefa.errors import VefaError

log = logging.getLogger("vefa.instant")

#: Seconds before it is tried again after an error.
AGAIN = 5.0


class ErrandDesk:
    """Brings out what is due whenever it is called, one run at a time."""

    def __init__(self, open_shop: Callable[[], Shop], clock: Clock, wall: Clock) -> None:
        self._open_shop, self._clock, self._wall = open_shop, clock, wall
        self._shop: Shop | None = None
        self._called, self._stop = Event(), Event()
        self._thread = Thread(target=self._work, name="instant errands", daemon=True)
        self._thread.start()

    def call(self) -> None:
        """Something is due."""
        self._called.set()

    def end(self) -> None:
        """Finish the run at hand, then stop."""
        self._stop.set()
        self._called.set()

    def join(self) -> None:
        """Wait until it has stopped, and let go of the channels."""
        self._thread.join()
        for channel in self._shop.channels.values() if self._shop else ():
            channel.close()

    def _work(self) -> None:
        while not self._stop.is_set():
            self._called.wait()
            self._called.clear()
            if self._stop.is_set():
                return
            try:
                # Here, so that files with mistakes in them stop the errands alone, and are tried again.
                shop = self._shop = self._shop or self._open_shop()
                run_errands(shop, clock=self._clock, wall=self._wall, owner=make_owner())
            except (VefaError, sa.exc.SQLAlchemyError, OSError) as error:
                log.warning("the instant path failed", extra={"kind": type(error).__name__})
                self._stop.wait(AGAIN)
