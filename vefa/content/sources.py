"""The template folder: which file is what, and how a file, its includes and the layout become one text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vefa.content.problems import TemplateBroken, TemplateProblem
from vefa.plan.steps import Medium

Kind = Literal["email", "html", "text", "sms", "partial"]

#: How the name of a new template of a medium ends.
ENDS: Mapping[Medium, str] = {"email": "mjml", "sms": "sms.txt"}
CONTENT_MARKER = re.compile(r"<!--\s*vefa:content\s*-->")
INCLUDE = re.compile(r"<!--\s*vefa:include\s+([\w-]+)\s*-->")
_WHOLE = re.compile(r"\s*(?:<!--.*?-->\s*)*<(?:mjml|!doctype|html)\b", re.S | re.I)
_NAME = re.compile(
    r"(?P<name>[a-z0-9_][\w-]*?)(?:\.(?P<locale>[a-z]{2}(?:-[A-Z]{2})?))?(?P<end>\.mjml|\.html|\.sms\.txt|\.txt)"
)
_KINDS: Mapping[str, Kind] = {".mjml": "email", ".html": "html", ".sms.txt": "sms", ".txt": "text"}
_DEEPEST_INCLUDE = 5


@dataclass(frozen=True)
class TemplateFile:
    """One file of the folder. `locale` is empty for a partial or layout of all languages."""

    path: Path
    name: str
    locale: str
    kind: Kind
    source: str

    @property
    def whole(self) -> bool:
        """A document of its own, which takes no layout."""
        return _WHOLE.match(self.source) is not None


@dataclass(frozen=True)
class Folder:
    """All template files as they were when the folder was read."""

    path: Path
    files: Mapping[tuple[Kind, str, str], TemplateFile]
    problems: tuple[TemplateProblem, ...]

    def email(self, name: str, locale: str) -> TemplateFile | None:
        """The body of an e-mail, as MJML or HTML."""
        return self.files.get(("email", name, locale)) or self.files.get(("html", name, locale))

    def partial(self, name: str, locale: str) -> TemplateFile | None:
        """A layout or an included part: in this language, else in all."""
        return self.files.get(("partial", name, locale)) or self.files.get(("partial", name, ""))

    def locales(self, kind: Medium, name: str) -> frozenset[str]:
        """The languages a template has."""
        kinds = ("email", "html") if kind == "email" else ("sms",)
        return frozenset(locale for k, n, locale in self.files if k in kinds and n == name)

    def names(self, kind: Medium) -> frozenset[str]:
        """All templates of a medium."""
        kinds = ("email", "html") if kind == "email" else ("sms",)
        return frozenset(n for k, n, _ in self.files if k in kinds)

    def assemble(self, file: TemplateFile) -> str:
        """The whole MJML (or whole HTML) of an e-mail: put into its layout, includes put in."""
        source = self._included(file.source, file, 0)
        if file.whole:
            return source
        if file.kind == "html":
            source = f"<mj-section><mj-column><mj-text>{source}</mj-text></mj-column></mj-section>"
        layout = self.partial("_layout", file.locale)
        if layout is None:
            raise TemplateBroken(f"{file.path}: there is no layout; write {self.path / '_layout.mjml'}")
        around = self._included(layout.source, file, 0)
        if not CONTENT_MARKER.search(around):
            raise TemplateBroken(f"{layout.path}: has no <!-- vefa:content --> where the message would stand")
        return CONTENT_MARKER.sub(lambda _: source, around)

    def _included(self, source: str, file: TemplateFile, depth: int) -> str:
        def put_in(match: re.Match[str]) -> str:
            part = self.partial("_" + match[1], file.locale)
            if part is None:
                raise TemplateBroken(f"{file.path}: includes {match[1]}, but there is no _{match[1]}.mjml")
            if depth >= _DEEPEST_INCLUDE:
                raise TemplateBroken(f"{part.path}: is included in itself")
            return self._included(part.source, file, depth + 1)

        return INCLUDE.sub(put_in, source)


def fingerprint(path: Path, *others: Path) -> tuple[tuple[str, int, int], ...]:
    """Changes whenever one of the files does."""
    files = [*(sorted(path.iterdir()) if path.is_dir() else ()), *others]
    stats = [(str(file), file.stat()) for file in files if file.is_file()]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)


def read_folder(path: Path) -> Folder:
    """Every template file, and a problem for each that is none or cannot be read."""
    files: dict[tuple[Kind, str, str], TemplateFile] = {}
    problems = []
    for file in sorted(path.iterdir()) if path.is_dir() else ():
        if not file.is_file() or file.name.startswith(".") or file.suffix == ".md":
            continue
        read = _read(file)
        if isinstance(read, TemplateProblem):
            problems.append(read)
        else:
            files[read.kind, read.name, read.locale] = read
    return Folder(path, files, tuple(problems))


def _read(path: Path) -> TemplateFile | TemplateProblem:
    match = _NAME.fullmatch(path.name)
    if match is None:
        return TemplateProblem(
            path, 0, "is no template's name; write name.locale.mjml, .html, .sms.txt or .txt", "warning"
        )
    partial = match["name"].startswith("_")
    if not partial and not match["locale"]:
        return TemplateProblem(path, 0, f"names no language; write {match['name']}.tr{match['end']}")
    try:
        source = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return TemplateProblem(path, 0, "is not UTF-8 text")
    kind = "partial" if partial else _KINDS[match["end"]]
    return TemplateFile(path, match["name"], match["locale"] or "", kind, source)
