"""The HTTP server under a fake provider: an event loop in a thread of its own, on loopback only."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from threading import Event, Thread
from types import TracebackType
from typing import Self

from aiohttp import web

from vefa.channels.fakes.behaviours import Answer, Asked, Behaviour, Drop, Hang, Script


class FakeServer:
    """Runs while the `with` block does. `script` makes it misbehave; `requests` counts what came in."""

    def __init__(self, port: int = 0) -> None:
        self.script = Script()
        self.requests = 0
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._stopping: asyncio.Event | None = None
        self._failure: BaseException | None = None

    @property
    def url(self) -> str:
        """The base URL to put into the settings."""
        return f"http://127.0.0.1:{self._port}"

    def answer(self, asked: Asked, *, keep: bool) -> Answer:
        """What the provider would say to a whole request; `keep` False leaves no trace of it."""
        raise LookupError(f"nothing is served at {asked.path}")

    def __enter__(self) -> Self:
        ready = Event()
        self._thread = Thread(target=self._run, args=(ready,), name=type(self).__name__, daemon=True)
        self._thread.start()
        ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._stopping is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def wait(self) -> None:
        """Serve until interrupted."""
        if self._thread is not None:
            self._thread.join()

    def _run(self, ready: Event) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as failure:  # whoever waits for the server must hear of it
            self._failure = failure
            ready.set()

    async def _serve(self, ready: Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", self._port, backlog=1024)
            await site.start()
            self._port = runner.addresses[0][1]
            ready.set()
            await self._stopping.wait()
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests += 1
        asked = Asked(self.requests, request.method, request.path_qs, request.headers, b"")
        turn = self.script.from_queue()
        if isinstance(turn.behaviour, Drop) and turn.behaviour.before_reading:
            return _cut(request)
        asked = replace(asked, body=await request.content.read())
        behaviour = turn.behaviour if turn.queued else self.script.by_rule(asked)
        return await self._behave(request, asked, behaviour)

    async def _behave(self, request: web.BaseRequest, asked: Asked, behaviour: Behaviour | None) -> web.StreamResponse:
        match behaviour:
            case None:
                return _response(self.answer(asked, keep=True))
            case Answer():
                if behaviour.keeps:
                    self.answer(asked, keep=True)
                return _response(behaviour)
            case Hang():
                answer = self.answer(asked, keep=behaviour.keeps)
                await asyncio.sleep(behaviour.seconds)
                return _response(answer)
            case Drop():
                if behaviour.keeps:
                    self.answer(asked, keep=True)
                return _cut(request)


def _response(answer: Answer) -> web.Response:
    kind = "text/html" if answer.body.startswith(b"<") else "application/json" if answer.body else "text/plain"
    headers = {"Content-Type": kind, **answer.headers}
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def _cut(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)
