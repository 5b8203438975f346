"""A real Chromium of the machine, driven over its own wire: a phone's width, scripts switched off, clicks and keys."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from vefa.foresight.preview.chromium import program

#: Width and height of a small phone, in the units of style sheets.
PHONE = (360, 740)


#: For tests that look at pages: .ci/run installs Chromium, and `make test` must do on a machine without it.
needs_chromium = pytest.mark.skipif(program() is None, reason="this machine has no Chromium: apt-get install chromium")


class Tab:
    """One page in the browser. Pages see no scripts; what is measured here is asked from outside."""

    def __init__(self, socket: ClientConnection, session: str) -> None:
        self._socket, self._session, self._numbers = socket, session, count(1)

    def call(self, method: str, **parameters: Any) -> Any:
        """One command of the DevTools protocol, and its answer."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message | ({"sessionId": self._session} if self._session else {})))
        while True:
            answer = json.loads(self._socket.recv(timeout=60))
            if answer.get("id") == number and answer.get("sessionId", "") == self._session:
                assert "error" not in answer, answer["error"]
                return answer["result"]

    def await_event(self, name: str) -> None:
        while json.loads(self._socket.recv(timeout=60)).get("method") != name:
            pass

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.await_event("Page.loadEventFired")

    def value(self, expression: str) -> Any:
        """What an expression is worth in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", self.value("document.body.innerText"))

    def press(self, words: str) -> None:
        """Move to the button or link of these words with the tab key, and press Enter: no mouse is needed."""
        for _ in range(80):
            self.key("Tab", 9)
            if self.value("document.activeElement.innerText") == words:
                self.key("Enter", 13, "\r")
                self.await_event("Page.loadEventFired")
                return
        raise AssertionError(f"the tab key never comes to {words!r}")

    def toggle(self, name: str, value: str = "") -> None:
        """Press the box or point of that name with a finger's tap on its label."""
        wanted = f'[name="{name}"]' + (f'[value="{value}"]' if value else "")
        box = f"document.querySelector('{wanted}').closest('label')"
        self.value(f"{box}.scrollIntoView({{block: 'center'}})")
        at = self.value(f"(r => ({{x: r.x + r.width / 2, y: r.y + r.height / 2}}))({box}.getBoundingClientRect())")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)

    def key(self, key: str, code: int, text: str = "") -> None:
        named = {"key": key, "code": key, "windowsVirtualKeyCode": code, "text": text}
        self.call("Input.dispatchKeyEvent", type="keyDown", **named)
        self.call("Input.dispatchKeyEvent", type="keyUp", **(named | {"text": ""}))

    def picture(self, path: Path) -> None:
        """The whole page, as tall as it is."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def by_night(self, dark: bool = True) -> None:
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=features)


@contextmanager
def chromium(home: Path, width: int = PHONE[0], height: int = PHONE[1]) -> Iterator[Tab]:
    """A browser with one tab as wide as a phone. `home` is an empty folder."""
    command = [str(program()), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    command += ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--no-proxy-server"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--remote-debugging-port=0"]
    command += ["--force-color-profile=srgb", "--hide-scrollbars", f"--user-data-dir={home}", "about:blank"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            told = next(line for line in process.stderr if "DevTools listening on" in line)
            with connect(told.split()[-1], max_size=None, proxy=None) as socket:
                yield _tab(socket, width, height)
        finally:
            process.terminate()


def _tab(socket: ClientConnection, width: int, height: int) -> Tab:
    browser = Tab(socket, "")
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    tab = Tab(socket, session)
    tab.call("Page.enable")
    tab.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2, mobile=True)
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    return tab
