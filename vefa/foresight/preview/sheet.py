"""The folder `var/preview`: each message as files, and one page that shows them all with what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from shutil import rmtree
from typing import Any

from vefa.content.environments import html_environment
from vefa.files import make_private_folder, write_private
from vefa.foresight.findings import Finding
from vefa.foresight.preview.chromium import WIDTHS, Browser, Seen
from vefa.foresight.preview.looking import look, look_at, told
from vefa.foresight.preview.rendering import Preview


@dataclass
class Sheet:
    """Previews in a folder of their own, with what was found on the way."""

    folder: Path
    titles: Mapping[str, str]
    previews: list[Preview] = field(default_factory=list)
    pictures: dict[str, list[Seen]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @classmethod
    def fresh(cls, folder: Path, titles: Mapping[str, str]) -> Sheet:
        """An empty one: whatever an earlier preview left is taken away."""
        if folder.is_dir() and not folder.is_symlink():
            rmtree(folder)
        make_private_folder(folder)
        return cls(folder, titles)

    @property
    def page(self) -> Path:
        return self.folder / "index.html"

    @property
    def errors(self) -> Sequence[Finding]:
        return told(self.findings)[0]

    @property
    def warnings(self) -> Sequence[Finding]:
        return told(self.findings)[1]

    def put(self, preview: Preview) -> None:
        """Write the message's files, and look at its words."""
        self.previews.append(preview)
        self.findings += look(preview)
        if preview.fault:
            return
        place = self.folder / preview.file
        make_private_folder(place.parent)
        if preview.medium == "sms":
            write_private(place.with_name(place.name + ".sms.txt"), f"{preview.text}\n".encode())
            return
        write_private(place.with_name(place.name + ".html"), preview.html.encode())
        write_private(place.with_name(place.name + ".txt"), preview.text.encode())

    def photograph(self, browser: Browser) -> Iterator[Preview]:
        """Look at every e-mail in the browser, one by one; of several samples the first is kept as pictures."""
        for preview in self.previews:
            if preview.medium == "email" and not preview.fault:
                place = str(self.folder / preview.file)
                kept = place if preview.sample == self.previews[0].sample else None
                seen = list(browser.look(Path(place + ".html"), kept))
                self.findings += look_at(preview, seen)
                self.pictures[preview.file] = [each for each in seen if each.picture is not None]
                yield preview

    def write(self, title: str, about: str, note: str = "") -> Path:
        """The page with everything."""
        environment = html_environment("en", {}, "TRY", fuel=10**9)
        environment.add_template("sheet", files(__package__).joinpath("sheet.html").read_text(encoding="utf-8"))
        errors, warnings = told(self.findings)
        html = environment.render_template(
            "sheet",
            title=title,
            about=about,
            note=note,
            errors=[_finding(each) for each in errors],
            warnings=[_finding(each) for each in warnings],
            journeys=list(self._journeys()),
            widths=list(WIDTHS),
        )
        write_private(self.page, html.encode())
        return self.page

    def _journeys(self) -> Iterator[dict[str, Any]]:
        shown = [each for each in self.previews if each.sample == self.previews[0].sample or each.fault]
        for name in dict.fromkeys(each.journey for each in shown):
            mine = [each for each in shown if each.journey == name]
            steps = []
            for step in dict.fromkeys(each.step for each in mine):
                its = [each for each in mine if each.step == step]
                first = its[0]
                rows = [self._preview(each) for each in its]
                steps.append({"name": step, "template": first.template, "purpose": first.purpose, "previews": rows})
            yield {"name": name, "title": self.titles.get(name, name), "steps": steps}

    def _preview(self, preview: Preview) -> dict[str, Any]:
        seen = self.pictures.get(preview.file, ()) if preview.medium == "email" else ()
        return {
            "locale": preview.locale,
            "medium": preview.medium,
            "sample": "" if preview.sample in ("usual", "customer") else f" · {preview.sample}",
            "fault": preview.fault,
            "subject": preview.subject,
            "preheader": preview.preheader,
            "text": preview.text,
            "length": len(preview.text),
            "encoding": preview.encoding,
            "segments": preview.segments,
            "file": preview.file,
            "pictures": [_picture(each, kept, self.folder) for each in seen if (kept := each.picture)],
        }


def _picture(seen: Seen, kept: Path, folder: Path) -> dict[str, Any]:
    return {"file": kept.relative_to(folder).as_posix(), "width": seen.width, "mode": seen.mode}


def _finding(finding: Finding) -> dict[str, str]:
    return {"place": finding.place, "says": finding.says}
