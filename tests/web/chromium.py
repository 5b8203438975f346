"""A real Chromium of the machine, driven over its own wire: a phone's width, scripts switched off, clicks and keys."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from vefa.foresight.preview.driver import Tab, connected, program

#: Width and height of a small phone, in the units of style sheets.
PHONE = (360, 740)


#: For tests that look at pages: .ci/run installs Chromium, and `make test` must do on a machine without it.
needs_chromium = pytest.mark.skipif(program() is None, reason="this machine has no Chromium: apt-get install chromium")


class Phone(Tab):
    """A tab as wide as a phone, in the hands of a customer."""

    def __init__(self, socket: Any, width: int, height: int) -> None:
        super().__init__(socket)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2, mobile=True)

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


@contextmanager
def chromium(width: int = PHONE[0], height: int = PHONE[1]) -> Iterator[Phone]:
    """A browser with one tab as wide as a phone, which finds no host but this machine."""
    with connected("--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1") as socket:
        yield Phone(socket, width, height)
