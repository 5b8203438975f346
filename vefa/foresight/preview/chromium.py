"""Pages as a real Chromium of the machine shows them: measured, and photographed."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vefa.files import write_private
from vefa.foresight.preview.driver import ChromiumFailed, Tab, connected

Mode = Literal["light", "dark"]
MODES: tuple[Mode, ...] = ("light", "dark")
#: A small phone, and a mail program's pane.
WIDTHS = (360, 800)

MISSING = (
    "No Chromium is on this machine, so there are no pictures: the page shows the messages themselves, as bright or "
    "dark as the browser it is opened in. On Debian: apt-get install chromium"
)
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


class Browser:
    """A browser with one tab."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab

    def look(self, page: Path, picture: str | None, widths: Sequence[int] = WIDTHS) -> Iterator[Seen]:
        """The page at every width in both modes. `picture` is where pictures go, as far as width and mode are not
        in their names; None where only measures are wanted."""
        self._open(page)
        for width in widths:
            for mode in MODES:
                yield self._one(width, mode, picture)

    def _open(self, page: Path) -> None:
        self._tab.call("Page.navigate", url=page.resolve().as_uri())
        with suppress(ChromiumFailed):  # a picture of some site that does not come: the rest is there
            self._tab.await_event("Page.loadEventFired")

    def _one(self, width: int, mode: Mode, picture: str | None) -> Seen:
        self._tab.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self._tab.show(mode)
        found = self._tab.value(_LOOK)
        if found is None:
            raise ChromiumFailed("Chromium could not measure a page")
        path = None if picture is None else Path(f"{picture}.{width}.{mode}.png")
        if path is not None:
            self._shoot(path, max(width, found["width"]), found["height"])
        faint = [(words, ratio) for words, ratio in found["faint"]]
        small = [(words, height) for words, height in found["small"]]
        return Seen(width, mode, found["width"], found["height"], found["broken"], faint, small, path)

    def _shoot(self, path: Path, width: int, height: int) -> None:
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self._tab.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True, optimizeForSpeed=True)
        write_private(path, base64.b64decode(shot["data"]))


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, started for these pages and ended with them. ChromiumFailed where it does not start."""
    with connected() as socket:
        yield Browser(Tab(socket))
