"""Chromium, driven over its DevTools wire: one process, one tab in which no scripts of pages run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vefa.errors import VefaError

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    *("--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--disable-extensions"),
    *("--force-color-profile=srgb", "--disable-sync", "--mute-audio"),
)
#: Seconds that a page may take until its pictures are there.
PATIENCE = 20


class ChromiumFailed(VefaError):
    """The browser did not do what it was asked."""


def program() -> str | None:
    """Where the machine's Chromium is; None where it has none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Tab:
    """One page in the browser. Pages see no scripts; what is measured is asked from outside."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._session, self._numbers = socket, "", count(1)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Emulation.setScriptExecutionDisabled", value=True)

    def call(self, method: str, **parameters: Any) -> Any:
        """One command of the DevTools protocol, and its answer."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message | ({"sessionId": self._session} if self._session else {})))
        while (answer := self._hear()).get("id") != number:
            pass
        if "error" in answer:
            raise ChromiumFailed(f"Chromium refused {method}: {answer['error'].get('message', '')}")
        return answer["result"]

    def await_event(self, name: str) -> None:
        """Until the browser tells of it."""
        while self._hear().get("method") != name:
            pass

    def open(self, url: str) -> None:
        """Go there, and wait until all of the page is there."""
        self.call("Page.navigate", url=url)
        self.await_event("Page.loadEventFired")

    def value(self, expression: str) -> Any:
        """What an expression is worth in the page; None where it cannot be told."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def show(self, mode: str) -> None:
        """By day or by night: `light` or `dark`."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": mode}])

    def _hear(self) -> dict[str, Any]:
        try:
            heard: dict[str, Any] = json.loads(self._socket.recv(timeout=PATIENCE))
        except (TimeoutError, OSError) as error:
            raise ChromiumFailed("Chromium says nothing any more") from error
        return heard


@contextmanager
def connected(*more: str) -> Iterator[Any]:
    """The wire to a Chromium that is started for this block and ended with it; `more` is said to it. ChromiumFailed
    where it does not start."""
    from websockets.sync.client import connect

    with TemporaryDirectory(prefix="vefa-chromium-", ignore_cleanup_errors=True) as home:
        own = ("--no-sandbox",) if os.geteuid() == 0 else ()  # Chromium's sandbox refuses to run as root
        command = [str(program()), *_ARGUMENTS, *own, *more, f"--user-data-dir={home}", "about:blank"]
        nowhere = subprocess.DEVNULL
        with subprocess.Popen(command, stdout=nowhere, stderr=nowhere) as process:  # noqa: S603  # our own words
            try:
                with connect(_address(process, Path(home)), max_size=None, proxy=None) as socket:
                    yield socket
                    with suppress(Exception):
                        socket.send(json.dumps({"id": 0, "method": "Browser.close"}))
            finally:
                process.terminate()


def _address(process: subprocess.Popen[bytes], home: Path) -> str:
    """Where its wire is: Chromium writes it into its own folder when it is ready."""
    told = home / "DevToolsActivePort"
    for _ in range(PATIENCE * 20):
        with suppress(OSError, ValueError):
            port, path = told.read_text(encoding="utf-8").splitlines()[:2]
            return f"ws://127.0.0.1:{int(port)}{path}"
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
            break
    raise ChromiumFailed("Chromium did not start; try `chromium --headless --dump-dom about:blank` by hand")
