"""A real Chromium of the machine: one process for all pages, driven over its DevTools wire."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from vefa.errors import VefaError

Mode = Literal["light", "dark"]
MODES: tuple[Mode, ...] = ("light", "dark")
#: A small phone, and a mail program's pane.
WIDTHS = (360, 800)

MISSING = (
    "No Chromium is on this machine, so there are no pictures: the page shows the messages themselves, as bright or "
    "dark as the browser it is opened in. On Debian: apt-get install chromium"
)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    *("--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--disable-extensions"),
    *("--force-color-profile=srgb", "--disable-sync", "--mute-audio"),
)
#: Seconds that a page may take until its pictures are there.
PATIENCE = 20

#: Asked of the page from outside; nothing in it runs.
_LOOK = """(() => {
  const parse = color => { const n = (color.match(/[\\d.]+/g) || []).map(Number)
    return n.length < 3 || (n.length > 3 && n[3] === 0) ? null : n.slice(0, 3) }
  const linear = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4
  const light = color => color.map(linear).reduce((sum, v, n) => sum + v * [.2126, .7152, .0722][n], 0)
  const behind = e => { for (; e; e = e.parentElement) {
      const color = parse(getComputedStyle(e).backgroundColor); if (color) return color }
    return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255] }
  const contrast = e => { const [y, x] = [light(parse(getComputedStyle(e).color) || [0, 0, 0]), light(behind(e))]
    .sort((p, q) => p - q); return (x + .05) / (y + .05) }
  const seen = e => e.getClientRects().length > 0 && e.getBoundingClientRect().height > 1
    && getComputedStyle(e).opacity !== '0'
  const short = e => e.innerText.trim().replace(/\\s+/g, ' ').slice(0, 40)
  const all = names => [...document.querySelectorAll(names)]
  const texts = all('body *').filter(e => seen(e) && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
  const large = e => { const s = getComputedStyle(e), size = parseFloat(s.fontSize)
    return size >= 24 || (size >= 18.66 && Number(s.fontWeight) >= 700) }
  const buttons = all('.v-button a, .v-quiet a, a.button').filter(seen)
  return {
    width: document.documentElement.scrollWidth,
    height: Math.ceil(document.documentElement.getBoundingClientRect().height),
    broken: all('img').filter(i => i.complete && !i.naturalWidth && i.getAttribute('src')).map(i => i.src),
    faint: texts.map(e => [short(e), contrast(e), large(e) ? 3 : 4.5]).filter(([w, c, need]) => w && c < need - .005)
      .map(([w, c]) => [w, c]),
    small: buttons.map(e => [short(e), Math.round(e.getBoundingClientRect().height)]).filter(([_, h]) => h < 44),
  }
})()"""


class ChromiumFailed(VefaError):
    """The browser did not do what it was asked."""


@dataclass(frozen=True)
class Seen:
    """One page at one width in one mode: its picture's file, and what was measured."""

    width: int
    mode: Mode
    content_width: int
    height: int
    broken: Sequence[str]
    faint: Sequence[tuple[str, float]]
    small: Sequence[tuple[str, int]]
    picture: Path | None = None


def program() -> str | None:
    """Where the machine's Chromium is; None where it has none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Browser:
    """A browser with one tab."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._session, self._numbers = socket, "", count(1)
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._call("Page.enable")
        self._call("Emulation.setScriptExecutionDisabled", value=True)

    def look(self, page: Path, picture: str | None, widths: Sequence[int] = WIDTHS) -> Iterator[Seen]:
        """The page at every width in both modes. `picture` is where pictures go, as far as width and mode are not
        in their names; None where only measures are wanted."""
        self._open(page)
        for width in widths:
            for mode in MODES:
                yield self._one(width, mode, picture)

    def _open(self, page: Path) -> None:
        self._call("Page.navigate", url=page.resolve().as_uri())
        with suppress(ChromiumFailed):  # a picture of some site that does not come: the rest is there
            while self._hear().get("method") != "Page.loadEventFired":
                pass

    def _one(self, width: int, mode: Mode, picture: str | None) -> Seen:
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": mode}])
        result = self._call("Runtime.evaluate", expression=_LOOK, returnByValue=True)["result"]
        if "value" not in result:
            raise ChromiumFailed("Chromium could not measure a page")
        found = result["value"]
        path = None if picture is None else Path(f"{picture}.{width}.{mode}.png")
        if path is not None:
            self._shoot(path, max(width, found["width"]), found["height"])
        faint = [(words, ratio) for words, ratio in found["faint"]]
        small = [(words, height) for words, height in found["small"]]
        return Seen(width, mode, found["width"], found["height"], found["broken"], faint, small, path)

    def _shoot(self, path: Path, width: int, height: int) -> None:
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self._call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True, optimizeForSpeed=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _call(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message | ({"sessionId": self._session} if self._session else {})))
        while (answer := self._hear()).get("id") != number:
            pass
        if "error" in answer:
            raise ChromiumFailed(f"Chromium refused {method}: {answer['error'].get('message', '')}")
        return answer["result"]

    def _hear(self) -> dict[str, Any]:
        try:
            heard: dict[str, Any] = json.loads(self._socket.recv(timeout=PATIENCE))
        except (TimeoutError, OSError) as error:
            raise ChromiumFailed("Chromium says nothing any more") from error
        return heard


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, started for these pages and ended with them. ChromiumFailed where it does not start."""
    from websockets.sync.client import connect

    with TemporaryDirectory(prefix="vefa-chromium-", ignore_cleanup_errors=True) as home:
        own = ("--no-sandbox",) if os.geteuid() == 0 else ()  # Chromium's sandbox refuses to run as root
        command = [str(program()), *_ARGUMENTS, *own, f"--user-data-dir={home}", "about:blank"]
        nowhere = subprocess.DEVNULL
        with subprocess.Popen(command, stdout=nowhere, stderr=nowhere) as process:  # noqa: S603  # our own words
            try:
                with connect(_address(process, Path(home)), max_size=None, proxy=None) as socket:
                    yield Browser(socket)
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
